"""Files on disk: written whole or not at all."""

import hashlib
import os
import tempfile

from blend.errors import BlendError


class replacing(object):
    """Context: a binary file that takes `path`'s place when the block ends well, and vanishes otherwise."""

    def __init__(self, path):
        self.path = os.path.abspath(path)

    def __enter__(self):
        check_target(self.path)
        folder, name = os.path.split(self.path)
        try:
            handle, self._temporary = tempfile.mkstemp(".tmp", name + ".", folder)
        except OSError as error:
            raise BlendError("%s: cannot be written (%s)" % (self.path, reason(error)))
        self._file = os.fdopen(handle, "wb")
        return self._file

    def __exit__(self, kind, error, _trace):
        try:
            with self._file:
                if kind is None:
                    self._file.flush()
                    os.fsync(self._file.fileno())
            if kind is None:
                umask = os.umask(0)
                os.umask(umask)
                os.chmod(self._temporary, 0o666 & ~umask)  # mkstemp's 0600 is for secrets
                os.replace(self._temporary, self.path)
        except OSError as failure:
            kind, error = OSError, failure
        finally:
            if os.path.exists(self._temporary):
                os.unlink(self._temporary)
        if isinstance(error, OSError):
            raise BlendError("%s: cannot be written (%s)" % (self.path, reason(error)))


def reason(error):
    """The system's words for an OSError."""
    return getattr(error, "strerror", None) or str(error)


def sha256(path):
    """Hexadecimal SHA-256 of a file."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        for block in iter(lambda: file.read(2 ** 20), b""):
            digest.update(block)
    return digest.hexdigest()


def check_target(path):
    """Raise BlendError unless a file could be written there."""
    folder = os.path.dirname(os.path.abspath(path))
    if os.path.isdir(path) or not path:
        raise BlendError("%s: cannot be written (is a folder)" % (path or "''"))
    if not os.path.isdir(folder):
        raise BlendError("%s: cannot be written (there is no folder %s)" % (path, folder))
    if not os.access(folder, os.W_OK):
        raise BlendError("%s: cannot be written (no permission in %s)" % (path, folder))


def check_folder(path):
    """Raise BlendError if a path cannot be a folder to write to."""
    parent = os.path.abspath(path)
    while not os.path.exists(parent):
        parent = os.path.dirname(parent)
    if not os.path.isdir(parent):
        raise BlendError("%s: cannot be a folder (%s is a file)" % (path, parent))
    if not os.access(parent, os.W_OK):
        raise BlendError("%s: cannot be written (no permission in %s)" % (path, parent))


def make_folder(path):
    """Make a folder and its parents where they are missing. BlendError: it cannot be."""
    check_folder(path)
    try:
        os.makedirs(path, exist_ok=True)
    except OSError as error:
        raise BlendError("%s: cannot be made a folder (%s)" % (path, reason(error)))
