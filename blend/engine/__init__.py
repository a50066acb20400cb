"""The rooms that use TensorFlow. Importing this package loads it, without its start-up chatter."""

import contextlib
import os
import sys
import tempfile

from blend.system import memory


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


def _load_tensorflow():
    import logging
    import warnings

    memory.keep()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with quiet_stderr(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TensorFlow 1.15's own use of NumPy
        import tensorflow
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    return tensorflow


tensorflow = _load_tensorflow()
