"""People as pictures: the face of this room.

>>> draw([0], "photo", size=32).shape
(1, 32, 32, 3)
"""

import numpy as np

from blend.errors import BlendError, brief
from blend.portraits import backgrounds, eyes, fibres, film, hair, head, light, mesh, person, raster
from blend.portraits import regions, roots, skin, strands, styles
from blend.portraits.maths import FLOAT, smoothstep, unit

SMALLEST, LARGEST = 16, 1024  # pixels across
SAMPLES = (1, 4, 9, 16)       # a pixel
_MOUTH_DEPTH = 0.08           # dm
_CLOTH = 0.05                 # dm that clothes stand off


def draw(people, style="photo", *, size=128, samples=4):
    """Draw portraits.

    people: a list of Persons, or of seeds (whole numbers). style: a name in `styles.STYLES`. size: pixels across.
    samples: of each pixel. Returns uint8 [N,size,size,3]; a portrait depends on its person, style, size and samples
    alone. BlendError: anything of these that cannot be drawn.
    """
    look = styles.named(style)
    if isinstance(size, bool) or not isinstance(size, (int, np.integer)) or not SMALLEST <= size <= LARGEST:
        raise BlendError("a portrait's size is %d to %d pixels, not %s" % (SMALLEST, LARGEST, brief(size)))
    if samples not in SAMPLES:
        raise BlendError("samples of a pixel are 1, 4, 9 or 16, not %s" % brief(samples))
    people = [someone if isinstance(someone, person.Person) else person.person(someone) for someone in people]
    pictures = np.empty((len(people), size, size, 3), np.uint8)
    for number, someone in enumerate(people):
        pictures[number] = _portrait(person.checked(someone), look, int(size), int(np.sqrt(samples)))
    return pictures


def _portrait(someone, style, size, across):
    samples = size * across
    built = head.build(someone, style.proportions)
    normals = mesh.normals(built.points)
    built = built._replace(points=_clothed(someone, built.points, normals))
    pose = head.pose(someone, style.proportions)
    groups = [group._replace(points=pose.apply(group.points))
              for group in _groups(someone, style, built, normals, samples)]
    posed = head.Head(pose.apply(built.points), pose.apply(built.eyes))
    lips = posed.points[mesh.head().lips > 0.8].mean(0)
    view = film.view(posed.eyes, lips, style.crop, samples)
    lights = light.lights(someone, style.light, float(skin.tone(someone).mean()))
    shadows = light.ShadowMap(posed.points, _shading_points(groups), lights, max(128, size))

    screen = _mouth_behind(view.project(posed.points))
    index, depth = raster.triangles(screen, mesh.head().triangles, samples, samples)
    splats, depth = raster.strands(groups, view.project, depth, samples, samples)
    free = light.occlusion(depth, samples, view.pixels_per_dm, film.CAMERA[2])
    index[splats.pixels] = -1
    pixels, corners, weights = raster.barycentric(screen, mesh.head().triangles, index, samples)
    surface, part = _surface(posed.points, pixels, corners, weights, free)

    scene = backgrounds.draw(someone.background, size, style.soft)
    scene = np.repeat(np.repeat(scene, across, 0), across, 1).reshape(-1, 3)
    scene[pixels] = _body(someone, style, posed, pose, surface, part, lights, shadows, view)
    outwards = unit(splats.points - pose.apply(roots.CENTRE + np.array([0, -0.15, -0.1], FLOAT)))
    scene[splats.pixels] = fibres.shade(someone, splats, outwards, free[splats.pixels],
                                        unit(film.CAMERA - splats.points), lights, shadows, style)
    return film.develop(scene.reshape(samples, samples, 3), someone, style.film, size)


def _clothed(someone, points, normals):
    """The mesh, thicker where clothes cover it."""
    depth = regions.neckline(mesh.head().base, someone.clothes.neckline)
    thick = smoothstep(-0.10, 0.16, depth) * (mesh.head().part == mesh.SKIN)
    return points + normals * (_CLOTH * thick)[:, None].astype(FLOAT)


def _mouth_behind(screen):
    """Points on the screen with teeth and tongue a little deeper: lips and chins of some shapes would not hide them."""
    part = mesh.head().part
    behind = _MOUTH_DEPTH * ((part == mesh.TEETH) | (part == mesh.TONGUE))
    return np.stack([screen[:, 0], screen[:, 1], screen[:, 2] + behind], 1).astype(FLOAT)


def _groups(someone, style, built, normals, samples):
    """All Strands of a person, before the pose."""
    few, many = style.hair.strands
    count = int(np.interp(samples, [256, 512], [few, many]))
    scale = samples / 512.0

    def strand_group(grown, material, width):
        points, layer, shade, sheer = grown
        return raster.Strands(points, layer, shade, sheer, material, int(max(1, round(scale * width))))

    groups = [strand_group(grown, strands.HAIR, style.hair.width)
              for grown in hair.grow(someone, built, normals, count, style.soft)]
    groups.append(strand_group(strands.brows(someone, built.points, normals, style.soft), strands.BROW,
                               style.hair.brow_width))
    grown = strands.beard(someone, built.points, normals)
    if grown:
        groups.append(strand_group(grown, strands.BEARD, 1.0))
    groups.append(strand_group(strands.lashes(someone, built.points, style.soft), strands.LASH, 1.0))
    if someone.glasses:
        lines = strands.frames(someone, built)
        ones = np.ones(len(lines), FLOAT)
        thick = (4 + 2.5 * someone.glasses.thick) * (1.5 if style.soft else 1)
        groups.append(strand_group((lines, ones, ones, 0 * ones), strands.FRAME, max(thick, 2 / scale)))
    return groups


def _shading_points(groups):
    """[N,3] of hair and frames: the middles of their segments cast shadows."""
    return np.concatenate([(0.5 * (group.points[:, :-1] + group.points[:, 1:])).reshape(-1, 3) for group in groups
                           if group.material in (strands.HAIR, strands.FRAME)] or [np.zeros((0, 3), FLOAT)])


def _surface(points, pixels, corners, weights, free):
    """(skin.Surface of pixels of the mesh, the part [P] of each)."""
    shape = mesh.head()
    normals = mesh.normals(points)
    masks = np.stack([shape.eyelids, shape.lips, shape.ears, shape.inside, mesh.concavity(points, normals)], 1)
    vertices = np.concatenate([points, normals, shape.base, masks, regions.of_vertices()], 1).astype(FLOAT)
    values = mesh.on_surface(vertices, corners, weights)
    place, normal = values[:, :3], unit(values[:, 3:6])
    surface = skin.Surface(pixels, place, normal, values[:, 6:9], *values[:, 9:14].T, occlusion=free[pixels],
                           views=unit(film.CAMERA - place), regions=regions.Regions(*values[:, 14:].T))
    return surface, shape.part[corners[:, 0]]


def _chosen(surface, chosen):
    """The Surface of some of its pixels."""
    parts = [part[chosen] for part in surface[:-1]]
    return skin.Surface(*parts, regions=regions.Regions(*[part[chosen] for part in surface.regions]))


def _body(someone, style, posed, pose, surface, part, lights, shadows, view):
    """Linear colours [P,3] of skin, eyes and mouth."""
    colours = np.zeros((len(part), 3), FLOAT)
    bare = np.flatnonzero(part == mesh.SKIN)
    colours[bare] = skin.shade(someone, _chosen(surface, bare), lights, shadows, style, view.size, view.pixels_per_dm)
    for number, which, side in ((0, mesh.LEFT_EYE, 1), (1, mesh.RIGHT_EYE, -1)):
        chosen = np.flatnonzero(part == which)
        if len(chosen):
            centre = posed.eyes[number]
            ahead = eyes.gaze(someone, centre, pose.head, film.CAMERA, style.eyes, side)
            radius = eyes.radius(posed.points[mesh.head().part == which], centre)
            colours[chosen] = eyes.shade(someone, _chosen(surface, chosen), centre, radius, ahead, lights, shadows,
                                         style, view.pixels_per_dm, number)
    for which in (mesh.TEETH, mesh.TONGUE):
        chosen = np.flatnonzero(part == which)
        if len(chosen):
            colours[chosen] = eyes.shade_mouth(_chosen(surface, chosen), which == mesh.TEETH, lights, shadows, style)
    return colours
