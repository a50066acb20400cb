"""People as pictures: the face of this room.

>>> someone = person(3)
>>> older = someone._replace(age=80.0, expression=expression("smile"))
>>> parse(dump(older)) == older
True
>>> draw([someone, older], "photo", size=32).shape
(2, 32, 32, 3)
"""

import numpy as np

from blend.errors import BlendError, brief
from blend.portraits import portrait, styles
from blend.portraits.lots import expression, person
from blend.portraits.person import Person
from blend.portraits.person_text import checked, dump, parse

__all__ = ["Person", "draw", "dump", "expression", "parse", "person"]

DRAWING = 1                   # raise it when the same person comes to look otherwise
SMALLEST, LARGEST = 16, 1024  # pixels across
SAMPLES = (1, 4, 9, 16)       # a pixel


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
    if not isinstance(people, (list, tuple, range, np.ndarray)):
        raise BlendError("people are a list of Persons or of seeds, not %s" % brief(people))
    people = [someone if isinstance(someone, Person) else person(someone) for someone in people]
    pictures = np.empty((len(people), size, size, 3), np.uint8)
    for number, someone in enumerate(people):
        pictures[number] = portrait.draw(checked(someone), look, int(size), int(np.sqrt(samples)))
    return pictures
