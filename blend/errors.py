"""The one error root: everything that a user can put right is a BlendError."""


class BlendError(Exception):
    """A mistake in what was asked or given. The message is one line: what, where, what to try."""


class NetworkFileError(BlendError):
    """A file that is not a readable network file."""


class ForbiddenGlobalError(NetworkFileError):
    """A file that asks for something that network files do not need; nothing was executed."""


class MismatchError(BlendError):
    """Two networks that cannot be blended, or arrays that do not fit a network."""
