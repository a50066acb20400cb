"""Everything that NVIDIA's original code computed, to 5e-6 of the largest absolute value."""

import numpy as np
import pytest
from conftest import golden

import blend
from blend.engine.generator import Discriminator
from blend.pictures.generate import generator_for, to_bytes
from blend.pictures.latents import make_labels

NAMES = ("skip64", "resnet32", "orig32", "labels32")
SIDES = [(name, side) for name in NAMES for side in "ab"]
TOLERANCE = 5e-6


def close(found, reference):
    assert found.shape == reference.shape and found.dtype == np.float32
    assert np.abs(found - reference).max() <= TOLERANCE * np.abs(reference).max()


def images(networks, case, psi, cutoff=None):
    return blend.generate(networks, z=case.z, labels=case.labels, psi=psi, cutoff=cutoff, noise="const",
                          output="float32")


@pytest.mark.parametrize("name, side", SIDES)
def test_mapping(name, side):
    case = golden(name)
    networks = getattr(case, side)
    labels = make_labels(case.labels, 2, networks.Gs.architecture["label_size"])
    close(generator_for(networks.Gs).map(case.z, labels), case.arrays[side + "/w"])


@pytest.mark.parametrize("name, side", SIDES)
def test_images(name, side):
    case = golden(name)
    keys = [key for key in case.arrays if key.startswith(side + "/images/")]
    assert len(keys) >= 3
    for key in keys:
        psi, cutoff = [text.split("=")[1] for text in key.split("/")[-1].split(",")]
        found = images(getattr(case, side), case, float(psi), None if cutoff == "None" else int(cutoff))
        close(found, case.arrays[key])


@pytest.mark.parametrize("name, side", SIDES)
def test_bytes_are_exact(name, side):
    case = golden(name)
    reference = case.arrays[side + "/images/psi=1,cutoff=None"]
    assert np.array_equal(to_bytes(reference), case.arrays[side + "/uint8"])
    ours = blend.generate(getattr(case, side), z=case.z, labels=case.labels, psi=1)
    # A value within rounding of a whole number may fall to either side.
    assert (ours != case.arrays[side + "/uint8"]).mean() < 1e-3
    assert np.abs(ours.astype(int) - case.arrays[side + "/uint8"]).max() <= 1


@pytest.mark.parametrize("name, side", SIDES)
def test_scores(name, side):
    case = golden(name)
    network = getattr(case, side).D
    labels = make_labels(case.labels, 2, network.architecture["label_size"])
    found = Discriminator(network).score(case.arrays[side + "/images/psi=1,cutoff=None"], labels)
    close(found, case.arrays[side + "/scores"])


def blends(name):
    return [key[:-len("/images")] for key in golden(name).arrays
            if key.startswith("blend/") and key.endswith("/images")]


@pytest.mark.parametrize("name, key", [(name, key) for name in NAMES for key in blends(name)])
def test_blends(name, key):
    case = golden(name)
    split = dict(part.split("=") for part in key.split("/")[1].split(","))
    width = None if split["width"] == "None" else float(split["width"])
    mixed = blend.blend(case.a, case.b, int(split["res"]), int(split["level"]), width=width)
    close(images(mixed, case, 0.5), case.arrays[key + "/images"])
    fractions = dict(zip(case.names, case.arrays[key + "/fraction_of_b"]))
    assert list(mixed.Gs.variables) == case.names
    # Where a and b are equal the original's fraction cannot be told; both then have the same bits.
    untold = {each for each, fraction in fractions.items() if np.isnan(fraction)}
    assert all(each == "lod" or each.startswith("G_synthesis/noise") for each in untold)
    for each, value in mixed.Gs.variables.items():
        low, high = case.a.Gs.variables[each], case.b.Gs.variables[each]
        if width is None or each in untold:
            assert value is (high if fractions[each] == 1 else low), each
        else:
            expected = low + (high - low) * np.float64(fractions[each])
            assert np.abs(value - expected).max() <= 1e-4 * max(np.abs(high - low).max(), 1e-3), each
