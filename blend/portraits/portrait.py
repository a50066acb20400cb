"""One portrait, from the person to the picture: the order in which this room's parts work."""

import numpy as np

from blend.portraits import backgrounds, eyes, fibres, film, growth, head, light, mesh, raster, regions, roots, skin
from blend.portraits.maths import FLOAT, smoothstep, unit

_MOUTH_DEPTH = 0.08   # dm
_CLOTH = 0.05         # dm that clothes stand off


def draw(someone, style, size, across):
    """A Person in a Style: uint8 [size,size,3], from across x across samples of each pixel."""
    samples = size * across
    built = head.build(someone, style.proportions)
    normals = mesh.normals(built.points)
    fitted = _fitted(built.points)
    built = built._replace(points=_clothed(someone, fitted, built.points, normals))
    pose = head.pose(someone, style.proportions)
    groups = [group._replace(points=pose.apply(group.points))
              for group in growth.groups(someone, style, built, normals, samples)]
    posed = head.Head(*[pose.apply(part) for part in built])
    view = film.view(posed.eyes, posed.mouth, style.crop, samples)
    lights = light.lights(someone, style.light, float(skin.tone(someone).mean()))
    shadows = light.ShadowMap(posed.points, growth.that_cast_shadows(groups), lights, max(128, size))

    screen = _mouth_behind(view.project(posed.points))
    index, depth = raster.triangles(screen, mesh.head().triangles, samples, samples)
    splats, depth = raster.strands(groups, view.project, depth, samples, samples)
    free = light.occlusion(depth, samples, view.pixels_per_dm, film.CAMERA[2])
    index[splats.pixels] = -1
    pixels, corners, weights = raster.barycentric(screen, mesh.head().triangles, index, samples)
    surface, part = _surface(posed.points, fitted, pixels, corners, weights, free)

    scene = backgrounds.draw(someone.background, size, style.soft)
    scene = np.repeat(np.repeat(scene, across, 0), across, 1).reshape(-1, 3)
    scene[pixels] = _body(someone, style, posed, pose, surface, part, lights, shadows, view)
    outwards = unit(splats.points - pose.apply(roots.CENTRE + np.array([0, -0.15, -0.1], FLOAT)))
    scene[splats.pixels] = fibres.shade(someone, splats, outwards, free[splats.pixels],
                                        unit(film.CAMERA - splats.points), lights, shadows, style)
    return film.develop(scene.reshape(samples, samples, 3), someone, style.film, size)


def _fitted(points):
    """Places [V,3] on the average bust, by the one affine map that fits a person's best.

    Clothes are cut by them: vertices' own places are too uneven for the straight edge of a collar.
    """
    base = mesh.head().base
    bust = np.flatnonzero((mesh.head().part == mesh.SKIN) & (base[:, 1] < 6.1))
    extended = np.concatenate([points, np.ones((len(points), 1))], 1).astype(np.float64)
    # Sums of einsum do not depend on the number of threads.
    squares = np.einsum("ni,nj->ij", extended[bust], extended[bust])
    affine = np.linalg.solve(squares, np.einsum("ni,nj->ij", extended[bust], base[bust].astype(np.float64)))
    return np.einsum("ni,ij->nj", extended, affine).astype(FLOAT)


def _clothed(someone, fitted, points, normals):
    """The mesh, thicker where clothes cover it."""
    depth = regions.neckline(fitted, someone.clothes.neckline)
    thick = smoothstep(-0.35, 0.25, depth) * (mesh.head().part == mesh.SKIN)
    return points + normals * (_CLOTH * thick)[:, None].astype(FLOAT)


def _mouth_behind(screen):
    """Points on the screen with teeth and tongue a little deeper: lips and chins of some shapes would not hide them."""
    part = mesh.head().part
    behind = _MOUTH_DEPTH * ((part == mesh.TEETH) | (part == mesh.TONGUE))
    return np.stack([screen[:, 0], screen[:, 1], screen[:, 2] + behind], 1).astype(FLOAT)


def _surface(points, fitted, pixels, corners, weights, free):
    """(skin.Surface of pixels of the mesh, the part [P] of each)."""
    shape = mesh.head()
    normals = mesh.normals(points)
    masks = np.stack([shape.eyelids, shape.lips, shape.ears, shape.inside, mesh.concavity(points, normals)], 1)
    vertices = np.concatenate([points, normals, shape.base, fitted, masks, regions.of_vertices()], 1).astype(FLOAT)
    values = mesh.on_surface(vertices, corners, weights)
    place, normal, region = values[:, :3], unit(values[:, 3:6]), regions.Regions(*values[:, 17:].T)
    surface = skin.Surface(pixels, place, normal, values[:, 6:9], values[:, 9:12], *values[:, 12:17].T,
                           occlusion=free[pixels], views=unit(film.CAMERA - place), regions=region)
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
