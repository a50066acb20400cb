"""The rooms that use TensorFlow. Importing this package loads it, without its start-up chatter."""

import contextlib
import ctypes
import os
import sys
import tempfile


@contextlib.contextmanager
def quiet_stderr():
    """Hold back what the block writes to file descriptor 2; an exception brings it out.

    TensorFlow's C++ side logs before any log level can be set.
    """
    if "BLEND_VERBOSE" in os.environ:
        yield
        return
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        except Exception:
            held.seek(0)
            os.write(kept, held.read())
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)


def keep_memory():
    """Let the C library keep freed memory for the next picture (2 GB at the heap's end), and not ask the system anew.

    Activations of 100 MB and more are otherwise mapped, zeroed by the system page by page, and given back, in every
    layer of every picture: two fifths of the time at 1024x1024. Linux with glibc only; done with the first import, so
    that threads that start later share it. Nothing is changed if the environment has settings of its own.
    """
    is_set = any("MALLOC_" in key for key in os.environ) or "malloc" in os.environ.get("GLIBC_TUNABLES", "")
    if is_set or not sys.platform.startswith("linux"):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:  # malloc.h: M_MMAP_MAX, M_TRIM_THRESHOLD, M_TOP_PAD, M_ARENA_MAX
        for option, value in ((-4, 0), (-1, 2 ** 31 - 1), (-2, 2 ** 29), (-8, 1)):
            mallopt(option, value)


def _load_tensorflow():
    import logging
    import warnings

    keep_memory()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with quiet_stderr(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TensorFlow 1.15's own use of NumPy
        import tensorflow
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    return tensorflow


tensorflow = _load_tensorflow()
