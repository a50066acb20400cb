"""All that is drawn as strands, of one person in one style."""

import numpy as np

from blend.portraits import hair, raster, strands
from blend.portraits.maths import FLOAT


def groups(someone, style, built, normals, samples):
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


def that_cast_shadows(groups):
    """[N,3] of hair and frames: the middles of their segments cast shadows."""
    return np.concatenate([(0.5 * (group.points[:, :-1] + group.points[:, 1:])).reshape(-1, 3) for group in groups
                           if group.material in (strands.HAIR, strands.FRAME)] or [np.zeros((0, 3), FLOAT)])
