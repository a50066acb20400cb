"""The styles that a person is drawn in, as tables: proportions, crop, light, and how skin, eyes, hair and film look."""

from typing import NamedTuple, Tuple

from blend.errors import BlendError, brief, closest
from blend.portraits import head

Rgb = Tuple[float, float, float]
Range = Tuple[float, float]


class Crop(NamedTuple):
    """The square of the picture, as FFHQ's alignment cuts it (Karras et al. 2019): from the eyes and the mouth."""
    eyes: float        # its side is the larger of this times the distance of the eyes
    mouth: float       # and this times the distance of eyes and mouth,
    margin: float      # times this
    drop: float        # its middle lies below the eyes by this times the distance of eyes and mouth


class LightLook(NamedTuple):
    """Between which values a person's light (0 to 1) lies; colours are linear."""
    azimuth: Range     # of the key light, in degrees from the camera
    elevation: Range
    key: Range
    sky: Range
    rim: Range         # from behind; below 0 there is none
    rim_colour: Rgb


class SkinLook(NamedTuple):
    """Red, green and blue wrap differently around edges and into shadows: light spreads in skin, red the farthest."""
    wrap: Rgb
    shadow: Rgb        # 1: a shadow of the channel is as light as its square root
    shadow_floor: float
    occlusion: Rgb
    blur: float        # of shadows, in dm
    texture: float     # unevenness of colour and surface
    redness: float
    shine: float
    creases: float     # how dark folds are


class EyeLook(NamedTuple):
    iris: float        # half angle in degrees
    pupil: float       # share of the iris
    outwards: float    # of each gaze: people look cross-eyed without
    contact: float     # how far the gaze goes to the camera, of what a person has
    colour: float      # factor of the iris's colour
    white: Rgb
    lid_shadow: float
    highlight: Range   # smoothstep of the cosine
    highlight_strength: float
    second: float      # strength of a second, soft highlight opposite


class HairLook(NamedTuple):
    strands: Range           # at 256 and from 512 samples across
    width: float             # of a strand, in samples of 512
    brow_width: float
    white_lobe: Tuple[int, float, float]   # power, shift, strength of the reflection in the light's colour
    own_lobe: Tuple[int, float, float]     # and in the hair's
    shadow: float            # softness, in dm


class FilmLook(NamedTuple):
    exposure: float
    saturation: Range
    vignette: float
    grain: float
    sharpening: float  # what cameras add


class Style(NamedTuple):
    """How a style differs from others; what they share is in the other files of the room."""
    proportions: str
    soft: bool               # smooth locks and surfaces, plain backgrounds
    crop: Crop
    light: LightLook
    skin: SkinLook
    eyes: EyeLook
    hair: HairLook
    film: FilmLook


PHOTO = Style(
    head.NATURAL, False, Crop(4.0, 3.6, 1.10, 0.11),
    LightLook((8, 58), (18, 50), (1.60, 2.35), (0.38, 0.72), (-0.8, 1.0), (1.0, 0.97, 0.92)),
    SkinLook((0.45, 0.24, 0.15), (0.75, 0.25, 0.10), 0.20, (0.45, -0.25, -0.40), 0.022, 1.0, 0.42, 1.7, 1.2),
    EyeLook(25.5, 0.36, 0.04, 1.0, 1.3, (0.55, 0.505, 0.48), 0.62, (0.974, 0.986), 1.6, 0.0),
    HairLook((2600, 5000), 1.6, 1.0, (24, 0.08, 0.05), (16, -0.10, 0.55), 0.15),
    FilmLook(0.45, (0.90, 1.06), 0.3, 0.004, 0.45))
CARTOON = Style(
    head.TOON, True, Crop(2.95, 4.1, 1.10, 0.035),
    LightLook((25, 50), (30, 48), (1.65, 1.85), (0.90, 1.0), (1.9, 1.9), (0.85, 0.95, 1.15)),
    SkinLook((0.62, 0.42, 0.34), (1.0, 0.75, 0.6), 0.28, (0.7, 0.05, -0.1), 0.05, 0.0, 0.55, 1.0, 0.4),
    EyeLook(34.0, 0.46, 0.05, 0.9, 1.7, (0.74, 0.73, 0.75), 0.5, (0.958, 0.970), 1.1, 0.45),
    HairLook((2300, 4200), 2.6, 1.8, (40, 0.06, 0.05), (14, -0.08, 0.42), 0.2),
    FilmLook(0.55, (1.1, 1.1), 0.0, 0.0, 0.25))

STYLES = {"photo": PHOTO, "cartoon": CARTOON}


def named(name):
    """The Style of a name. BlendError: there is none."""
    if name not in STYLES:
        near = closest(name, STYLES)
        raise BlendError("styles are %s, not %s%s" % (", ".join(sorted(STYLES)), brief(name),
                                                     "; did you mean %s?" % near if near else ""))
    return STYLES[name]
