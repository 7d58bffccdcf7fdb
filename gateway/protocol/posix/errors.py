"""From failures to errno: the one table of the POSIX door, complete by test (pure).

The numbers mean what errno(3) says: EACCES, who asks may not; ENOENT, it is not there; ESTALE, the
version that was opened is gone; ENOTSUP, S3 cannot say it; EIO, it could not be asked or done.
What a disk of this machine says (ENOSPC for staged copies) keeps its own number.
"""

from collections.abc import Mapping
from errno import (
    EACCES,
    EBADF,
    EBUSY,
    EDQUOT,
    EEXIST,
    EFBIG,
    EILSEQ,
    EINVAL,
    EIO,
    EISDIR,
    ENAMETOOLONG,
    ENFILE,
    ENODATA,
    ENOENT,
    ENOSPC,
    ENOSYS,
    ENOTDIR,
    ENOTEMPTY,
    ENOTSUP,
    EPERM,
    EROFS,
    ESTALE,
    EXDEV,
)
from typing import Final

from gateway.model.failures import (
    AccessDenied,
    AuthenticationFailed,
    BodyMismatch,
    Failure,
    FileConflict,
    FlashTrouble,
    InvalidRequest,
    NotAtHand,
    NotFound,
    NotModified,
    NotSupported,
    OriginRefused,
    OriginUnreachable,
    Overloaded,
    PreconditionFailed,
    RangeNotSatisfiable,
    VersionChanged,
)

ERRNO_BY_FAILURE: Final[Mapping[type[Failure], int]] = {
    Failure: EIO,
    InvalidRequest: EINVAL,
    AuthenticationFailed: EACCES,
    AccessDenied: EACCES,
    NotFound: ENOENT,
    FileConflict: EEXIST,
    PreconditionFailed: ESTALE,
    NotModified: EIO,
    RangeNotSatisfiable: EINVAL,
    BodyMismatch: EIO,
    NotSupported: ENOTSUP,
    Overloaded: EBUSY,
    OriginUnreachable: EIO,
    NotAtHand: EIO,
    OriginRefused: EIO,
    VersionChanged: ESTALE,
    FlashTrouble: EIO,
}
"""By the nearest class of the failure."""

ERRNO_BY_CODE: Final[Mapping[str, int]] = {
    "FileExists": EEXIST,
    "NotADirectory": ENOTDIR,
    "IsADirectory": EISDIR,
    "DirectoryNotEmpty": ENOTEMPTY,
    "CrossDevice": EXDEV,
    "KeyTooLongError": ENAMETOOLONG,
    "EntityTooLarge": EFBIG,
    "MetadataTooLarge": ENOSPC,
}
"""By the failure's code, where it says more than the class."""

ERRNO_BY_STATUS: Final[Mapping[int, int]] = {
    401: EACCES,
    403: EACCES,
    404: ENOENT,
    409: EBUSY,
    412: ESTALE,
    413: EFBIG,
    501: ENOTSUP,
    507: ENOSPC,
}
"""What the origin's refusal is."""

LOCAL: Final = frozenset(
    {ENOSPC, EDQUOT, EFBIG, ENFILE, EPERM, EROFS, EINVAL, ENAMETOOLONG, ESTALE, ENOTSUP}
    | {ENOENT, EEXIST, EISDIR, ENOTDIR, ENOSYS, ENODATA, EILSEQ, EBADF, EACCES, ENOTEMPTY, EXDEV}
)
"""Numbers of this machine that are told as they are; every other one is EIO."""


def errno_of(error: BaseException) -> int:
    """Return the number that a program is told of a failure, or of an OSError of this machine."""
    if isinstance(error, OriginRefused):
        return ERRNO_BY_STATUS.get(error.status, EIO)
    if isinstance(error, Failure):
        by_code = ERRNO_BY_CODE.get(error.code)
        if by_code is not None:
            return by_code
        return next(
            ERRNO_BY_FAILURE[kind] for kind in type(error).__mro__ if kind in ERRNO_BY_FAILURE
        )
    if isinstance(error, OSError) and error.errno in LOCAL:
        return error.errno
    return EIO
