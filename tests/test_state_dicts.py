"""Generators that are bare state dicts, alone, inside something larger, in half precision, or beside other objects."""

import os
import pathlib
import pickle
import zipfile
from collections import OrderedDict

import hostile
import numpy as np
import pytest
from conftest import GOLDEN, golden, pico_file, torch_file
from test_formats import command, near
from test_stand_ins import state

import blend
from blend.checkpoints import layouts, pytorch_modules, torch_files
from blend.networks import stand_ins


def average(network):
    return np.asarray(network.variables["dlatent_avg"])


def prefixed(tensors, prefix):
    return OrderedDict((prefix + name, value) for name, value in tensors.items())


def same(found, network):
    """Equal but for mod_bias, to which rosinality's layout adds 1, and the stored variables that it lacks."""
    for name, value in network.variables.items():
        if name != "lod":
            near(found.variables[name], value, 1e-6)


@pytest.mark.parametrize("wrap", [
    lambda tensors: tensors,
    lambda tensors: prefixed(tensors, "module."),
    lambda tensors: {"state_dict": tensors},
    lambda tensors: {"params": prefixed(tensors, "generator.")},
    lambda tensors: {"g": tensors, "iteration": 5},
    lambda tensors: dict(prefixed(tensors, "g_ema."), **prefixed(OrderedDict(
        (name, value * 2) for name, value in tensors.items()), "g.")),
])
def test_a_plain_state_dict(wrap, tmp_path):
    network = pico_file(seed=4).Gs
    found = blend.load(torch_file(tmp_path / "bare.pt", wrap(state(network))))
    assert found.format == "rosinality" and found.D is None and stand_ins.NO_AVERAGE in found.left_out
    same(found.Gs, network.replaced(dict(network.variables, dlatent_avg=average(found.Gs))))
    assert blend.generate(found, [1]).shape == (1, 16, 16, 3)


@pytest.mark.parametrize("rows", [0, 1, 6])
def test_checkpoints_of_psp_and_e4e(rows, tmp_path, capsys):
    network = pico_file(seed=5).Gs
    w = average(network) if not rows else np.tile(average(network), (rows, 1))
    path = torch_file(tmp_path / "psp.pt", {
        "state_dict": dict(prefixed(state(network), "decoder."), **{"encoder.input_layer.0.weight": np.ones(
            (3, 3), np.float32), "encoder.body.0.weight": np.ones(2, np.float32)}),
        "opts": {"output_size": 16, "stylegan_weights": "x.pt"}, "latent_avg": w})
    found = blend.load(path)
    same(found.Gs, network)
    assert found.left_out == ("the entry 'opts'", "2 tensors beside those of 'decoder.'")
    code, said = command(capsys, "inspect", path)
    assert code == 0 and "2 tensors beside those of 'decoder.'" in said


def test_an_average_that_differs_by_layer_is_none(tmp_path):
    network = pico_file(seed=5).Gs
    w = np.random.RandomState(0).randn(6, 8).astype(np.float32)
    found = blend.load(torch_file(tmp_path / "psp.pt", {"state_dict": prefixed(state(network), "decoder."),
                                                        "latent_avg": w}))
    assert found.left_out == (stand_ins.NO_AVERAGE, "latent_avg, which is another w for each layer")


@pytest.mark.parametrize("name", ["ada-pytorch.pkl", "ada-pytorch-labels.pkl", "skip64", "resnet32", "orig32"])
def test_a_state_dict_of_stylegan2_ada_pytorch(name, tmp_path):
    networks = blend.load(os.path.join(GOLDEN, name)) if "." in name else golden(name).a
    tensors, _ = layouts.to_torch(networks.Gs, layouts.ada_generator)
    kernel = np.outer([1, 3, 3, 1], [1, 3, 3, 1]).astype(np.float32) / 64
    tensors["synthesis.b8.conv0.resample_filter"] = kernel
    path = torch_file(tmp_path / "ada.pt", {"G_ema": tensors})
    found = blend.load(path)
    assert found.format == "pytorch" and "no conv_clamp" in found.left_out[0]
    mine, theirs = [dict(each.Gs.architecture.items(), conv_clamp=None, label_embedding=None, fmap_base=None,
                         fmap_max=None, label_fmaps=None) for each in (found, networks)]
    if name == "ada-pytorch.pkl":
        theirs["mapping_lrmul"] = mine["mapping_lrmul"]
    assert mine == theirs
    for each, value in networks.Gs.variables.items():
        if each != "lod":
            near(found.Gs.variables[each], value, 1e-6)
    del tensors["mapping.w_avg"]
    assert stand_ins.NO_AVERAGE in blend.load(torch_file(path, tensors)).left_out
    tensors["synthesis.b8.conv0.resample_filter"] = kernel[::-1] * 2
    with pytest.raises(blend.NetworkFileError, match="another filter"):
        blend.load(torch_file(path, tensors))


@pytest.mark.parametrize("change, says", [
    (lambda t: t.pop("convs.2.noise.weight"), "convs.2.noise.weight is missing"),
    (lambda t: t.update(more=np.zeros(2, np.float32)), "the tensor more is of no StyleGAN2 network"),
    (lambda t: t.update({"convs.1.conv.weight": np.zeros((1, 8, 7, 3, 3), np.float32)}), "does not fit"),
])
def test_state_dicts_that_are_not_whole(change, says, tmp_path):
    tensors = state(pico_file().Gs)
    change(tensors)
    with pytest.raises(blend.NetworkFileError) as error:
        blend.load(torch_file(tmp_path / "bare.pt", tensors))
    assert says in str(error.value)


@pytest.mark.parametrize("name, family", [
    ("synthesis.input.freqs", "StyleGAN3"), ("style_mlp.1.weight", "BasicSR"),
    ("generator.progression.0.conv1.conv.weight", "StyleGAN 1"), ("backbone.synthesis.b4.conv1.weight", "EG3D")])
def test_state_dicts_of_other_families_are_named(name, family, tmp_path):
    for value in ({name: np.zeros(1, np.float32)}, {"params": {name: np.zeros(1, np.float32)}}):
        with pytest.raises(blend.NetworkFileError, match="is a state dict of %s" % family):
            blend.load(torch_file(tmp_path / "other.pt", value))


def halved(path, kind):
    """A torch_file whose storages are of half precision: Half or BFloat16."""
    with zipfile.ZipFile(path) as archive:
        members = OrderedDict((name, archive.read(name)) for name in archive.namelist())
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            if name.startswith("archive/data/"):
                numbers = np.frombuffer(data, "<f4")
                short = numbers.astype("<f2") if kind == "Half" else (numbers.view("<u4") >> 16).astype("<u2")
                data = short.tobytes()
            archive.writestr(name, data.replace(b"FloatStorage", kind.encode() + b"Storage"))
    return path


@pytest.mark.parametrize("kind", ["Half", "BFloat16"])
def test_half_precision_is_widened_exactly(kind, tmp_path, capsys):
    network = pico_file(seed=6).Gs
    tensors = dict(state(network), latent_avg=average(network))
    path = halved(torch_file(tmp_path / "half.pt", {"g_ema": tensors, "latent_avg": average(network)}), kind)
    found = blend.load(path)
    name = "G_synthesis/8x8/Conv1/weight"
    value = network.variables[name]
    expected = value.astype(np.float16).astype(np.float32) if kind == "Half" else (
        value.view(np.uint32) >> 16 << 16).view(np.float32)
    assert found.Gs.variables[name].dtype == np.float32 and np.array_equal(found.Gs.variables[name], expected)
    assert found.left_out[-1] == "half precision: its numbers are widened to float32, which is exact"
    assert "half precision" in command(capsys, "inspect", path)[1]
    assert not any("half precision" in each for each in blend.load(torch_file(path, {"g_ema": tensors})).left_out)


def test_half_precision_is_what_torch_makes_of_it(tmp_path):
    torch = pytest.importorskip("torch")
    network, path = pico_file(seed=6).Gs, str(tmp_path / "half.pt")
    for kind in (torch.float16, torch.bfloat16):
        for new in (True, False):
            tensors = {key: torch.from_numpy(np.array(value)).to(kind) for key, value in state(network).items()}
            torch.save({"g_ema": tensors}, path, _use_new_zipfile_serialization=new)
            found = blend.load(path)
            assert np.array_equal(found.Gs.variables["G_mapping/Dense1/weight"],
                                  tensors["style.2.weight"].float().numpy().T)
            assert any("half precision" in each for each in found.left_out)


class Odd(object):
    """Of a class that no network file needs."""

    def __init__(self):
        self.value = {"a": [1, 2], "path": pathlib.PurePosixPath("/x")}


@pytest.mark.parametrize("new", [True, False])
def test_entries_with_other_objects_are_skipped(new, tmp_path, capsys):
    torch = pytest.importorskip("torch")
    network, path = pico_file(seed=7).Gs, str(tmp_path / "odd.pt")
    tensors = {key: torch.from_numpy(np.array(value)) for key, value in state(network).items()}
    odd = Odd()
    torch.save({"g_ema": tensors, "latent_avg": torch.from_numpy(average(network)), "args": {"x": [odd, odd]},
                "device": torch.device("cpu"), "epoch": 3}, path, _use_new_zipfile_serialization=new)
    found = blend.load(path)
    same(found.Gs, network)
    assert "'args', which holds test_state_dicts.Odd: not built" in found.left_out
    assert "'device', which holds torch.device: not built" in found.left_out
    assert "besides  'args', which holds test_state_dicts.Odd" in command(capsys, "inspect", path)[1]


class Call(object):
    """Pickles as a call of os.mkdir."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (self.path,)


def archive(path, value):
    with zipfile.ZipFile(str(path), "w") as made:
        made.writestr("archive/data.pkl", pickle.dumps(value, 2))
    return str(path)


@pytest.mark.parametrize("value", [
    lambda call: call, lambda call: {"g_ema": {"style.1.weight": call}}, lambda call: {"g_ema": {}, "latent_avg": call},
    lambda call: {"g_ema": {}, "d": [call]}, lambda call: {"g_ema": {}, "blend": {"description": call}},
    lambda call: {"state_dict": {"x": (1, [{"y": call}])}}, lambda call: {"args": call}, lambda call: [call],
    lambda call: {"style.1.weight": call, "conv1.conv.modulation.weight": call},
])
def test_they_may_not_be_in_a_network_or_all_there_is(value, tmp_path):
    path = archive(tmp_path / "file.pt", value(Call(str(tmp_path / "it ran"))))
    with pytest.raises(blend.ForbiddenGlobalError, match="mkdir, which no network file needs; nothing was executed"):
        blend.load(path)
    assert not (tmp_path / "it ran").exists()


def test_a_call_in_a_skipped_entry_is_not_made(tmp_path):
    source = torch_file(tmp_path / "good.pt", {"g_ema": state(pico_file().Gs),
                                               "args": {"marker": np.zeros(3, np.float32)}})
    with zipfile.ZipFile(source) as archived:
        members = OrderedDict((name, archived.read(name)) for name in archived.namelist())
    call = hostile.name("posix", "mkdir") + hostile.text(str(tmp_path / "it ran")) + b"\x85R"
    mark = b"X\x06\x00\x00\x00marker"
    assert members["archive/data.pkl"].count(mark) == 1
    head, tail = members["archive/data.pkl"].split(mark)
    members["archive/data.pkl"] = head + b"X\x04\x00\x00\x00evil" + call + mark + tail
    path = str(tmp_path / "evil.pt")
    with zipfile.ZipFile(path, "w") as made:
        for name, data in members.items():
            made.writestr(name, data)
    found = blend.load(path)
    assert "'args', which holds posix.mkdir: not built" in found.left_out and not (tmp_path / "it ran").exists()


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("name", ["network.pkl", "folder/network.pt", "network.safetensors"])
def test_a_zip_around_a_network_is_to_be_unpacked(name, compression, tmp_path):
    pico_file().save(str(tmp_path / "in.pkl"), "tensorflow")
    path = str(tmp_path / "packed.zip")
    with zipfile.ZipFile(path, "w", compression) as made:
        made.writestr("README.txt", "hello " * 50)
        made.write(str(tmp_path / "in.pkl"), name)
    with pytest.raises(blend.NetworkFileError, match="%s' is in it: unpack it first" % name):
        blend.load(path)


def test_plain_pickles_may_hold_nothing_unknown(tmp_path):
    """Only in what torch.save writes are entries skipped; a pickle of NVIDIA's is a whole."""
    path = str(tmp_path / "file.pkl")
    with open(path, "wb") as file:
        pickle.dump({"G_ema": None, "args": Odd()}, file, 2)
    with pytest.raises(blend.ForbiddenGlobalError):
        blend.load(path)
    assert pytorch_modules.SIDECAR in torch_files._NETWORKS
