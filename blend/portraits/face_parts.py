"""The parts of a portrait, each painted in one of two styles: shaded, or inked and flat."""
import numpy as np

_SKIN = ((0.94, 0.79, 0.70), (0.89, 0.71, 0.60), (0.80, 0.59, 0.46), (0.65, 0.45, 0.33),
         (0.48, 0.31, 0.22), (0.35, 0.22, 0.165))
_HAIR = ((0.09, 0.08, 0.09), (0.17, 0.11, 0.08), (0.30, 0.18, 0.11), (0.40, 0.25, 0.15),
         (0.45, 0.20, 0.11), (0.63, 0.31, 0.15), (0.72, 0.52, 0.30), (0.84, 0.69, 0.44),
         (0.86, 0.77, 0.58), (0.67, 0.65, 0.64))
_IRIS = ((0.20, 0.12, 0.07), (0.28, 0.16, 0.08), (0.38, 0.23, 0.11), (0.42, 0.43, 0.20),
         (0.30, 0.50, 0.35), (0.30, 0.48, 0.68), (0.50, 0.58, 0.65))
_INK = np.array((0.11, 0.07, 0.09), np.float32).reshape(3, 1, 1, 1)


class Canvas:
    """A float picture [3, N, R, R] with the coordinates of the body (x, y) and head (u, v)."""

    def __init__(self, face, cartoon, resolution):
        self.cartoon = cartoon
        self.pixel = 2.0 / resolution
        line = (np.arange(resolution, dtype=np.float32) + 0.5) * self.pixel - 1
        self.x = line[None, None, :] - face.shift
        self.y = line[None, :, None]
        sin, cos = np.sin(face.tilt), np.cos(face.tilt)
        # The head turns about the neck.
        self.u = cos * self.x + sin * (self.y - 0.5)
        self.v = cos * (self.y - 0.5) - sin * self.x + 0.5
        self.picture = np.zeros((3,) + self.u.shape, np.float32)

    def cover(self, distance, soft=0.0):
        """Return how much of each pixel lies inside a signed distance, blurred over `soft`."""
        cover = np.clip(0.5 - distance / max(soft, self.pixel), 0, 1)
        return cover * cover * (3 - 2 * cover) if soft else cover

    def blend(self, cover, colour):
        self.picture += cover * (colour - self.picture)

    def paint(self, distance, colour):
        """Paint a shape, with an inked outline in cartoons."""
        if self.cartoon:
            self.blend(self.cover(distance - 0.042), _INK)
        self.blend(self.cover(distance), colour)


def _colour(rgb):
    return np.array(rgb, np.float32).reshape(3, 1, 1, 1)


def _ramp(stops, position):
    """Return the colour [3, N, 1, 1] at `position` (0..1) along evenly spaced stops."""
    at = np.linspace(0, 1, len(stops))
    return np.stack([np.interp(position, at, channel) for channel in zip(*stops)]).astype("f4")


def _hue(hue):
    thirds = np.array([0, 2, 1], np.float32).reshape(3, 1, 1, 1) / 3
    return 0.5 + 0.5 * np.cos(2 * np.pi * (hue + thirds))


def _saturate(colour, amount):
    grey = colour.mean(0, keepdims=True)
    return np.clip(grey + (colour - grey) * amount, 0, 1)


def _ellipse(a, b, width, height):
    """Return the approximate signed distance to an ellipse with these half axes."""
    p, q = a / width, b / height
    k = np.sqrt(p * p + q * q) + 1e-4
    slope = np.sqrt((p / width) ** 2 + (q / height) ** 2) + 1e-4
    return (k - 1) * k / slope


def _mix(low, high, amount):
    return low + (high - low) * amount


def measure(canvas, face):
    """Add to the face the colours and fields that several parts share."""
    u, v = canvas.u, canvas.v
    skin = _ramp(_SKIN, face.skin) * (1 + _colour((0.02, 0.0, -0.07)) * face.undertone)
    hair = _ramp(_HAIR, face.hair_tone)
    face.skin_colour = _saturate(skin * 1.08, 1.25) if canvas.cartoon else skin
    face.hair_colour = _saturate(hair * 1.15 + 0.03, 1.25) if canvas.cartoon else hair
    face.lip_colour = face.skin_colour * _colour((0.84, 0.58, 0.58)) + _colour((0.05, 0, 0.01))
    face.turned = u - face.yaw
    # Rounder on top, narrowing to the chin.
    low = np.clip(v / face.head_height, 0, 1.1)
    narrow = u / (1 - face.jaw * low * low)
    face.head = _ellipse(narrow, v - 0.02, face.head_width, face.head_height)
    nx = np.clip(narrow / face.head_width, -1.1, 1.1) * 0.85
    ny = np.clip((v - 0.02) / face.head_height, -1.1, 1.1) * 0.8
    nz = np.sqrt(np.maximum(1 - nx * nx - ny * ny, 0.05))
    face.lit = (nx * face.light_x + ny * face.light_y + nz) / np.sqrt(
        1 + face.light_x ** 2 + face.light_y ** 2)


def background(canvas, face):
    tint = _hue(face.background_hue) - 0.5
    if canvas.cartoon:
        canvas.picture[:] = _mix(0.66, 0.84, face.background_light) + 0.22 * tint
        return
    base = _mix(0.30, 0.66, face.background_light) + 0.08 * tint
    glow = 1 + 0.22 * canvas.x * face.light_x - 0.10 * canvas.y
    blob = canvas.cover(_ellipse(canvas.x + 0.9 * face.light_x, canvas.y + 0.3, 0.5, 0.6), 0.9)
    canvas.picture[:] = base * (glow - 0.12 * blob)


def shirt(canvas, face):
    light = _mix(0.14, 0.78, face.shirt_light)
    tint = (_hue(face.shirt_hue) - 0.5) * np.minimum(light, 1 - light)
    colour = light + tint * (1.5 if canvas.cartoon else 0.7)
    shoulders = _ellipse(canvas.x, canvas.y - 1.2, 0.9, 0.46)
    if not canvas.cartoon:
        colour = colour * (0.88 + 0.25 * canvas.x * face.light_x
                           + 0.2 * canvas.cover(shoulders + 0.1, 0.3))
    canvas.paint(shoulders, colour)


def _hair_outline(canvas, face):
    width = face.head_width + face.hair_volume * (0.4 + 0.7 * np.minimum(face.hair_length * 2, 1))
    v = canvas.v + 0.04
    below = _mix(0.24, 1.02, face.hair_length)
    height = np.where(v < 0, face.head_height - 0.06 + face.hair_volume, below)
    # A squarer lower half lets long hair hang straight.
    bulge = np.clip(v / below, 0, 1.2) * (0.25 * face.hair_length)
    return _ellipse(canvas.u * (1 - bulge), v, width, height)


def _hair_shade(canvas, face):
    """Return the hair colour [3, N, R, R] with strands and a band of sheen."""
    u, v = canvas.u, canvas.v
    side = u - 0.25 * face.parting
    if canvas.cartoon:
        glint = canvas.cover(_ellipse(u - 0.3 * face.light_x, v + 0.53, 0.17, 0.06))
        return face.hair_colour * (1 + 0.3 * glint) + 0.06 * glint
    radius = np.sqrt(side * side + (np.minimum(v, 0.1) + 0.75) ** 2)
    sheen = np.clip(1 - ((radius - 0.33) / 0.2) ** 2, 0, 1)
    strand = side / (0.35 + radius) * 34
    strands = np.sin(strand + face.hair_wave + 2 * v) + 0.6 * np.sin(1.7 * strand - 3 * v)
    nx = np.clip(u / (face.head_width + face.hair_volume), -1, 1)
    lit = 0.84 + 0.28 * nx * face.light_x - 0.22 * np.clip(v, -0.8, 0.8)
    glint = sheen * (0.75 + 0.25 * strands) * (0.7 + 0.6 * nx * face.light_x)
    return face.hair_colour * (lit + 0.085 * strands) + (0.10 + 0.16 * face.hair_colour) * glint


def back_hair(canvas, face):
    face.hair = _hair_outline(canvas, face)
    face.hair_shade = _hair_shade(canvas, face)
    canvas.paint(face.hair, face.hair_shade * (0.85 if canvas.cartoon else 0.66))


def neck(canvas, face):
    x, y = canvas.x, canvas.y
    width = face.head_width * (0.40 if canvas.cartoon else 0.47)
    flare = 1 + 0.5 * np.clip(y - 0.68, 0, 0.4)
    neck = np.maximum(np.abs(x / flare) - width, _ellipse(x, y - 0.5, width * 1.5, 0.41))
    shadow = canvas.cover(face.head - 0.09, 0.03 if canvas.cartoon else 0.2)
    shade = 0.9
    if not canvas.cartoon:
        shade = shade + 0.25 * (x / width).clip(-1, 1) * face.light_x
    colour = face.skin_colour * shade * (1 - _colour((0.24, 0.32, 0.34)) * shadow)
    canvas.paint(neck, colour)


def ears(canvas, face):
    for side in (-1, 1):
        a = canvas.u - side * (face.head_width - 0.005) + 0.45 * face.yaw
        ear = _ellipse(a, canvas.v - 0.06, 0.075, 0.135)
        lit = 0.9 + 0.12 * side * face.light_x
        inner = canvas.cover(ear + 0.045, 0.04)
        canvas.paint(ear, face.skin_colour * lit * (1 - _colour((0.1, 0.2, 0.2)) * inner))


def head(canvas, face):
    u, v = face.turned, canvas.v
    lit = face.lit
    blush = sum(canvas.cover(_ellipse(u - side * 0.27, v - 0.24, 0.13, 0.10),
                             0.08 if canvas.cartoon else 0.26) for side in (-1, 1))
    colour = face.skin_colour * (1 - _colour((0.0, 0.16, 0.13)) * (blush * face.cheeks))
    if canvas.cartoon:
        shade = canvas.cover(lit - 0.5, 2 * canvas.pixel)
        canvas.paint(face.head, colour * (1 - _colour((0.13, 0.19, 0.17)) * shade))
        return
    sockets = sum(canvas.cover(_ellipse(u - side * face.eye_distance, v + 0.06, 0.15, 0.12), 0.2)
                  for side in (-1, 1))
    # The ridge of the nose bends the normals to either side of it.
    bridge = np.clip((v + 0.12) / 0.3, 0, 1) * canvas.cover(v - face.nose_length + 0.02, 0.12)
    a = (u - 0.35 * face.yaw) / (0.07 + face.nose_width * 0.4)
    ridge = np.clip(1 - a * a / 4, 0, 1) ** 2 * bridge
    wrapped = np.clip((lit + 0.35) / 1.35, 0, 1)
    wrapped = wrapped + 0.20 * a * ridge * face.light_x - 0.13 * sockets
    tone = 0.40 + _colour((0.74, 0.73, 0.73)) * wrapped
    gloss = np.clip(lit, 0, 1) ** 2
    gloss = gloss * gloss * gloss
    gloss = gloss * gloss * 0.08 + 0.06 * np.clip(1 - 2 * a * a, 0, 1) * bridge
    canvas.paint(face.head, colour * tone + gloss)


def beard(canvas, face):
    u, v = face.turned, canvas.v
    clear = np.minimum(_ellipse(u, v + 0.02, face.head_width * 0.82, 0.42),
                       _ellipse(u, v - 0.43, face.mouth_width * 0.95, 0.06))
    soft = 0.03 if canvas.cartoon else 0.14
    cover = canvas.cover(-clear, soft) * canvas.cover(face.head + 0.01) * canvas.cover(
        0.08 - v, 0.1)
    canvas.blend(cover * (0.8 * face.beard), 0.55 * face.hair_colour + 0.2 * face.skin_colour)


def mouth(canvas, face):
    u, v = face.turned - 0.1 * face.yaw, canvas.v
    a = u / face.mouth_width
    arch = np.clip(1 - a * a, 0, 1)
    b = v - 0.41 - face.smile * (arch - 0.6)
    gap = face.mouth_opening * arch * (1.5 if canvas.cartoon else 1)
    width = np.abs(u) - face.mouth_width
    lips = np.maximum(np.where(b < 0, -b - face.lips * 0.85 * arch,
                               b - gap - face.lips * 1.35 * arch), width)
    if not canvas.cartoon:
        canvas.blend(0.16 * canvas.cover(_ellipse(u, v - 0.53, 0.12, 0.03), 0.07),
                     face.skin_colour * 0.4)
        lit = 0.92 + 0.1 * u * face.light_x - 0.18 * canvas.cover(b - gap * 0.5, 0.03)
        canvas.blend(canvas.cover(lips, 0.03), face.lip_colour * lit)
    open_mouth = np.maximum(np.abs(b - gap / 2) - gap / 2, width)
    thickness = 0.02 if canvas.cartoon else 0.009
    dark = _INK if canvas.cartoon else face.lip_colour * 0.38
    line = np.maximum(open_mouth - thickness * (0.4 + 0.6 * arch), width)
    canvas.blend(canvas.cover(line), dark)
    teeth = canvas.cover(open_mouth + 0.006) * np.clip(gap / 0.02, 0, 1)
    canvas.blend(teeth, _colour((0.93, 0.91, 0.88)) * (1 if canvas.cartoon else 0.92))


def nose(canvas, face):
    u, v = face.turned - 0.4 * face.yaw, canvas.v - face.nose_length
    width = face.nose_width
    if canvas.cartoon:
        tip = np.abs(_ellipse(u, v + 0.02, width * 0.62, 0.04)) - 0.012
        canvas.blend(0.85 * canvas.cover(np.maximum(tip, -v - 0.015)), _INK)
        return
    shadow = canvas.cover(_ellipse(u + 0.05 * face.light_x, v - 0.035, width * 1.15, 0.03), 0.07)
    canvas.blend(0.38 * shadow, face.skin_colour * _colour((0.45, 0.33, 0.30)))
    for side in (-1, 1):
        nostril = canvas.cover(_ellipse(u - side * width * 0.55, v - 0.012, 0.028, 0.014), 0.035)
        canvas.blend(0.75 * nostril, face.skin_colour * _colour((0.28, 0.17, 0.15)))


def eyes(canvas, face):
    iris = _ramp(_IRIS, face.iris)
    iris = _saturate(iris * 1.25, 1.3) if canvas.cartoon else iris
    for side in (-1, 1):
        # The eye on the far side of a turned head is nearer the nose and narrower.
        near = 1 - 1.2 * side * face.yaw
        a = (face.turned - side * face.eye_distance * near) / near
        b = canvas.v + 0.035 + face.eye_slant * side * a
        _eye(canvas, face, a, b, iris)


def _eye(canvas, face, a, b, iris):
    size, height = face.eye_size, face.eye_size * face.eye_opening
    radius = size * (0.82 if canvas.cartoon else 0.50)
    shape = _ellipse(a, b, size, height)
    shaded = canvas.cover(b + height * 0.45, 0.05)
    if canvas.cartoon:
        white = 0.99
        canvas.blend(canvas.cover(np.abs(shape) - 0.018 + 0.06 * b), _INK)
    else:
        white = _mix(0.90, 0.78 + 0.12 * face.skin_colour, 0.8) * (1 - 0.3 * shaded)
        crease = np.abs(_ellipse(a, b, size * 1.15, height * 1.75)) - 0.004
        canvas.blend(0.4 * canvas.cover(np.maximum(crease, b + 0.02), 0.03),
                     face.skin_colour * 0.4)
    inside = canvas.cover(shape)
    gaze = a - 0.25 * face.yaw
    disc = np.sqrt(gaze * gaze + b * b)
    eye = white + canvas.cover(disc - radius) * (iris * (1 - 0.4 * shaded) - white)
    canvas.blend(inside, eye * (1 - 0.92 * canvas.cover(disc - radius * 0.52)))
    if not canvas.cartoon:
        lash = np.abs(shape) - np.where(b < 0.01, 0.010, -0.002)
        canvas.blend(0.85 * canvas.cover(lash), face.skin_colour * 0.16)
    spot = radius * (0.34 if canvas.cartoon else 0.26)
    glint = np.hypot(gaze - face.light_x * radius * 0.55, b + radius * 0.4) - spot
    canvas.blend(inside * canvas.cover(glint), 1.0)


def brows(canvas, face):
    colour = face.hair_colour * ((0.34 if canvas.cartoon else 0.58) * _colour((1.07, 0.95, 0.9)))
    for side in (-1, 1):
        a = (face.turned - side * face.eye_distance) * side
        b = canvas.v + 0.035 + face.brow_height + (0.04 - face.brow_angle) * a - 1.5 * a * a
        taper = face.brow_thickness * np.clip(1 - 2.5 * a, 0.5, 1.25)
        brow = np.maximum(np.abs(b) - taper, np.abs(a - 0.01) - 0.125)
        canvas.blend(canvas.cover(brow, 0 if canvas.cartoon else 0.035), colour)


def front_hair(canvas, face):
    u, v = canvas.u - 0.6 * face.yaw, canvas.v
    top = _mix(-0.48, -0.34, face.fringe)
    width = face.head_width * _mix(1.04, 0.86, np.minimum(face.hair_length * 2, 1))
    # The parting tips the hairline and moves its highest point.
    locks = np.abs(np.sin((u - 0.25 * face.parting) * 11)) * (0.02 + 0.05 * face.fringe)
    swept = np.minimum(v + 0.16 * face.parting * u + locks - 0.1, 0)
    # The square makes the hairline flatter than an ellipse.
    height = 0.1 - top
    opening = _ellipse(u - 0.04 * face.parting, swept * swept / height, width, height)
    opening /= 1 + (swept / height) ** 2
    bottom = 1.8 * face.hair_length - 0.06
    hair = np.maximum(np.maximum(face.hair, -opening), v - bottom)
    if not canvas.cartoon:
        shadow = canvas.cover(hair - 0.05, 0.12) * canvas.cover(face.head)
        canvas.blend(0.3 * shadow, face.skin_colour * 0.35)
    canvas.paint(hair, face.hair_shade)


IN_ORDER = (measure, background, shirt, back_hair, neck, ears, head, beard, mouth, nose, eyes, brows, front_hair)
