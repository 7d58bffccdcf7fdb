"""From a request's raw target to the path of a file, and back to a target (pure).

`.` and `..` are refused, as by Hadoop's namenode: whoever resolves them means another file. Slashes
in a row are one, as there; keys that have them are shown escaped. All other letters are themselves.
"""

from typing import Final

from gateway.model.failures import InvalidRequest
from gateway.protocol.http.percent import decode, encode, encode_path

PREFIX: Final = "/webhdfs/v1"
_NO_PARTS: Final = frozenset({".", ".."})
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
    """Return a path with one slash before each part and none behind; raises InvalidRequest."""
    parts = [part for part in path.split("/") if part]
    is_path = path.startswith("/") or not path
    if not is_path or "\0" in path or not _NO_PARTS.isdisjoint(parts) or _is_long(path):
        raise InvalidRequest(f"Invalid path name Invalid file name: {path[:128]}", code="NoPath")
    return "/" + "/".join(parts)


def _is_long(path: str) -> bool:
    return len(path.encode()) > PATH_BYTES_MAX


def target_of(path: str, pairs: list[tuple[str, str]]) -> str:
    """Return the raw target of a path with a query."""
    query = "&".join(f"{encode(name)}={encode(value)}" for name, value in pairs)
    return f"{PREFIX}{encode_path(path)}?{query}"
