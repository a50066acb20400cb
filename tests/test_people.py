"""People in 3D: the same person in every style, again and again; pictures that are whole; the command."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image

from blend import run
from blend.errors import BlendError
from blend.portraits import eyes, film, haircuts, head, lots, mesh, people, raster, strands, styles
from blend.portraits.person import BACKGROUNDS, EXPRESSIONS, HAIR_STYLES, Pose

SIZE = 32
FRONT = Pose(0.0, 0.0, 0.0)
STYLES = sorted(styles.STYLES)


@pytest.fixture(scope="module")
def drawn():
    """{style: uint8 [12,S,S,3]} of seeds 0 to 11."""
    return {style: people.draw(range(12), style, size=SIZE) for style in STYLES}


@pytest.mark.parametrize("style", STYLES)
def test_a_portrait_depends_on_its_person_alone(drawn, style):
    again = people.draw([7, 2, 5], style, size=SIZE)
    assert np.array_equal(again, drawn[style][[7, 2, 5]])
    assert len({picture.tobytes() for picture in drawn[style]}) == 12


@pytest.mark.parametrize("style", STYLES)
def test_portraits_have_light_and_shade(drawn, style):
    for picture in drawn[style]:
        assert 40 < picture.mean() < 225 and picture.std() > 20
        assert (picture.min(-1) > 250).mean() < 0.1 and (picture.max(-1) < 5).mean() < 0.3


def test_styles_differ(drawn):
    assert np.abs(drawn["photo"].astype(int) - drawn["cartoon"]).mean() > 20


def test_a_person_comes_back_from_json():
    for seed in range(30):
        someone = people.person(seed)
        assert people.parse(people.dump(someone)) == someone == people.person(seed)
        assert json.loads(people.dump(someone))["skin"]["tone"] == someone.skin.tone
    neutral = people.person(1)._replace(expression=people.expression("neutral"))
    assert people.parse(people.dump(neutral)) == neutral


def _changed(person, *path_and_value):
    value = json.loads(people.dump(person))
    place = value
    for name in path_and_value[:-2]:
        place = place[name]
    place[path_and_value[-2]] = path_and_value[-1]
    return json.dumps(value)


@pytest.mark.parametrize("change, said", [
    (("age", 200), "age should be a number from 12 to 90"), (("age", "old"), "float"),
    (("age", float("nan")), "age should be"), (("camera", "grain", 2), "grain should be"),
    (("age", 10 ** 400), "age should be"), (("hair", "style", "bobb"), "mean bob"), (("hair", 3), "JSON object"),
    (("hair", "colour", [1, 2]), "three numbers"), (("expression", {"mouthSmiles": 1}), "no 'fu-mouthSmiles'"),
    (("shape", {"nose": 1}), "the head has no"), (("shape", 3), "names and numbers"), (("sex", -1), "sex should be"),
    (("light", "side", 0), "side is 1"), (("ancestry", "asian", 1.0), "add up to 1"), (("seed", True), "a int"),
])
def test_what_is_no_person_is_said_in_one_line(change, said):
    with pytest.raises(BlendError, match=said):
        people.parse(_changed(people.person(0)._replace(ancestry=people.person(0).ancestry), *change))


@pytest.mark.parametrize("text", ["", "[]", "{}", "[" * 10 ** 5, '{"seed": 1}'])
def test_what_is_no_json_of_a_person_is_said_in_one_line(text):
    with pytest.raises(BlendError, match="person"):
        people.parse(text)


def test_a_person_that_was_set_wrongly_is_not_drawn():
    someone = people.person(0)
    for wrong in (someone._replace(age="old"), someone._replace(sex=float("nan")), someone._replace(age=200.0),
                  someone._replace(hair=someone.hair._replace(style="bobb")), someone._replace(shape=(("nose", 1.0),)),
                  someone._replace(eyes=(0.1, None, 0.2)), someone._replace(age=np.float64(5))):
        with pytest.raises(BlendError):
            people.draw([wrong], size=SIZE)
    with pytest.raises(BlendError, match="a list"):
        people.draw(3)


@pytest.mark.parametrize("seed", [-1, 2 ** 32, "3", 1.5, True, None])
def test_seeds_that_are_none(seed):
    with pytest.raises(BlendError, match="seed"):
        people.draw([seed], size=SIZE)


@pytest.mark.parametrize("options, said", [
    ({"style": "foto"}, "did you mean photo"), ({"style": 3}, "styles are"), ({"size": 8}, "size"),
    ({"size": 2000}, "size"), ({"size": "64"}, "size"), ({"samples": 2}, "samples")])
def test_what_cannot_be_drawn(options, said):
    with pytest.raises(BlendError, match=said):
        people.draw([0], **options)


def test_people_differ_as_people_do():
    crowd = [people.person(seed) for seed in range(400)]
    assert {someone.hair.style for someone in crowd} == set(HAIR_STYLES) and len(HAIR_STYLES) >= 12
    assert {someone.background.scene for someone in crowd} == set(BACKGROUNDS)
    assert all(12 <= someone.age <= 90 for someone in crowd)
    yaws = np.array([someone.pose.yaw for someone in crowd])
    assert abs(yaws).max() <= 25 and 7 < yaws.std() < 11
    assert 0.4 < np.mean([someone.sex > 0.5 for someone in crowd]) < 0.6
    assert not any(someone.beard.length for someone in crowd if someone.sex < 0.4 or someone.age < 20)
    dark = np.mean([np.mean(someone.hair.colour) < 0.2 for someone in crowd])
    assert 0.2 < dark < 0.7


@pytest.mark.parametrize("style", STYLES)
def test_an_expression_changes_the_mouth_and_little_else(style):
    someone = people.person(9)._replace(pose=FRONT, glasses=None)
    pictures = people.draw([someone._replace(expression=people.expression(name)) for name in ("neutral", "laugh")],
                           style, size=64).astype(float)
    change = np.abs(pictures[0] - pictures[1]).mean(-1)
    mouth = change[36:56, 20:44]
    assert mouth.mean() > 4
    assert change[:18].mean() < 0.02 * mouth.mean()  # hair and forehead
    assert change[:, :6].max() < 2                   # the background


def test_every_expression_and_hair_style_can_be_drawn():
    someone = people.person(3)
    assert set(haircuts.CUTS) == set(HAIR_STYLES) - {"bald"}
    crowd = [someone._replace(expression=people.expression(name)) for name in EXPRESSIONS]
    crowd += [someone._replace(hair=someone.hair._replace(style=name)) for name in HAIR_STYLES]
    pictures = people.draw(crowd, size=SIZE, samples=1)
    assert len({picture.tobytes() for picture in pictures}) == len(crowd) - 1  # one of the styles is their own
    with pytest.raises(BlendError, match="did you mean smile"):
        people.expression("smiles")


@pytest.mark.parametrize("style", STYLES)
def test_extremes_can_be_drawn(style):
    crowd = []
    for age, sex, tone, weight in ((12, 0, 0, 0), (12, 1, 7, 1), (90, 0, 7, 1), (90, 1, 0, 0)):
        someone = people.person(5)
        crowd.append(people.parse(people.dump(someone._replace(
            age=float(age), sex=float(sex), weight=float(weight), skin=someone.skin._replace(tone=float(tone)),
            pose=Pose(60.0, -30.0, 30.0)))))
    for picture in people.draw(crowd, style, size=SIZE):
        assert 20 < picture.mean() < 235


def _cheek(picture):
    """Mean of the middle of the face, between the eyes and the mouth."""
    return picture[17:20, 12:20].astype(float).mean()


@pytest.mark.parametrize("style", STYLES)
def test_skin_is_as_dark_in_every_style_and_never_black(style):
    someone = people.person(9)._replace(pose=FRONT, glasses=None)
    crowd = [someone._replace(skin=someone.skin._replace(tone=tone)) for tone in (0.0, 2.0, 4.0, 5.5, 7.0)]
    cheeks = [_cheek(picture) for picture in people.draw(crowd, style, size=SIZE)]
    assert cheeks == sorted(cheeks, reverse=True)
    assert cheeks[0] < 235 and cheeks[-1] > 55


def test_the_mesh_has_no_holes():
    for proportions in (head.NATURAL, head.TOON):
        for seed in range(6):
            built = head.build(people.person(seed), proportions)
            assert np.isfinite(built.points).all() and np.isfinite(mesh.normals(built.points)).all()
            screen = np.stack([160 + 120 * built.points[:, 0], 1100 - 120 * built.points[:, 1],
                               -built.points[:, 2]], 1).astype(np.float32)
            index, _ = raster.triangles(screen, mesh.head().triangles, 320, 320)
            shown = (index >= 0).reshape(320, 320)
            for row in shown[shown.any(1)]:
                columns = np.flatnonzero(row)
                inside = row[columns[0]:columns[-1] + 1]
                assert (~inside).sum() <= 0.25 * len(inside)  # ears stand off, nothing else does
            rows, columns = np.s_[150:300], np.s_[110:210]
            assert shown[rows, columns].all()  # the face


def test_eyes_look_at_us_and_are_not_crossed():
    for style in styles.STYLES.values():
        someone = people.person(0)._replace(pose=FRONT)
        someone = someone._replace(gaze=someone.gaze._replace(across=0.0, up=0.0, contact=0.9))
        built = head.build(someone, style.proportions)
        left, right = [eyes.gaze(someone, built.eyes[number], np.eye(3), film.CAMERA, style.eyes, side)
                       for number, side in ((0, 1), (1, -1))]
        assert left[2] > 0.99 and right[2] > 0.99
        assert -0.02 < left[0] - right[0] < 0.1


def test_a_triangle_covers_the_pixels_whose_middles_it_holds():
    points = np.array([[1, 1, 5], [1, 9, 5], [9, 1, 5]], np.float32)
    index, depth = raster.triangles(points, np.array([[0, 1, 2], [0, 2, 1]]), 10, 10)
    y, x = np.mgrid[0:10, 0:10] + 0.5
    inside = (x > 1) & (y > 1) & (x + y < 10)
    certain = np.abs(x + y - 10) > 1e-6
    assert np.array_equal((index.reshape(10, 10) == 0)[certain], inside[certain])
    assert (index < 1).all() and np.allclose(depth[index == 0], 5)
    pixels, corners, weights = raster.barycentric(points, np.array([[0, 1, 2]]), index, 10)
    middles = (points[corners, :2] * weights[..., None]).sum(1)
    assert np.allclose(middles, np.stack([pixels % 10, pixels // 10], 1) + 0.5, atol=1e-4)


def test_the_nearest_strand_is_shown_and_none_behind_the_head():
    points = np.array([[[1, 5, 3], [9, 5, 3]], [[5, 1, 2], [5, 9, 2]], [[1, 2, 9], [9, 2, 9]]], np.float32)
    ones = np.ones(3, np.float32)
    group = raster.Strands(points, ones, ones, 0 * ones, strands.HAIR, 1)
    splats, depth = raster.strands([group], lambda place: place, np.full(100, 4, np.float32), 10, 10)
    shown = depth.reshape(10, 10)
    assert shown[5, 5] == 2 and shown[5, 2] == 3 and shown[2, 2] == 4
    assert set(splats.pixels // 10) == set(range(1, 9)) and np.allclose(np.abs(splats.tangents).sum(1), 1)


def test_targets_have_names_that_tables_know():
    names = set(mesh.target_names())
    for table in (head._EVERYONE, head._FEMALE, head._YOUNG, head._OLD, head._TOON):
        assert set(table) <= names
    for seed in range(20):
        someone = people.person(seed)
        assert set(head.macro_weights(someone)) <= names
        assert sum(weight for name, weight in head.macro_weights(someone).items()
                   if not name.startswith("u-")) == pytest.approx(1, abs=1e-3)


def test_units_of_expressions_are_those_of_the_mesh():
    for name in EXPRESSIONS:
        for unit, weight in people.expression(name):
            assert "fu-" + unit in mesh.target_names() and 0 <= weight <= 1.1
    assert lots.expression("smile", 1) != lots.expression("smile", 2)


def command(capsys, *arguments):
    code = run.main(["portraits"] + [str(argument) for argument in arguments])
    return code, "".join(capsys.readouterr())


def test_the_command_draws_a_folder_and_goes_on_with_it(capsys, tmp_path):
    out = tmp_path / "people"
    options = ["--size", SIZE, "--out", out, "--jobs", 1]
    code, said = command(capsys, "--seeds", "0,2", *options)
    assert code == 0 and "2 portraits (photo, 32x32)" in said
    assert sorted(os.listdir(str(out))) == ["portraits.json", "seed000000.png", "seed000002.png"]
    kept = (out / "seed000000.png").stat().st_mtime_ns
    (out / "seed000002.png").write_bytes((out / "seed000002.png").read_bytes()[:500])  # cut off
    code, said = command(capsys, "--seeds", "0-2", *options)
    assert code == 0 and "1 of them were there" in said
    assert (out / "seed000000.png").stat().st_mtime_ns == kept
    for seed in range(3):
        with Image.open(str(out / ("seed%06d.png" % seed))) as image:
            assert np.array_equal(np.asarray(image), people.draw([seed], size=SIZE)[0])


def test_the_command_draws_the_same_in_several_processes(capsys, tmp_path, drawn):
    code, said = command(capsys, "--seeds", "0-4", "--style", "cartoon", "--size", SIZE, "--out", tmp_path / "x",
                         "--jobs", 2)
    assert code == 0, said
    for seed in range(5):
        with Image.open(str(tmp_path / "x" / ("seed%06d.png" % seed))) as image:
            assert np.array_equal(np.asarray(image), drawn["cartoon"][seed])


def test_the_command_draws_a_sheet(capsys, tmp_path, drawn):
    path = tmp_path / "sheet.png"
    code, said = command(capsys, "--style", "cartoon,photo", "--seeds", "3,5", "--size", SIZE, "--sheet", path,
                         "--jobs", 1)
    assert code == 0 and "sheet.png" in said
    with Image.open(str(path)) as image:
        sheet = np.asarray(image)
    rows = [np.concatenate(list(drawn[style][[3, 5]]), 1) for style in ("cartoon", "photo")]
    assert np.array_equal(sheet, np.concatenate(rows))


def test_a_sheet_of_many_people_is_wrapped(capsys, tmp_path, monkeypatch):
    monkeypatch.setattr("blend.commands.portraits._MOST_COLUMNS", 2)
    path = tmp_path / "sheet.png"
    assert command(capsys, "--style", "photo", "--seeds", "0-2", "--size", SIZE, "--sheet", path, "--jobs", 1)[0] == 0
    with Image.open(str(path)) as image:
        sheet = np.asarray(image)
    assert sheet.shape == (2 * SIZE, 2 * SIZE, 3) and (sheet[SIZE:, SIZE:] == 255).all()
    assert np.array_equal(sheet[SIZE:, :SIZE], people.draw([2], "photo", size=SIZE)[0])


@pytest.mark.parametrize("arguments, said", [
    (["--out", "x", "--style", "foto"], "did you mean photo"), (["--out", "x", "--size", "5"], "--size is 16 to 1024"),
    (["--out", "x", "--samples", "3"], "--samples is 1, 4, 9 or 16"), (["--out", "x", "--jobs", "0"], "--jobs is 1"),
    ([], "say where to"), (["--out", "x", "--sheet", "x.png"], "say where to"),
    (["--sheet", "x.png", "--seeds", "0-1999", "--size", "1024"], "2000 portraits of 1024 pixels is too large"),
    (["--sheet", "x.jpg"], "a sheet is a PNG"), (["--out", "x", "--style", "photo,cartoon"], "a folder each"),
    (["--sheet", "no/x.png"], "there is no folder"), (["--out", "x", "--size", "big"], "invalid int"),
])
def test_the_command_says_mistakes_in_one_line(capsys, tmp_path, monkeypatch, arguments, said):
    monkeypatch.chdir(tmp_path)
    code, told = command(capsys, "--seeds", "0-3", *arguments)
    assert code == 2 and said in told and told.count("\n") == 1
    assert not os.listdir(str(tmp_path))


def test_the_command_overwrites_nothing_of_others(capsys, tmp_path):
    Image.new("RGB", (10, 10)).save(str(tmp_path / "seed000000.png"))
    code, said = command(capsys, "--seeds", "0", "--size", SIZE, "--out", tmp_path)
    assert code == 2 and "nothing says who drew it" in said and "another folder" in said
    assert os.listdir(str(tmp_path)) == ["seed000000.png"]
    os.unlink(str(tmp_path / "seed000000.png"))
    assert command(capsys, "--seeds", "0", "--size", SIZE, "--out", tmp_path)[0] == 0
    for options in (["--style", "cartoon"], ["--size", 64], ["--samples", 1]):
        code, said = command(capsys, *(["--seeds", "0", "--size", SIZE, "--out", tmp_path] + options))
        assert code == 2 and "holds other portraits (style 'photo', size 32" in said
    (tmp_path / "portraits.json").write_text("[" * 1000)
    code, said = command(capsys, "--seeds", "0", "--size", SIZE, "--out", tmp_path)
    assert code == 2 and "cannot be read" in said and said.count("\n") == 1
    os.symlink(str(tmp_path / "elsewhere"), str(tmp_path / "new.png"))
    assert command(capsys, "--seeds", "0", "--size", SIZE, "--sheet", tmp_path / "new.png")[0] == 0
    assert not (tmp_path / "elsewhere").exists()
    code, said = command(capsys, "--seeds", "5-2", "--out", tmp_path)
    assert code == 2 and "backwards" in said
    code, said = command(capsys, "--seeds", "0-1001", "--style", "photo,cartoon", "--sheet", tmp_path / "s.png")
    assert code == 2 and "a sheet holds 2000" in said


def test_ctrl_c_leaves_whole_files_and_no_processes(tmp_path):
    process = subprocess.Popen([sys.executable, "-m", "blend.run", "portraits", "--seeds", "0-4000", "--size", "16",
                                "--samples", "1", "--out", str(tmp_path), "--jobs", "2"], stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, cwd=os.path.dirname(os.path.dirname(run.__file__)))
    deadline = time.time() + 60
    while len(os.listdir(str(tmp_path))) < 4 and time.time() < deadline and process.poll() is None:
        try:
            process.wait(0.05)
        except subprocess.TimeoutExpired:
            pass
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)  # it ends when the pipes do: those of its processes too
    assert process.returncode == 130 and b"Traceback" not in said and b"stopped" in said
    names = os.listdir(str(tmp_path))
    names.remove("portraits.json")
    assert len(names) >= 3 and all(name.endswith(".png") for name in names)
    for name in names:
        with Image.open(str(tmp_path / name)) as image:
            assert image.size == (16, 16)
            image.load()


def test_help_needs_no_tensorflow():
    code = "import sys; from blend import run; run.main(['portraits', '--seeds', 'x', '--out', 'y']); " \
           "assert 'tensorflow' not in sys.modules"
    subprocess.check_call([sys.executable, "-c", code], stderr=subprocess.DEVNULL)
    said = subprocess.check_output([sys.executable, "-m", "blend.run", "portraits", "--help"]).decode()
    assert "--sheet" in said and "python -m blend.run portraits --style photo" in said
