"""Methods: arrays and weights, and for some the common ancestor, to one array. Pure functions; nothing is changed.

A method takes float32 arrays of one shape (any number of them), their weights and, where it needs it, `base`, the array
of the ancestor that they were fine-tuned from, and returns a float32 array. What a method takes whole it returns as it
is (`is`), so that its bytes can be copied from file to file.

A new method is a function and its line in METHODS.

What is known of them on StyleGAN: networks with a common ancestor stay aligned (StyleAlign, arXiv 2110.11323), which
supports `linear` and swapping layers (Pinkney & Adler 2020, arXiv 2010.05334). The others come from language and image
models; no work that tries them on StyleGAN was found.
"""

import hashlib
import itertools
import math
from collections import OrderedDict
from typing import Callable, NamedTuple, Optional, Tuple

import numpy as np

# Cosine from which two arrays count as parallel: the sine of the angle, a divisor, gets too small.
_PARALLEL = 0.9995


def linear(arrays, weights):
    """Σ wᵢ xᵢ. Of two, w = (1 - f, f), it is the 2021 article's `high * f + low * (1 - f)`, in its float32 order.

    Wortsman et al. 2022 (model soups, arXiv 2203.05482) for several. On StyleGAN: what "Toonify" does, and what
    StyleAlign supports, for networks with a common ancestor.

    >>> linear([np.float32([1]), np.float32([3])], (0.75, 0.25))
    array([1.5], dtype=float32)
    """
    parts = _parts(arrays, weights)
    if len(parts) == 1 and parts[0][1] == 1:
        return parts[0][0]
    mixed = np.zeros_like(arrays[0]) if not parts else np.asarray(parts[-1][0] * np.float32(parts[-1][1]))
    for array, weight in parts[-2::-1]:
        mixed += array * np.float32(weight)  # in place: one array of this size less
    return mixed


def mix(low, high, fraction):
    """(1 - fraction) low + fraction high: `linear` of two; 0 and 1 give the input itself."""
    return linear([low, high], (1 - fraction, fraction))


def task_arithmetic(arrays, weights, base):
    """base + Σ λᵢ (xᵢ - base); a λ may exceed 1 (more of it) or be negative (less of it).

    Ilharco et al. 2022 (arXiv 2212.04089). "Add difference" of Stable Diffusion's tools, A + α (B - C), is
    base C with λ = 1 for A and α for B. On StyleGAN: nothing was found; with one network and λ from 0 to 1 it is
    `linear` of it and its ancestor, which StyleAlign supports.

    >>> task_arithmetic([np.float32([3])], (2,), np.float32([1]))
    array([5.], dtype=float32)
    """
    parts = _parts(arrays, weights)
    if len(parts) == 1 and parts[0][1] == 1:
        return parts[0][0]  # base + (x - base), without its rounding
    return _added(base, (array - base for array, _ in parts), [weight for _, weight in parts])


def slerp(arrays, weights):
    """(sin((1 - t) θ) a + sin(t θ) b) / sin θ of two arrays, θ the angle between them, t = w₂: along the arc.

    Shoemake 1985 ("Animating rotation with quaternion curves"), each array taken as one vector. Nearly parallel ones
    (cosine above 0.9995) and those with a norm of 0 are mixed linearly. On StyleGAN: nothing was found for weights.
    """
    (a, b), t = arrays, weights[1]
    if t in (0, 1):
        return (a, b)[int(t)]
    cosine = _cosine(a, b)
    if abs(cosine) > _PARALLEL or not _norm(a) * _norm(b):
        return linear(arrays, (1 - t, t))
    angle = math.acos(cosine)
    return linear(arrays, (math.sin((1 - t) * angle) / math.sin(angle), math.sin(t * angle) / math.sin(angle)))


def model_stock(arrays, weights, base):
    """t mean(xᵢ) + (1 - t) base with t = N cos θ / (1 + (N - 1) cos θ), θ the angle between the differences xᵢ - base.

    Jang et al. 2024 (arXiv 2403.19522), for each variable; for more than two, cos θ is the mean of all pairs. It is
    taken as at least 0: networks that went opposite ways give their ancestor. Weights say only, by 0, who takes no
    part. On StyleGAN: nothing was found.
    """
    differences = [array - base for array, _ in _parts(arrays, weights)]
    count = len(differences)
    cosines = [_cosine(a, b) for a, b in itertools.combinations(differences, 2)]
    cosine = max(0.0, float(np.mean(cosines))) if cosines else 1.0
    t = count * cosine / (1 + (count - 1) * cosine)
    return _added(base, differences, [t / count] * count)


def ties(arrays, weights, base, *, density=1.0, scale=1.0):
    """base + λ mean of the differences that agree: trim small ones, elect a sign for each number, average those of it.

    Yadav et al. 2023 (arXiv 2306.01708). density: the part of each difference that is kept, the largest
    values (a number, or one for each network); here of every variable, there of the whole network. The sign is that of
    Σ wᵢ τᵢ, the mean is weighted by wᵢ ≥ 0. scale: λ. On StyleGAN: nothing was found.
    """
    parts = _parts(arrays, weights, density)
    differences = [_trimmed(array - base, part) for array, _, part in parts]
    return _added(base, [_elected(differences, [weight for _, weight, _ in parts])], [scale])


def dare(arrays, weights, base, *, density=1.0, seed=0, name=""):
    """base + Σ λᵢ δᵢ / density, δᵢ the difference xᵢ - base of which all but a random part `density` is dropped.

    Yu et al. 2023 (arXiv 2311.03099). The draws are of (seed, name of the variable, place of the network), so that they
    depend on no order of variables. Single numbers are kept whole. On StyleGAN: nothing was found.
    """
    parts = _parts(arrays, weights, density)
    if all(part == 1 for _, _, part in parts):
        return task_arithmetic(arrays, weights, base)
    return _added(base, _dropped(arrays, weights, base, density, seed, name), [weight for _, weight, _ in parts])


def dare_ties(arrays, weights, base, *, density=1.0, scale=1.0, seed=0, name=""):
    """`dare`'s dropping, then the election of signs and the mean of `ties` in place of its trimming. Both papers'."""
    differences = list(_dropped(arrays, weights, base, density, seed, name))
    return _added(base, [_elected(differences, [weight for weight in weights if weight != 0])], [scale])


def dot(a, b):
    """The product of two arrays as vectors, in double precision.

    Not np.dot: on a busy machine its threads wait for each other, a hundred times as long as the product takes.
    """
    return float(np.einsum("i,i->", np.ravel(a).astype(np.float64), np.ravel(b).astype(np.float64)))


def _parts(arrays, weights, *others):
    """(array, weight, …) of what takes part. others: a number, or one for each array."""
    columns = [value if isinstance(value, (tuple, list)) else [value] * len(arrays) for value in others]
    return [part for part in zip(arrays, weights, *columns) if part[1] != 0]


def _added(base, differences, weights):
    """base + Σ wᵢ dᵢ in float32; base itself where there is nothing to add. The differences may be made one by one."""
    if not weights:
        return base
    merged = np.array(base)
    for difference, weight in zip(differences, weights):
        merged += difference * np.float32(weight)
    return merged


def _norm(array):
    return math.sqrt(dot(array, array))


def _cosine(a, b):
    """Of the angle between two arrays as vectors; 0 where one has no length."""
    length = _norm(a) * _norm(b)
    return max(-1.0, min(1.0, dot(a, b) / length)) if length else 0.0


def _trimmed(difference, density):
    """A difference whose values but the largest, a part `density` of them, are 0."""
    count = int(math.ceil(density * difference.size))
    if count >= difference.size:
        return difference
    sizes = np.abs(difference)
    least = np.partition(sizes, difference.size - count, None)[difference.size - count]
    return np.where(sizes >= least, difference, np.float32(0))


def _elected(differences, weights):
    """The weighted mean of the differences whose sign is that of their weighted sum, number by number; else 0."""
    sign = np.sign(sum(difference * np.float32(weight) for difference, weight in zip(differences, weights)))
    total, share = np.zeros_like(sign), np.zeros_like(sign)
    for difference, weight in zip(differences, weights):
        agrees = np.where(difference * sign > 0, np.float32(weight), np.float32(0))
        total += difference * agrees
        share += agrees
    return total / np.where(share > 0, share, np.float32(1))


def _dropped(arrays, weights, base, density, seed, name):
    """The differences of those that take part, one after the other, thinned and scaled up to their old size."""
    for array, _, part, place in _parts(arrays, weights, density, list(range(len(arrays)))):
        difference = array - base
        if part < 1 and difference.ndim:
            digest = hashlib.sha256(("%d %d %s" % (seed, place, name)).encode("utf-8")).digest()
            kept = np.random.RandomState(np.frombuffer(digest, "<u4")).random_sample(difference.shape) < part
            difference = np.where(kept, difference * np.float32(1 / part), np.float32(0))
        yield difference


class Method(NamedTuple):
    """A method and what it takes."""

    function: Callable
    base: bool = False                # the common ancestor
    least: int = 1                    # networks
    most: Optional[int] = None
    parameters: Tuple[str, ...] = ()  # keyword arguments of the function, of PARAMETERS
    weighted: bool = True             # whether weights say how much of each
    negative: bool = False            # whether weights may be negative
    normalised: bool = False          # whether weights are parts of 1
    whole: bool = False               # whether the weights 1, 0, … give the first array as it is


class Parameter(NamedTuple):
    """A keyword argument of methods, with its range."""

    default: float
    least: float
    most: float
    is_integer: bool = False          # whether it is a whole number


PARAMETERS = OrderedDict([
    ("density", Parameter(1.0, 1e-6, 1.0)),
    ("scale", Parameter(1.0, -1e6, 1e6)),
    ("seed", Parameter(0, 0, 2 ** 32 - 1, is_integer=True)),
])
METHODS = OrderedDict([
    ("linear", Method(linear, normalised=True, whole=True)),
    ("slerp", Method(slerp, least=2, most=2, normalised=True, whole=True)),
    ("task-arithmetic", Method(task_arithmetic, base=True, negative=True, whole=True)),
    ("add-difference", Method(task_arithmetic, base=True, negative=True, whole=True)),
    ("model-stock", Method(model_stock, base=True, least=2, weighted=False)),
    ("ties", Method(ties, base=True, parameters=("density", "scale"))),
    ("dare", Method(dare, base=True, negative=True, parameters=("density", "seed"))),
    ("dare-linear", Method(dare, base=True, negative=True, parameters=("density", "seed"))),
    ("dare-ties", Method(dare_ties, base=True, parameters=("density", "scale", "seed"))),
])


def is_whole(method, weights):
    """Whether a method gives one of its arrays as it is for these weights."""
    return METHODS[method].whole and 1 in weights and list(weights).count(0) == len(weights) - 1


def apply(method, name, arrays, weights, base=None, parameters=None):
    """One variable by the method of this name in METHODS. name: of the variable, which seeds what is drawn for it."""
    method = METHODS[method]
    options = {key: (parameters or {}).get(key, PARAMETERS[key].default) for key in method.parameters}
    if "seed" in options:
        options["name"] = name
    with np.errstate(over="ignore", invalid="ignore"):  # whoever calls looks at what comes of it
        return method.function(arrays, weights, *([base] if method.base else []), **options)
