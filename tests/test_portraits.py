"""Drawn portraits: deterministic, one space of faces for both styles."""

import numpy as np
import pytest

from blend.portraits import faces


@pytest.mark.parametrize("style", faces.STYLES)
def test_a_seed_is_a_face_in_any_batch(style):
    many = faces.draw(range(20), style)
    assert many.shape == (20, 64, 64, 3) and many.dtype == np.uint8
    assert np.array_equal(faces.draw([13], style)[0], many[13])
    assert len({each.tobytes() for each in many}) == 20


@pytest.mark.parametrize("style", faces.STYLES)
def test_other_sizes_show_the_same_face(style):
    small = faces.draw(range(8), style, 64).astype(float)
    large = faces.draw(range(8), style, 128).reshape(8, 64, 2, 64, 2, 3).mean((2, 4))
    assert np.abs(small - large).mean() < 3


def test_styles_share_the_face():
    photo, cartoon = [faces.draw(range(200), style).astype(float) for style in faces.STYLES]
    skin = [each[:, 36:42, 30:34].mean((1, 2, 3)) for each in (photo, cartoon)]
    hair = [each[:, 8:14, 28:36].mean((1, 2, 3)) for each in (photo, cartoon)]
    for one, other in (skin, hair):
        assert np.corrcoef(one, other)[0, 1] > 0.8
    factors = faces.faces(range(200))
    assert {each.shape for each in factors.values()} == {(200,)}
    assert np.corrcoef(factors["skin"], skin[0])[0, 1] < -0.8  # dark and light skins are both there


def test_grain_is_seeded_and_only_in_photos():
    plain, grainy = faces.draw([1], "photo"), faces.draw([1], "photo", grain=0.05)
    assert not np.array_equal(plain, grainy)
    assert np.array_equal(grainy, faces.draw([0, 1], "photo", grain=0.05)[1:])
    assert np.array_equal(faces.draw([1], "cartoon"), faces.draw([1], "cartoon", grain=0.05))


def test_unknown_style_and_size():
    with pytest.raises(ValueError):
        faces.draw([0], "oil")
    with pytest.raises(ValueError):
        faces.draw([0], "photo", 48)
