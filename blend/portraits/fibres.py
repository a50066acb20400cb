"""The light on strands: hair, brows, beards, lashes; and on the frames of glasses."""

import numpy as np

from blend.portraits import skin, strands
from blend.portraits.maths import FLOAT, dot, mix, smoothstep, to_linear, unit


def shade(person, splats, outwards, free, views, lights, shadows, style):
    """Linear colours [P,3] of Splats.

    outwards: unit vectors [P,3] from the middle of the head. free: occlusion [P]. views: [P,3] towards the camera.
    """
    is_hair = splats.material == strands.HAIR
    look = style.hair
    albedo = _albedo(person, splats, is_hair)
    lit = shadows.lit(splats.points, shadows.hair, 0.02, 4.0, look.shadow)
    wrapped = np.clip((outwards.dot(lights.key) + 0.35) / 1.35, 0, 1)
    along = splats.tangents.dot(lights.key)
    key = (lit * wrapped * (0.35 + 0.65 * np.sqrt(np.clip(1 - along * along, 0, 1))))[:, None]
    depth = np.where(is_hair, 0.66 + 0.34 * splats.layer ** 0.7, 1)
    colours = albedo * (lights.key_colour * key + 0.85 * lights.ambient(outwards, 0.55, 0.73)) * (
        1.25 * depth * (0.35 + 0.65 * free))[:, None]
    colours = colours + _reflections(splats, albedo, outwards, views, lit * wrapped, lights, look) * depth[:, None]
    rim = smoothstep(-0.3, 1.0, outwards.dot(lights.rim)) * (1 - np.clip(dot(outwards, views), 0, 1))
    rim = 0.9 * rim * _lobe(splats.tangents, lights.rim, views, outwards, 8, 0)
    colours = colours + rim[:, None] * lights.rim_colour * (0.8 * albedo + 0.045)
    dark = (splats.material == strands.LASH)[:, None]
    return np.where(dark, 0.6 * albedo + 0.004, colours)


def _albedo(person, splats, is_hair):
    """[P,3]: roots darker than tips, grey hairs among the others."""
    base = skin.tone(person)
    own = skin.grown_colour(person)
    frame = to_linear(np.array(person.glasses.colour)) if person.glasses else np.zeros(3, FLOAT)
    lash = np.full(3, 0.012, FLOAT) + 0.06 * base
    table = np.stack([own, skin.brow_colour(person, base), 0.85 * own, lash, frame]).astype(FLOAT)
    tip = np.where(is_hair, 0.82 + 0.38 * splats.along, 1)
    sheer = splats.sheer * np.where(is_hair, np.clip(1 - 4 * splats.along, 0, 1), 1)  # long hair covers itself
    return mix(table[splats.material] * (np.clip(splats.shade, 0.5, 1.6) * tip)[:, None], 0.8 * base, sheer)


def _lobe(tangents, light, views, outwards, power, shift):
    """sin^power of the angle between a strand and the half vector (Kajiya and Kay 1989), shifted along the strand."""
    half = unit(light + views)
    cosine = dot(unit(tangents + outwards * FLOAT(shift)), half)
    return np.clip(1 - cosine * cosine, 0, 1) ** (0.5 * power)


def _reflections(splats, albedo, outwards, views, lit, lights, look):
    """Two lobes (Marschner et al. 2003): one in the light's colour, one that has been through the hair."""
    jitter = 0.6 + 0.8 * ((splats.layer * 37) % 1)
    shiny = np.array([1, 0.15, 1, 0.15, 3], FLOAT)[splats.material] * jitter * lit
    power, shift, strength = look.white_lobe
    white = strength * _lobe(splats.tangents, lights.key, views, outwards, power, shift) * shiny
    power, shift, strength = look.own_lobe
    own = 0.35 * strength * _lobe(splats.tangents, lights.key, views, outwards, power, shift) * shiny
    sky = 0.035 * (0.6 + 0.4 * outwards[:, 1]) * np.array([1, 0, 0.6, 0, 1], FLOAT)[splats.material] * jitter
    return (white[:, None] + own[:, None] * np.sqrt(albedo + 0.002)) * lights.key_colour + sky[:, None] * lights.sky
