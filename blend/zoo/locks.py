"""One process at a time for a file of the cache."""

import contextlib
import errno
import os

from blend.errors import BlendError
from blend.system import files, progress


@contextlib.contextmanager
def locked(path):
    """One process at a time for a file of the cache."""
    import filelock

    lock_path = path + ".lock"
    if os.path.islink(lock_path):
        os.unlink(lock_path)  # filelock would empty what it points to
    elif os.path.exists(lock_path) and not os.path.isfile(lock_path):
        raise BlendError("%s: is a folder, a pipe or a device where a file should be; delete it" % lock_path)
    if not _can_lock(lock_path):
        yield  # then two processes may fetch the same file; each puts it in place whole
        return
    lock = filelock.FileLock(lock_path)
    try:
        try:
            lock.acquire(timeout=0.2)
        except filelock.Timeout:
            with progress.waiting("another process is fetching %s; waiting for it" % os.path.basename(path)):
                lock.acquire()
    except OSError as error:
        raise BlendError("%s: cannot be locked (%s)" % (path, files.reason(error)))
    try:
        yield
    finally:
        lock.release()


def _can_lock(path):
    """Whether the file system knows locks; on some that do not, filelock would wait for ever."""
    try:
        import fcntl
        with open(path, "a") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except ImportError:
        return True
    except OSError as error:
        return error.errno not in (errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOLCK)
    return True
