"""A person as a value: who someone is, how they look at us, and in which light."""

from typing import NamedTuple, Optional, Tuple

Colour = Tuple[float, float, float]          # sRGB, 0..1
Weights = Tuple[Tuple[str, float], ...]      # names of targets and how much of each

HAIR_STYLES = ("buzz", "crop", "sidepart", "slick", "quiff", "receding", "bald", "curly", "afro", "bob", "midlong",
               "long", "longwavy", "fringe", "bun", "pony")
NECKLINES = ("round", "v", "high", "wide")
BACKGROUNDS = ("studio", "outdoors", "blobs", "lamps", "bars")
EXPRESSIONS = ("neutral", "smile", "laugh", "open", "frown", "pucker", "blink")


class Ancestry(NamedTuple):
    """Shares that add up to 1."""
    african: float
    asian: float
    caucasian: float


class Skin(NamedTuple):
    tone: float       # 0 (lightest) to 7 (darkest)
    red: float        # undertones, about N(0, 1)
    yellow: float
    freckles: float   # 0 to 1
    makeup: float     # 0 to 1
    texture: int      # seed of its unevenness


class Hair(NamedTuple):
    style: str        # of HAIR_STYLES
    colour: Colour    # before it went grey
    grey: float       # 0 to 1
    length: float     # 0 to 1, within the style
    volume: float     # 0 to 1
    hairline: float   # -0.5 (low) to 0.5 (high)
    parting: float    # -1 (the figure's right) to 1; 0 is the middle
    wave: float       # 0 (straight) to 1
    strands: int      # seed


class Brows(NamedTuple):
    thickness: float  # 0.4 to 1.3
    colour: Colour


class Beard(NamedTuple):
    length: float     # dm; 0 none
    stubble: float    # 0 to 1: how dark the shaved skin is
    moustache: float  # dm; 0 none


class Glasses(NamedTuple):
    height: float     # 0 to 1
    square: float     # 0 (round) to 1
    thick: float      # 0 to 1
    colour: Colour


class Clothes(NamedTuple):
    colour: Colour
    neckline: str     # of NECKLINES
    stripes: bool


class Pose(NamedTuple):
    """Degrees."""
    yaw: float        # towards the figure's left
    pitch: float      # up
    roll: float


class Gaze(NamedTuple):
    across: float     # beside the camera, in radians
    up: float
    contact: float    # 0 (along the head) to 1 (towards the camera)


class Light(NamedTuple):
    """Each 0 to 1 within what a style allows, but for the first two."""
    side: int         # of the key: 1 the figure's left, -1 its right
    warmth: float     # -0.5 (cold) to 0.5
    azimuth: float
    elevation: float
    key: float
    sky: float
    rim: float


class Camera(NamedTuple):
    """Each 0 to 1."""
    vignette: float
    grain: float
    saturation: float


class Background(NamedTuple):
    scene: str        # of BACKGROUNDS; a style may have its own
    seed: int


class Person(NamedTuple):
    """Everything that a portrait depends on, but for the style. Change it with `_replace`."""
    seed: int
    ancestry: Ancestry
    sex: float            # 0 female to 1 male
    age: float            # years, 12 to 90
    weight: float         # 0 thin to 1 heavy
    shape: Weights        # details of the head: names of targets
    skin: Skin
    hair: Hair
    eyes: Colour
    brows: Brows
    beard: Beard
    glasses: Optional[Glasses]
    clothes: Clothes
    expression: Weights   # names of ARKit's 52 face units, as smile = (("mouthSmileLeft", 0.5), ...)
    pose: Pose
    gaze: Gaze
    light: Light
    camera: Camera
    background: Background
