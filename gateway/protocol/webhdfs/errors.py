"""From failures to Hadoop's RemoteException: the one table of this door, and its JSON (pure).

Source: org.apache.hadoop.hdfs.web.resources.ExceptionHandler, which tells IOException (403) from
FileNotFoundException (404), IllegalArgumentException and UnsupportedOperationException (400); what
Hadoop has no word for has HTTP's own status. A RetriableException is one that Hadoop's client
waits out and asks again (RetryPolicies).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
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

_INVALID_TOKEN: Final = "org.apache.hadoop.security.token.SecretManager$InvalidToken"  # noqa: S105
_NO_USER: Final = "Failed to obtain user group information: "


@dataclass(frozen=True, slots=True)
class Wire:
    """How a failure is told."""

    status: int
    java_class: str

    @property
    def exception(self) -> str:
        """Return the class's simple name."""
        return self.java_class.rpartition(".")[2].rpartition("$")[2]


_IO: Final = "java.io.IOException"
_ILLEGAL: Final = Wire(400, "java.lang.IllegalArgumentException")
_DENIED: Final = Wire(403, "org.apache.hadoop.security.AccessControlException")
_ABSENT: Final = Wire(404, "java.io.FileNotFoundException")
_AGAIN: Final = Wire(503, "org.apache.hadoop.ipc.RetriableException")
_FORBIDDEN_IO: Final = Wire(403, _IO)
_EXISTS: Final = Wire(403, "org.apache.hadoop.fs.FileAlreadyExistsException")
_NO_PARENT: Final = Wire(403, "org.apache.hadoop.fs.ParentNotDirectoryException")
_INSIDE: Final = Wire(500, "java.lang.RuntimeException")

OF_CLASS: Final[Mapping[type[Failure], Wire]] = {
    Failure: _INSIDE,
    InvalidRequest: _ILLEGAL,
    AuthenticationFailed: Wire(401, "org.apache.hadoop.security.AccessControlException"),
    AccessDenied: _DENIED,
    NotFound: _ABSENT,
    FileConflict: _FORBIDDEN_IO,
    PreconditionFailed: _FORBIDDEN_IO,
    NotModified: _INSIDE,
    RangeNotSatisfiable: _FORBIDDEN_IO,
    BodyMismatch: Wire(400, _IO),
    NotSupported: Wire(400, "java.lang.UnsupportedOperationException"),
    Overloaded: _AGAIN,
    OriginUnreachable: _AGAIN,
    NotAtHand: Wire(504, _IO),
    OriginRefused: Wire(502, _IO),
    VersionChanged: _AGAIN,
    FlashTrouble: _INSIDE,
}
"""Each failure of the domain."""

OF_CODE: Final[Mapping[str, Wire]] = {
    "FileExists": _EXISTS,
    "NotADirectory": _DENIED,
    "IsADirectory": _ABSENT,
    "HadoopIllegalArgument": Wire(400, "org.apache.hadoop.HadoopIllegalArgumentException"),
    "DirectoryNotEmpty": Wire(403, "org.apache.hadoop.fs.PathIsNotEmptyDirectoryException"),
    "NoPath": Wire(400, "org.apache.hadoop.fs.InvalidPathException"),
    "NoAttribute": _FORBIDDEN_IO,
    "AttributeExists": _FORBIDDEN_IO,
    "OutOfRange": _FORBIDDEN_IO,
    "InvalidToken": Wire(403, "java.lang.SecurityException"),
    "ExpiredToken": Wire(403, "java.lang.SecurityException"),
    "MethodNotAllowed": Wire(405, "java.lang.UnsupportedOperationException"),
    "NoSuchService": Wire(404, "java.io.FileNotFoundException"),
    "RequestTimeout": Wire(408, _IO),
    "ExpectationFailed": Wire(417, _IO),
    "RequestHeaderSectionTooLarge": Wire(431, _IO),
    "SlowDown": _AGAIN,
    "BadRequest": _ILLEGAL,
    "InternalError": _INSIDE,
}
"""Codes that say more than their failure's class."""

OF_OPERATION: Final[Mapping[tuple[str, str], Wire]] = {
    ("IsADirectory", "APPEND"): _EXISTS,
    ("IsADirectory", "CREATE"): _EXISTS,
    ("IsADirectory", "RENAME"): _FORBIDDEN_IO,
    ("DirectoryNotEmpty", "RENAME"): _FORBIDDEN_IO,
    ("NoAttribute", "GETXATTRS"): Wire(
        403, "org.apache.hadoop.hdfs.protocol.XAttrNotFoundException"
    ),
    ("NotADirectory", "CREATE"): _NO_PARENT,
    ("NotADirectory", "CREATESYMLINK"): _NO_PARENT,
    ("NotADirectory", "MKDIRS"): _NO_PARENT,
    ("NotADirectory", "RENAME"): _NO_PARENT,
}
"""Codes that HDFS tells otherwise where something is made."""

_OF_ORIGIN: Final[Mapping[int, Wire]] = {
    403: _DENIED,
    404: _ABSENT,
    412: _FORBIDDEN_IO,
    429: _AGAIN,
    500: _AGAIN,
    503: _AGAIN,
}
"""What the origin's own refusals are here."""


def wire_of(failure: Failure, operation: str = "") -> Wire:
    """Return how a failure of an operation is told."""
    if isinstance(failure, OriginRefused):
        return _OF_ORIGIN.get(failure.status, OF_CLASS[OriginRefused])
    told = OF_OPERATION.get((failure.code, operation)) or OF_CODE.get(failure.code)
    return told or OF_CLASS[type(failure)]


def remote_exception(failure: Failure, operation: str = "", path: str = "") -> bytes:
    """Return the JSON of a failure of an operation on a path."""
    words = failure.message or failure.code
    if failure.code in {"InvalidToken", "ExpiredToken"}:
        # Hadoop's client knows by these words that a new token may help (WebHdfsFileSystem,
        # validateResponse).
        words = f"{_NO_USER}{_INVALID_TOKEN}: {words}"
    elif failure.code == NotFound.code and path:
        words = f"File does not exist: {failure.resource or path}"
    return exception_json(wire_of(failure, operation), words)


def exception_json(wire: Wire, words: str) -> bytes:
    """Return the JSON of an exception."""
    told = {"exception": wire.exception, "javaClassName": wire.java_class, "message": words}
    return json.dumps({"RemoteException": told}, ensure_ascii=False, separators=(",", ":")).encode(
        "utf-8", "backslashreplace"
    )
