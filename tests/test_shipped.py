"""The two shipped networks: they look like what they were trained on, and blends take structure from the low one."""

import os

import numpy as np
import pytest

import blend
from blend.figures import report
from blend.portraits import faces
from blend.training import loop
from blend.training.metrics import sliced_wasserstein

COUNT = 64


@pytest.fixture(scope="module")
def measured():
    """(head width, eye size, outline strength) of the two networks and of their blends at 16x16."""
    photo, cartoon = blend.shipped("photo"), blend.shipped("cartoon")
    return {key: report.measure(networks, COUNT) for key, networks in (
        ("photo", photo), ("cartoon", cartoon), ("photo to 16", blend.blend(photo, cartoon, 16)),
        ("cartoon to 16", blend.blend(cartoon, photo, 16)))}


def nearer(value, one, other):
    """0 at `one`, 1 at `other`."""
    return (value - one) / (other - one)


def test_the_measures_tell_the_styles_apart_in_drawn_portraits():
    photo, cartoon = [faces.draw(range(COUNT), style) for style in faces.STYLES]
    for each, ratio in zip(report.MEASURES, (1.1, 1.5, 2)):
        assert np.median(each(cartoon)) > ratio * np.median(each(photo)), each.__name__


def test_structure_follows_the_low_network(measured):
    head = {key: values[0] for key, values in measured.items()}
    assert nearer(head["photo to 16"], head["photo"], head["cartoon"]) < 0.35
    assert nearer(head["cartoon to 16"], head["cartoon"], head["photo"]) < 0.35
    eyes = {key: values[1] for key, values in measured.items()}
    assert eyes["cartoon to 16"] > 1.1 * eyes["photo"]


def test_texture_follows_the_high_network(measured):
    outline = {key: values[2] for key, values in measured.items()}
    assert outline["cartoon"] > 2 * outline["photo"]
    assert nearer(outline["photo to 16"], outline["photo"], outline["cartoon"]) > 0.5
    assert nearer(outline["cartoon to 16"], outline["cartoon"], outline["photo"]) > 0.5


@pytest.mark.slow
@pytest.mark.parametrize("name", blend.SHIPPED)
def test_pictures_are_like_held_out_portraits(name):
    networks = blend.shipped(name)
    reals, others = [faces.draw(range(first, first + 256), style, networks.resolution) for first, style in (
        (loop.data.HELD_OUT, name), (loop.data.HELD_OUT, {"photo": "cartoon", "cartoon": "photo"}[name]))]
    fakes = blend.generate(networks, seeds=range(256), psi=1)
    distance = sliced_wasserstein(fakes, reals)["mean"]
    assert distance < 0.4 * sliced_wasserstein(others, reals)["mean"]
    # The mean face has not taken over: skins and backgrounds vary as they should.
    assert np.std(fakes.mean((1, 2, 3))) > 0.6 * np.std(reals.mean((1, 2, 3)))


@pytest.mark.parametrize("name", blend.SHIPPED)
def test_files_are_small_whole_and_carry_a_source_that_builds_them(name):
    networks = blend.shipped(name)
    assert os.path.getsize(networks.path) <= 8 * 2 ** 20
    assert networks.G is not None and networks.D is not None
    names = {}
    exec(compile(networks.Gs.extra["build_module_src"], "networks", "exec"), names)
    for network in (networks.G, networks.D, networks.Gs):
        assert network.build_func_name in names
        assert all(each.build_func_name in names for each in network.components.values())
    with pytest.raises(blend.BlendError):
        blend.shipped("oil")
