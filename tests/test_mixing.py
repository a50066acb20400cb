"""Which variable comes from where, and the arithmetic."""

import numpy as np
import pytest
from conftest import golden, pico_file, pico_variables

import blend
from blend import mixing
from blend.networks import families
from blend.system.pending import Pending

NAMES = list(pico_variables(64))


def fractions(**options):
    return {name: change.fraction for name, change in mixing.plan(NAMES, mixing.Rule(**options)).items()}


def swapped(**options):
    return {name for name, fraction in fractions(**options).items() if fraction == 1}


def test_the_article_s_positions():
    found = {name: families.locate(name).position for name in NAMES}
    assert found["G_synthesis/4x4/Const/const"] == 0 and found["G_synthesis/4x4/ToRGB/bias"] == 1
    assert found["G_synthesis/64x64/Conv0_up/weight"] == 8 and found["G_synthesis/64x64/Conv1/weight"] == 9
    for name in ("G_synthesis/4x4/Conv/weight", "G_mapping/Dense0/bias", "dlatent_avg", "lod", "G_synthesis/noise3"):
        assert found[name] is None


@pytest.mark.parametrize("resolution", [4, 8, 16, 32, 64])
@pytest.mark.parametrize("level", [0, 1])
def test_hard_swap_at_every_split(resolution, level):
    # x > 1: from two positions above the split on, whatever the rule is called.
    first = 2 * int(np.log2(resolution / 4)) + level + 2
    expected = set()
    for name in NAMES:
        parts = name.split("/")
        if parts[0] == "G_synthesis" and len(parts) == 4:
            size, module = int(parts[1].split("x")[0]), parts[2]
            if 2 * np.log2(size / 4) + (module in ("Conv1", "ToRGB")) >= first:
                expected.add(name)
    assert swapped(resolution=resolution, level=level) == expected
    assert swapped(resolution=resolution, level=level, rule="corrected") == expected
    assert all(fraction in (0, 1) for fraction in fractions(resolution=resolution, level=level).values())


def test_the_quirk_of_level_1():
    found = swapped(resolution=32, level=1)
    assert {families.locate(name)[1:3] for name in found} == {(64, "Conv1"), (64, "ToRGB")}


def test_smooth_article_is_centred_on_the_split_and_skips_conv():
    found = fractions(resolution=16, level=0, width=1.0)
    assert found["G_synthesis/16x16/Conv0_up/weight"] == 0.5
    assert found["G_synthesis/4x4/Conv/weight"] == 0
    assert found["G_synthesis/32x32/Conv1/weight"] == pytest.approx(1 / (1 + np.exp(-3)))


def test_smooth_corrected_tends_to_the_hard_swap():
    found = fractions(resolution=16, level=0, width=0.01, rule="corrected")
    hard = fractions(resolution=16, level=0)
    assert all(abs(found[name] - hard[name]) < 1e-12 for name in NAMES)
    article = fractions(resolution=16, level=0, width=0.01)
    assert any(abs(article[name] - hard[name]) > 0.4 for name in NAMES)
    assert fractions(resolution=16, level=0, width=2.0, rule="corrected")["G_synthesis/4x4/Conv/weight"] > 0


def test_tiny_widths_do_not_overflow():
    assert set(fractions(resolution=8, level=0, width=1e-300).values()) == {0, 0.5, 1}


def test_what_float32_cannot_tell_from_1_is_swapped_and_from_0_kept():
    found = fractions(fractions={"8x8": 1 - 1e-9, "16x16": 1e-50, "32x32": 1 - 1e-7})
    assert [found["G_synthesis/%s/Conv1/bias" % size] for size in ("8x8", "16x16", "32x32")] == [1, 0, 1 - 1e-7]
    tiny = fractions(resolution=8, width=0.3, rule="corrected")
    assert tiny["G_synthesis/64x64/Conv1/bias"] == 1


def test_numpy_numbers_are_numbers():
    found = fractions(resolution=np.int64(8), level=np.int32(1), width=np.float32(0.5))
    assert found == fractions(resolution=8, level=1, width=0.5)


def test_fractions_by_name():
    found = fractions(fractions={"8x8": 0.25, "8x8/ToRGB": 0, "16x16/Conv1": 1})
    assert found["G_synthesis/8x8/Conv0_up/bias"] == 0.25 and found["G_synthesis/8x8/ToRGB/bias"] == 0
    assert found["G_synthesis/16x16/Conv1/mod_bias"] == 1 and found["G_synthesis/16x16/Conv0_up/bias"] == 0
    both = fractions(resolution=16, fractions={"64x64": 0.5})
    assert both["G_synthesis/64x64/Conv1/bias"] == 0.5 and both["G_synthesis/32x32/Conv1/bias"] == 1


def test_explicit_sources():
    base = swapped(resolution=64)
    assert not base
    assert swapped(resolution=64, mapping="high") == {name for name in NAMES if name.startswith("G_mapping/")}
    assert swapped(resolution=64, dlatent_avg="high") == {"dlatent_avg"}
    assert swapped(resolution=64, noise_buffers="high") == {name for name in NAMES if "/noise" in name
                                                            and "strength" not in name}
    assert swapped(resolution=64, torgb="high") == {name for name in NAMES if "/ToRGB/" in name}
    assert not any("/ToRGB/" in name for name in swapped(resolution=8, torgb="low"))


def test_every_variable_is_reported_with_a_reason():
    changes = mixing.plan(NAMES, mixing.Rule(16, 0, 1.0))
    assert list(changes) == NAMES
    assert all(change.reason and change.action in ("kept", "mixed", "swapped") for change in changes.values())
    assert {change.action for change in changes.values()} == {"kept", "mixed"}


def test_identities(pico, pico_other):
    low, high = pico.Gs.variables, pico_other.Gs.variables
    every = {"%dx%d" % (r, r): 1 for r in (4, 8, 16)}
    sources = dict(mapping="high", dlatent_avg="high", noise_buffers="high", torgb="high")
    all_high = blend.blend(pico, pico_other, fractions=every, **sources).Gs.variables
    assert all(all_high[name] is high[name] for name in high if name != "lod")
    none = blend.blend(pico, pico_other, fractions={key: 0 for key in every}).Gs.variables
    assert all(none[name] is low[name] for name in low)
    there = blend.blend(pico, pico_other, fractions={"8x8": 0.25}).Gs.variables
    back = blend.blend(pico_other, pico, fractions=dict(every, **{"8x8": 0.75}), mapping="high",
                       dlatent_avg="high", noise_buffers="high").Gs.variables
    assert all(np.array_equal(there[name], back[name]) for name in low if name != "lod")


def test_arrays_made_while_a_file_is_written(tmp_path):
    low, high = [pico_file(channels=64, seed=seed) for seed in (1, 2)]
    mixed = [mixing.blend_files(low, high, mixing.Rule(8, width=1.0), pending=pending)[0] for pending in (False, True)]
    assert any(isinstance(value, Pending) for value in mixed[1].Gs.variables.values())
    kept = [name for name, value in mixed[0].Gs.variables.items() if value is low.Gs.variables[name]]
    assert len(kept) > 10 and all(mixed[1].Gs.variables[name] is low.Gs.variables[name] for name in kept)
    for number, networks in enumerate(mixed):
        networks.save(str(tmp_path / ("%d.pkl" % number)), "tensorflow")
    assert (tmp_path / "0.pkl").read_bytes() == (tmp_path / "1.pkl").read_bytes()


def test_inputs_are_not_changed(pico, pico_other):
    before = {name: value.copy() for name, value in pico.Gs.variables.items()}
    blend.blend(pico, pico_other, 8, width=1.0)
    assert all(np.array_equal(before[name], value) for name, value in pico.Gs.variables.items())


def test_the_original_s_arithmetic():
    low, high = np.float32([1, 1e8]), np.float32([3, -1])
    assert np.array_equal(mixing.mix(low, high, 0.3), high * np.float32(0.3) + low * np.float32(0.7))


def test_g_and_d_come_from_low_and_g_is_blended_on_request():
    case = golden("skip64")
    mixed = blend.blend(case.a, case.b, 16)
    assert mixed.G is case.a.G and mixed.D is case.a.D
    both = blend.blend(case.a, case.b, 16, all_networks=True)
    assert all(both.G.variables[name] is value for name, value in both.Gs.variables.items())
    with pytest.raises(blend.BlendError):
        blend.blend(pico_file(), pico_file(seed=3), 8, all_networks=True)


@pytest.mark.parametrize("other, says", [
    (dict(resolution=32), ["16x16", "32x32"]),
    (dict(channels=4), ["fmap_max: 8", "(1, 8, 4, 4) in the low network, (1, 4, 4, 4) in the high one"]),
    (dict(latent=16), ["latent_size"]),
    (dict(layers=3), ["mapping_layers", "G_mapping/Dense2/weight: missing"]),
])
def test_networks_that_cannot_be_blended(pico, other, says):
    with pytest.raises(blend.MismatchError) as error:
        blend.blend(pico, pico_file(**other), 8)
    assert all(text in str(error.value) for text in says) and "\n" not in str(error.value)


def test_architectures_and_labels_do_not_mix():
    files = [golden(name).a for name in ("resnet32", "orig32", "labels32")]
    for one, other in zip(files, files[1:] + files[:1]):
        with pytest.raises(blend.MismatchError) as error:
            blend.blend(one, other, 8)
        assert "architecture" in str(error.value) or "label_size" in str(error.value)


@pytest.mark.parametrize("options, says", [
    (dict(resolution=12), "choose from 4, 8, 16, 32, 64"), (dict(resolution=128), "128"),
    (dict(resolution=16, level=2), "level 2"),
    (dict(), "needs a resolution"), (dict(resolution=8, width=0), "width"), (dict(resolution=8, rule="x"), "rule"),
    (dict(resolution=8, mapping="mid"), "mapping"), (dict(fractions={"8x9": 1}), "8x9"),
    (dict(fractions={"16x16/conv1": 1}), "did you mean 16x16/Conv1?"),
    (dict(resolution=16.0), "whole number"), (dict(resolution=[16]), "whole number"), (dict(fractions="8x8=1"), "dict"),
    (dict(fractions={"8x8": 1.5}), "between 0 and 1"), (dict(fractions={"8x8": float("nan")}), "between 0 and 1"),
])
def test_bad_options(options, says):
    with pytest.raises(blend.BlendError) as error:
        fractions(**options)
    assert says in str(error.value)


def test_orig_has_no_4_1():
    case = golden("orig32")
    with pytest.raises(blend.BlendError):
        blend.blend(case.a, case.b, 4, 1)


def test_unknown_variables_are_an_error():
    with pytest.raises(blend.BlendError):
        families.locate("G_synthesis/8x4/Conv1/weight")


def test_numbers_that_no_float_holds(pico, pico_other):
    for options in (dict(width=10 ** 400), dict(width=-10 ** 400), dict(fractions={"8x8": 10 ** 400})):
        with pytest.raises(blend.BlendError):
            blend.blend(pico, pico_other, 8, **options)
    with pytest.raises(blend.BlendError, match="psi"):
        blend.generate(pico, [0], psi=10 ** 400)
