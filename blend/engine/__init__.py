"""The rooms that use TensorFlow. Importing this package loads it, without its start-up chatter."""

import contextlib
import os
import sys
import tempfile
import threading

from blend.system import memory


class _Quiet(object):
    """Holds back file descriptor 2 while any thread is inside; the descriptor is the whole process's."""

    def __init__(self):
        self._lock, self._inside = threading.Lock(), 0

    def __enter__(self):
        with self._lock:
            if not self._inside:
                sys.stderr.flush()
                self._held = tempfile.TemporaryFile()
                self._kept = os.dup(2)
                os.dup2(self._held.fileno(), 2)
            self._inside += 1

    def __exit__(self, error_type, _error, _trace):
        with self._lock:
            self._inside -= 1
            if error_type is not None and issubclass(error_type, Exception):
                self._tell()
            if not self._inside:
                os.dup2(self._kept, 2)
                os.close(self._kept)
                self._held.close()

    def _tell(self):
        """Write to the real descriptor what was held back until now."""
        self._held.seek(0)
        os.write(self._kept, self._held.read())
        self._held.truncate(0)
        self._held.seek(0)


_quiet = _Quiet()


def quiet_stderr():
    """Context: hold back what the block writes to file descriptor 2; an exception brings it out.

    TensorFlow's C++ side logs before any log level can be set. Threads can be inside at the same time.
    """
    return contextlib.ExitStack() if "BLEND_VERBOSE" in os.environ else _quiet


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
