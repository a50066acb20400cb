"""Files on disk: written whole or not at all."""

import errno
import hashlib
import io
import json
import mmap
import os
import signal
import stat
import sys
import tempfile
import weakref

import numpy as np

from blend.errors import BlendError
from blend.system import progress

SHRUNK = "a network file became shorter while it was read; is another program writing it?"
_MOST_TEXT = 2 ** 22  # bytes of a JSON file
_MOST_DIGITS = 30  # of a whole number: long ones are slow to read, and no float holds them
_BLOCK = 2 ** 20  # bytes that are hashed at a time
_RANGE = 2 ** 20  # bytes from which a range of a file is copied by the system
_named = set()  # temporary files that a sudden end would leave


class replacing(object):
    """Context: a binary file that takes `path`'s place when the block ends well, and vanishes otherwise.

    Where the path is a link, the file takes the link's place, or, if follow_links, that of the file it points to.
    On Linux it has no name until it is whole, so that a process that is killed while it writes leaves nothing. Where
    there is an old file to lose, the new one is on the disk before it takes its place.
    """

    def __init__(self, path, follow_links=False):
        folder, name = os.path.split(path)
        self.path = os.path.realpath(path) if follow_links else os.path.join(os.path.realpath(folder), name)

    def __enter__(self):
        check_target(self.path, follow_links=False)
        self._temporary = None
        try:
            handle = self._open()
        except OSError as error:
            raise BlendError("%s: cannot be written (%s)" % (self.path, reason(error)))
        self._file = os.fdopen(handle, "w+b")
        return self._file

    def _open(self):
        folder = os.path.dirname(self.path)
        try:
            os.stat("/proc/self/fd")
            return os.open(folder, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o666)
        except (OSError, AttributeError):  # another system, or a file system that does not know unnamed files
            handle, self._temporary = tempfile.mkstemp(".tmp", "blend-", folder)
            _named.add(self._temporary)
            umask = os.umask(0)
            os.umask(umask)
            os.chmod(self._temporary, 0o666 & ~umask)  # mkstemp's 0600 is for secrets
            return handle

    def _give_name(self):
        folder = os.path.dirname(self.path)
        self._temporary = os.path.join(folder, "blend-%s.tmp" % os.urandom(6).hex())
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.link("/proc/self/fd/%d" % self._file.fileno(), os.path.basename(self._temporary), dst_dir_fd=handle,
                    follow_symlinks=True)
        finally:
            os.close(handle)

    def __exit__(self, error_type, error, _trace):
        try:
            with self._file:
                if error_type is None:
                    self._file.flush()
                    if os.path.exists(self.path):
                        os.fsync(self._file.fileno())
                    if self._temporary is None:
                        self._give_name()
                        os.replace(self._temporary, self.path)
            if error_type is None and os.path.lexists(self._temporary):
                os.replace(self._temporary, self.path)
        except OSError as failure:
            error = failure
        finally:
            if self._temporary is not None:
                _named.discard(self._temporary)
                if os.path.exists(self._temporary):
                    os.unlink(self._temporary)
        if isinstance(error, OSError):
            if error.errno == errno.EFAULT:  # the system read from a map on our behalf
                raise BlendError(SHRUNK)
            raise BlendError("%s: cannot be written (%s)" % (self.path, reason(error)))


def open_regular(path):
    """Open a file to read its bytes. OSError: it cannot be, or is a folder, a pipe, a socket or a device.

    A pipe is not waited for.
    """
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    try:
        mode = os.fstat(handle).st_mode
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, "is a folder")
        if not stat.S_ISREG(mode):
            raise OSError(errno.EINVAL, "is a pipe or a device, not a file")
    except OSError:
        os.close(handle)
        raise
    return os.fdopen(handle, "rb")


class FileMap(mmap.mmap):
    """A read-only memory map that keeps its file open, as `descriptor`, so that ranges of it can be copied."""

    @classmethod
    def at(cls, path):
        """The map of a regular file that is not empty. OSError or ValueError: there is none."""
        with open_regular(path) as file:
            if not os.fstat(file.fileno()).st_size:
                raise ValueError("the file is empty")
            file_map = cls(file.fileno(), 0, access=mmap.ACCESS_READ)
            file_map.descriptor = os.dup(file.fileno())
        file_map._name, file_map._sha256 = os.path.basename(path), None
        weakref.finalize(file_map, os.close, file_map.descriptor)
        return file_map

    def sha256(self):
        """Hexadecimal SHA-256 of the bytes that are mapped, whatever has the file's name by now. Worked out once."""
        if self._sha256 is None:
            digest = hashlib.sha256()
            with progress.bytes_of("checksum of " + self._name, len(self), delay=1) as bar, memoryview(self) as view:
                for start in range(0, len(view), _BLOCK):
                    block = view[start:start + _BLOCK]
                    digest.update(block)
                    bar.update(len(block))
            self._sha256 = digest.hexdigest()
        return self._sha256

    def __reduce__(self):
        return type(None), ()  # copies of networks, in this process or another, are of no file


def write_array(file, array):
    """Write an array's bytes in C order. On Linux large ranges of a mapped file go from file to file."""
    if not (array.ndim and array.size):
        file.write(array.tobytes())
    elif not _copy_range(file, array):
        file.write(np.ascontiguousarray(array).data.cast("B"))


def _copy_range(file, array):
    """Copy the byte range of a FileMap that an array is. False: it is none, is small, or the system cannot."""
    base = array
    while isinstance(base, np.ndarray):
        base = base.base
    source = getattr(base, "obj", None)
    if not (isinstance(source, FileMap) and array.flags.c_contiguous and array.nbytes >= _RANGE
            and isinstance(file, io.BufferedRandom) and sys.platform.startswith("linux")):
        return False
    start = array.ctypes.data - np.frombuffer(source, np.uint8, 1).ctypes.data
    file.flush()
    copied = 0
    while copied < array.nbytes:
        try:
            count = os.sendfile(file.fileno(), source.descriptor, start + copied, array.nbytes - copied)
        except OSError as error:
            if copied or error.errno not in (errno.EINVAL, errno.ENOSYS):  # not between these two file systems
                raise
            return False
        if not count:
            raise BlendError(SHRUNK)
        copied += count
    file.seek(0, os.SEEK_END)
    return True


def guard_maps():
    """End the process with one line where a mapped file becomes shorter while it is read; the system would kill it.

    Python cannot handle SIGBUS, because the same read is tried again for ever; a C function that ends everything can.
    """
    global _guard
    if not hasattr(signal, "SIGBUS"):
        return
    import ctypes

    @ctypes.CFUNCTYPE(None, ctypes.c_int)
    def stopped(_number):
        os.write(2, b"blend: " + SHRUNK.encode("ascii") + b"\n")
        for path in _named:
            os.unlink(path)
        os._exit(2)

    _guard = stopped  # C keeps no reference
    ctypes.CDLL(None).signal(signal.SIGBUS, stopped)


def reason(error):
    """The system's words for an OSError."""
    return getattr(error, "strerror", None) or str(error)


def write_json(path, value):
    """Write a value as JSON, in place of what is there, be it a link."""
    with replacing(path) as file:
        text = json.dumps(value, indent=1, ensure_ascii=False) + "\n"
        file.write(text.encode("utf-8", "backslashreplace"))  # names of files may be no UTF-8


def read_text(path, most=_MOST_TEXT):
    """The text of a regular file in UTF-8. OSError or ValueError: it cannot be read, or has more than `most` bytes."""
    with open_regular(path) as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise ValueError("more than %d bytes of text" % most)
    return content.decode("utf-8")


def whole_number(digits):
    """The `parse_int` of texts of which nobody knows the origin. ValueError: endless ones would take endless time."""
    if len(digits) > _MOST_DIGITS:
        raise ValueError("a number of %d digits" % len(digits))
    return int(digits)


def parse_json(text):
    """The value of a text in JSON of which nobody knows the origin. ValueError: it is none, or one nested endlessly."""
    def constant(name):
        raise ValueError("%s is no number" % name)

    try:
        return json.loads(text, parse_int=whole_number, parse_constant=constant)
    except RecursionError:
        raise ValueError("nested too deep")


def sha256(path):
    """Hexadecimal SHA-256 of a file."""
    digest = hashlib.sha256()
    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        with progress.bytes_of("checksum of " + os.path.basename(path), size, delay=1) as bar:
            for block in iter(lambda: file.read(_BLOCK), b""):
                digest.update(block)
                bar.update(len(block))
    return digest.hexdigest()


def check_target(path, follow_links=True):
    """Raise BlendError unless a file could be written there, in place of what a link points to or of the link."""
    folder = os.path.dirname(os.path.abspath(path))
    is_replaced = not follow_links and os.path.islink(path)
    if os.path.isdir(path) and not is_replaced or not path or path[-1] in (os.sep, "/"):
        raise BlendError("%s: cannot be written (is a folder)" % (path or "''"))
    if os.path.exists(path) and not os.path.isfile(path) and not is_replaced:
        raise BlendError("%s: cannot be written (is a device or a pipe, not a file)" % path)
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
