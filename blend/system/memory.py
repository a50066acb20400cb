"""How the C library treats the process's memory."""

import ctypes
import os
import sys


def keep():
    """Let the C library keep freed memory for the next picture (2 GB at the heap's end), and not ask the system anew.

    Activations of 100 MB and more are otherwise mapped, zeroed by the system page by page, and given back, in every
    layer of every picture: two fifths of the time at 1024x1024. Linux with glibc only; to be called before threads
    start, because those that have memory of their own keep the old ways. Nothing is changed if the environment has
    settings of its own.
    """
    is_set = any("MALLOC_" in key for key in os.environ) or "malloc" in os.environ.get("GLIBC_TUNABLES", "")
    if is_set or not sys.platform.startswith("linux"):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:  # malloc.h: M_MMAP_MAX, M_TRIM_THRESHOLD, M_TOP_PAD, M_ARENA_MAX
        for option, value in ((-4, 0), (-1, 2 ** 31 - 1), (-2, 2 ** 29), (-8, 1)):
            mallopt(option, value)
