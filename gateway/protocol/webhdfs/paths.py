"""From a request's raw target to the path of a file, and back to a target (pure).

Nothing is normalised: a path with `//`, `.` or `..` is refused as Hadoop's namenode does, since
whoever resolves it another way means another file. `+`, `:` and all other letters are themselves.
"""

from typing import Final

from gateway.model.failures import InvalidRequest
from gateway.protocol.http.percent import decode, encode, encode_path

PREFIX: Final = "/webhdfs/v1"
PATH_BYTES_MAX: Final = 4096
"""Longer than any key (1,024 bytes) with its bucket and the escapes that a path may need."""


def find_path(raw_path: str) -> str | None:
    """Return the path of a request's raw path, decoded; None where it is not below PREFIX.

    Raises InvalidRequest for what is no path.
    """
    if raw_path != PREFIX and not raw_path.startswith(PREFIX + "/"):
        return None
    return checked_path(decode(raw_path[len(PREFIX) :]))


def checked_path(path: str) -> str:
    """Return a path without the slash that it may end with; raises InvalidRequest."""
    path = path or "/"
    trimmed = path.removesuffix("/")
    if not trimmed:
        return "/"
    parts = trimmed.split("/")
    is_path = path.startswith("/") and not any(part in {"", ".", ".."} for part in parts[1:])
    if not is_path or "\0" in path or len(path.encode()) > PATH_BYTES_MAX:
        raise InvalidRequest(f"Invalid path name Invalid file name: {path[:128]}", code="NoPath")
    return trimmed


def target_of(path: str, pairs: list[tuple[str, str]]) -> str:
    """Return the raw target of a path with a query."""
    query = "&".join(f"{encode(name)}={encode(value)}" for name, value in pairs)
    return f"{PREFIX}{encode_path(path)}?{query}"
