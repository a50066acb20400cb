"""Skin, scalp, lips and clothes: their colours, their relief, and how light leaves them."""

from typing import NamedTuple

import numpy as np

from blend.portraits import haircuts, light, noise, regions
from blend.portraits.maths import FLOAT, dot, mix, smoothstep, to_linear, unit

# sRGB of eight tones from the lightest to the darkest.
_TONES = to_linear(np.array([[233, 198, 183], [225, 184, 165], [211, 167, 144], [198, 151, 126], [170, 121, 95],
                             [136, 93, 70], [102, 68, 52], [76, 51, 40]]) / 255.0)
_UP = np.array([0, 1, 0], FLOAT)


class Surface(NamedTuple):
    """What is known of P pixels of the mesh."""
    pixels: np.ndarray      # [P] indices
    points: np.ndarray      # [P,3]
    normals: np.ndarray     # [P,3]
    places: np.ndarray      # [P,3] on the average head
    bust: np.ndarray        # [P,3] on the average bust, which clothes are cut for
    eyelids: np.ndarray     # [P] masks
    lips: np.ndarray
    ears: np.ndarray
    inside: np.ndarray
    concavity: np.ndarray
    occlusion: np.ndarray   # [P] 1 where free
    views: np.ndarray       # [P,3] towards the camera
    regions: regions.Regions


class Cover(NamedTuple):
    """How much of something else each pixel of the skin's mesh is, 0 to 1."""
    cloth: np.ndarray
    scalp: np.ndarray
    collar: np.ndarray      # the skin beside a collar, which it shades


def tone(person):
    """Linear colour [3] of a person's skin."""
    level = min(person.skin.tone, 6.9999)
    first = int(level)
    colour = _TONES[first] * (first + 1 - level) + _TONES[first + 1] * (level - first)
    return colour * np.array([1 + 0.02 * person.skin.red, 1.0, 1 - 0.05 * person.skin.yellow], FLOAT)


def shade(person, surface, lights, shadows, style, size, pixels_per_dm):
    """Linear colours [P,3] of the skin's mesh: with clothes, scalp and lips."""
    look = style.skin
    uneven = _unevenness(person, surface)
    cover = _cover(person, surface, uneven, pixels_per_dm, style)
    albedo = _albedo(person, surface, cover, uneven, style, pixels_per_dm)
    bare = (1 - cover.cloth) * (1 - cover.scalp)
    normals = surface.normals
    if look.texture:
        normals = _relief(person, surface, cover, bare, uneven)
    lit = shadows.lit(surface.points + 0.02 * surface.normals, shadows.closed, 0.045, 3.0, 0.05)
    lit = np.clip(light.spread_on_skin(lit, surface.pixels, size, int(max(1, look.blur * pixels_per_dm))), 0, 1)
    free = surface.occlusion * np.clip(1 - look.creases * np.clip(surface.concavity, -0.12, 1), 0.35, 1.12) * (
        1 - 0.3 * cover.collar)
    edge = (1 - np.clip(dot(normals, surface.views), 0, 1)) ** 2
    rim = light.rim_of(surface.normals, lights, edge)[:, None] * lights.rim_colour
    colours = albedo * (_diffuse(surface.normals, normals, bare, lit, free, lights, look) + 1.2 * rim)
    colours = colours + _shine(surface, normals, uneven, bare, cover, lit, free, lights, look)
    cavity = surface.inside * smoothstep(1.5, 1.25, surface.places[:, 2])
    return colours * (1 - 0.75 * cavity)[:, None]


class Unevenness(NamedTuple):
    """Noise over the skin, [P] each, and the coordinates it was looked up at."""
    coarse: np.ndarray
    fine: np.ndarray
    u: np.ndarray
    v: np.ndarray


def _unevenness(person, surface):
    x, y, z = surface.places.T
    offset = np.random.RandomState(person.skin.texture).rand(2).astype(FLOAT)
    u, v = np.arctan2(x, z - FLOAT(0.3)) * FLOAT(0.55) + offset[0], y * FLOAT(0.5) + offset[1]
    tiles = noise.noises()
    return Unevenness(noise.at(tiles.coarse, 0.8 * u, 0.8 * v), noise.at(tiles.fine, 1.7 * u, 1.7 * v), u, v)


def _cover(person, surface, uneven, pixels_per_dm, style):
    depth = regions.neckline(surface.bust, person.clothes.neckline)
    cloth = smoothstep(-0.7, 0.7, depth * pixels_per_dm)
    if person.hair.style == "bald":
        scalp = np.zeros(len(cloth), FLOAT)
    else:
        edge = surface.regions.hairline - haircuts.receding(person.hair, surface.places, surface.regions.angle)
        thick = 0.75 if person.hair.style == "buzz" else 0.92
        scalp = thick * smoothstep(-0.03, 0.13, edge + 0.03 * uneven.fine * style.skin.texture) * (surface.ears < 0.3)
    return Cover(cloth, scalp, np.exp(-np.clip(-depth, 0, 9) / 0.05) * (1 - cloth))


def _albedo(person, surface, cover, uneven, style, pixels_per_dm):
    base = tone(person)
    colours = _reddened(person, base, surface, uneven, style)
    if style.skin.texture:
        colours = _marked(person, colours, surface, uneven)
    colours = _around_the_eyes(person, colours, surface, style)
    lips = 0.85 * smoothstep(0.25, 0.75, surface.lips)
    colours = mix(colours, _lip_colour(person, base, style), lips)
    colours = mix(colours, to_linear(np.array([0.42, 0.14, 0.13])), smoothstep(0.3, 0.8, surface.inside))
    colours = _haired(person, colours, base, surface, uneven, lips, style)
    hair_colour = grown_colour(person)
    colours = mix(colours, 0.5 * hair_colour + 0.05 * base, cover.scalp)
    if person.hair.style == "bald":
        shaved = 0.12 * smoothstep(0, 0.14, surface.regions.hairline) * (surface.regions.angle > 45) * (
            surface.ears < 0.3)
        colours = mix(colours, 0.55 * hair_colour, shaved)
    return mix(colours, _cloth_colour(person, surface, style), cover.cloth)


def grown_colour(person):
    """Linear colour [3] of the hair, greyed."""
    grey = to_linear(np.array([0.55, 0.54, 0.53]) + 0.17 * person.hair.length)
    return to_linear(np.array(person.hair.colour)) * (1 - person.hair.grey) + grey * person.hair.grey


def _reddened(person, base, surface, uneven, style):
    pale = 1 / (1 + 0.25 * person.skin.tone)  # blood shows through
    red = surface.regions.red * (1 + 0.35 * uneven.coarse * style.skin.texture)
    red = red * style.skin.redness * (0.6 + 0.4 * pale) * (1 + 0.15 * person.skin.red)
    colours = base * (1 - red[:, None] * np.array([0.02, 0.42, 0.38], FLOAT))
    # A forehead is yellower, and the lower face of men cooler.
    yellow = 0.10 * surface.regions.forehead * style.skin.texture
    cool = 0.10 * surface.regions.beard * person.sex * style.skin.texture
    away = yellow[:, None] * np.array([0, 0.2, 1], FLOAT) + cool[:, None] * np.array([1, 0.6, 0.1], FLOAT)
    return colours * (1 - away)


def _marked(person, colours, surface, uneven):
    """Blotches, freckles and the spots of age."""
    old = max(0, (person.age - 45) / 45.0)
    tiles = noise.noises()
    colours = colours * (1 + 0.045 * uneven.coarse[:, None] * np.array([0.6, 1, 1.1], FLOAT)
                         + (0.018 + 0.012 * old) * uneven.fine[:, None] * np.array([0.8, 1, 1], FLOAT))
    if person.skin.freckles:
        spots = noise.at(tiles.spots, 2.4 * uneven.u + 0.3, 2.4 * uneven.v + 0.7)
        amount = person.skin.freckles * smoothstep(1.1, 1.9, spots) * np.clip(surface.regions.freckles + 0.25, 0, 1)
        colours = colours * (1 - amount[:, None] * np.array([0.25, 0.42, 0.5], FLOAT))
    if old > 0.1:
        spots = noise.at(tiles.coarse, 3 * uneven.u + 0.1, 3 * uneven.v + 0.4)
        amount = np.clip(0.5 * old * smoothstep(1.4, 2.2, spots), 0, 1)
        colours = colours * (1 - amount[:, None] * np.array([0.22, 0.32, 0.35], FLOAT))
    return colours


def _around_the_eyes(person, colours, surface, style):
    old = max(0, (person.age - 20) / 130.0)
    under = surface.regions.under_eye * (0.12 + 0.35 * old) * (0.4 if style.soft else 1)
    dark = under + 0.10 * surface.regions.socket
    colours = colours * (1 - dark[:, None] * np.array([0.7, 1, 0.85], FLOAT))
    lid = surface.eyelids * (0.10 + 0.32 * person.skin.makeup)
    return colours * (1 - lid[:, None] * np.array([0.8, 1, 0.9], FLOAT))


def _lip_colour(person, base, style):
    own = base * np.array([0.80, 0.49, 0.52], FLOAT)
    painted = to_linear(np.array([0.66 + 0.03 * np.clip(person.skin.red, -2, 2), 0.18, 0.22]))
    colour = own + (painted - own) * (0.12 * (1 - person.sex) + 0.5 * person.skin.makeup)
    plain = base * np.array([0.84, 0.64, 0.62], FLOAT)
    colour = colour + (plain - colour) * 0.5 * person.sex
    return colour * np.array([1.08, 0.92, 0.92], FLOAT) if style.soft else colour


def _haired(person, colours, base, surface, uneven, lips, style):
    """The shadow of brows, beards and stubble on the skin, under the strands."""
    across = np.abs(regions.brow(surface.places)) / (person.brows.thickness * (1.2 if style.soft else 1.05))
    brow = smoothstep(1.3, 0.3, across) * 0.7
    colours = mix(colours, brow_colour(person, base), brow)
    beard = person.beard
    if not (beard.stubble or beard.moustache):
        return colours
    dense = surface.regions.beard * beard.stubble
    if beard.moustache:
        dense = np.maximum(dense, 0.7 * surface.regions.moustache)
    grain = 1.0
    if style.skin.texture:
        grain = 0.75 + 0.25 * np.clip(noise.at(noise.noises().fine, 3 * uneven.u, 3 * uneven.v), -1.5, 1.5)
    dense = np.clip(dense * (1 - lips) * grain * (0.9 if beard.length else 0.5), 0, 0.93)
    return mix(colours, 0.5 * grown_colour(person) + 0.08 * base, dense)


def brow_colour(person, base):
    """Linear colour [3] of brows: never without a trace of the skin."""
    return 0.82 * to_linear(np.array(person.brows.colour)) + 0.12 * base


def _cloth_colour(person, surface, style):
    x, y = surface.bust[:, 0], surface.bust[:, 1]
    colour = to_linear(np.array(person.clothes.colour))[None] * np.ones((len(x), 1), FLOAT)
    if person.clothes.stripes:
        striped = ((y * 7) % 1 < 0.5)[:, None]
        other = (0.60, 0.65, 0.72) if colour.mean() < 0.3 else (0.04, 0.06, 0.10)  # neither is like skin
        colour = np.where(striped, colour, np.array(other, FLOAT))
    if style.skin.texture:
        tiles = noise.noises()
        colour = colour * (1 + 0.07 * noise.at(tiles.fine, 1.5 * x, 1.5 * y)
                           + 0.10 * noise.at(tiles.coarse, 0.5 * x + 0.3, 0.5 * y))[:, None]
    return colour


def _relief(person, surface, cover, bare, uneven):
    """Normals with pores, lines of the forehead, and folds of clothes."""
    tiles = noise.noises()
    slopes = noise.at(tiles.relief, 3.2 * uneven.u, 3.2 * uneven.v) + 0.6 * noise.at(
        tiles.relief, 1.3 * uneven.u, 1.3 * uneven.v)
    old = max(0, (person.age - 20) / 130.0)
    inside = smoothstep(0.3, 0.8, surface.inside)
    pores = (0.012 + 0.04 * old) * bare * (1 - inside) * (1 - 0.5 * smoothstep(0.25, 0.75, surface.lips))
    folds = noise.at(tiles.relief, 0.22 * surface.bust[:, 0] + 0.1, 0.22 * surface.bust[:, 1]) * (
        0.12 * cover.cloth)[:, None]
    slopes = folds - slopes * pores[:, None]
    if person.age > 35:
        x, y = surface.places[:, 0], surface.places[:, 1]
        phase = 2 * np.pi * (7.5 * y + 0.35 * uneven.coarse + 0.9 * x * x)
        lines = surface.regions.forehead * (person.age - 35) / 80 * np.clip(np.cos(phase) - 0.25, -1, 1) * 0.35
        slopes = slopes - np.stack([np.zeros(len(x), FLOAT), lines * bare], 1)
    across = unit(np.cross(_UP, surface.normals))
    up = np.cross(surface.normals, across)
    return unit(surface.normals + across * slopes[:, :1] + up * slopes[:, 1:])


def _diffuse(smooth, rough, bare, lit, free, lights, look):
    """Light [P,3] that comes back from a white surface: wrapped, with shadows that redden at their edges."""
    wrap = np.array(look.wrap, FLOAT) * bare[:, None] + 0.05 * (1 - bare[:, None])
    facing_smooth, facing_rough = smooth.dot(lights.key), rough.dot(lights.key)
    # Red has gone far under the skin before it comes out: it sees less of the relief.
    facing = np.stack([0.65 * facing_smooth + 0.35 * facing_rough, 0.3 * facing_smooth + 0.7 * facing_rough,
                       facing_rough], 1)
    key = np.clip((facing + wrap) / (1 + wrap), 0, 1)
    key = key * (1 - 0.6 * wrap * (1 - key))
    shadow = _lifted(lit, look.shadow)
    floor = look.shadow_floor * np.clip(lights.adaptation, 0.7, 1.6)  # dark skin keeps its shape in shadows
    shadow = floor + (1 - floor) * shadow
    free = np.clip(free, 0.02, 1)
    ambient = lights.ambient(rough, 0.45, 0.77) * _lifted(free, look.occlusion)
    return lights.key_colour * key * shadow * (0.35 + 0.65 * np.sqrt(free))[:, None] + ambient


def _lifted(values, amounts):
    """[P] to [P,3]: each channel's share of the way to the square root."""
    root = np.sqrt(values)
    return values[:, None] + (root - values)[:, None] * np.array(amounts, FLOAT)


def _shine(surface, normals, uneven, bare, cover, lit, free, lights, look):
    """Reflections [P,3]: of the key in oil, and of the sky at grazing angles."""
    facing = np.clip(dot(normals, surface.views), 0, 1)
    grazing = 1 - facing
    fresnel = 0.028 + 0.97 * grazing ** 5  # Schlick's approximation for skin, n = 1.4
    half = np.clip(dot(normals, unit(lights.key + surface.views)), 0, 1)
    oil = surface.regions.oil + 0.7 * smoothstep(0.25, 0.75, surface.lips)
    fourth = half ** 4
    sixteenth = fourth ** 4
    if look.texture:
        gloss = (0.48 * sixteenth + 1.2 * sixteenth ** 4) * (0.034 + 0.4 * (fresnel - 0.028)) * (1 + 0.2 * uneven.fine)
    else:
        gloss = (0.72 * half ** 10 + 0.5 * half ** 40) * 0.05
    gloss = 1.2 * look.shine * gloss * oil * lit * bare * np.clip(2 * surface.normals.dot(lights.key), 0, 1) * (
        1 - 0.8 * surface.inside)
    sky = 0.18 * (fresnel - 0.028) * np.clip(free, 0, 1) ** 2 * bare * np.clip(0.35 + 0.65 * normals[:, 1], 0, 1)
    sky = sky + 0.08 * grazing ** 3 * cover.cloth
    return gloss[:, None] * lights.key_colour + sky[:, None] * lights.sky
