"""Mode, owner, group, times and extended attributes in an object's metadata (pure).

They are written in the words of AWS DataSync, FSx and Storage Gateway, so that files that those
wrote mean the same here and ours mean the same there: `file-permissions` in octal with the kind,
`file-owner` and `file-group` as numbers where the settings know one for the name, `file-mtime` and
`file-atime` in nanoseconds. A device has its number in `file-device`, as `8:1`. Extended attributes
stand in `xattr` as s3fs writes them. Plain seconds and the words of s3fs (`mode`, `uid`, `gid`,
`mtime`, `atime`) are read too, and kept in step where an object has them. What cannot be read is as
absent.

https://docs.aws.amazon.com/datasync/latest/userguide/metadata-copied.html
https://github.com/s3fs-fuse/s3fs-fuse/wiki/S3-objects
"""

import binascii
import json
import re
import stat
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeVar
from urllib.parse import quote, unquote_to_bytes

from gateway.filesystem.status import SPECIAL_KINDS, Kind, Special
from gateway.model.failures import InvalidRequest, NotSupported

METADATA_PREFIX: Final = "x-amz-meta-"
METADATA_BYTES_MAX: Final = 2048
"""AWS: all names and values of an object's own metadata together."""
MODE_BITS: Final = 0o7777

_BEGINNINGS: Final = frozenset({"x-", "X-"})
"""Most headers are none of metadata, and there are many."""
_MODE, _OWNER, _GROUP = "file-permissions", "file-owner", "file-group"
_MODIFIED, _ACCESSED, _XATTRS = "file-mtime", "file-atime", "xattr"
_DEVICE: Final = "file-device"
_KINDS: Final = {Kind.FILE: 0o100000, Kind.DIRECTORY: 0o040000, Kind.SYMLINK: 0o120000}
_NANOSECONDS: Final = 1_000_000_000
_MOMENT_MAX: Final = 2**63

_OCTAL: Final = re.compile(r"[0-7]{1,7}").fullmatch
_DECIMAL: Final = re.compile(r"[0-9]{1,10}").fullmatch
_IN_PAIR: Final = re.compile(r"([0-9]{1,4}):([0-9]{1,7})").fullmatch
_IN_NANOSECONDS: Final = re.compile(r"(-?[0-9]{1,19})ns").fullmatch
_IN_SECONDS: Final = re.compile(r"(-?)([0-9]{1,11})(?:\.([0-9]{1,9}))?s?").fullmatch
_Value = TypeVar("_Value")
_IS_NAME: Final = re.compile(r"[!-~](?:[ -~]{0,253}[!-~])?").fullmatch


@dataclass(frozen=True, slots=True)
class Names:
    """The names of users and groups, and the numbers that stand for them in metadata."""

    users: Mapping[str, int] = field(default_factory=dict)
    groups: Mapping[str, int] = field(default_factory=dict)
    _user_names: Mapping[int, str] = field(init=False, repr=False, compare=False)
    _group_names: Mapping[int, str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_user_names", _reversed(self.users))
        object.__setattr__(self, "_group_names", _reversed(self.groups))

    def user_of(self, text: str) -> str | None:
        """Return the user that an object's metadata means; None: nobody can be meant."""
        return _named(text, self._user_names)

    def group_of(self, text: str) -> str | None:
        """Return the group that an object's metadata means."""
        return _named(text, self._group_names)


@dataclass(frozen=True, slots=True)
class Attributes:
    """What an object's metadata says; None where it says nothing that can be read."""

    mode: int | None = None
    """The twelve permission bits."""
    owner: str | None = None
    group: str | None = None
    modified_ns: int | None = None
    accessed_ns: int | None = None
    xattrs: Mapping[str, bytes] = field(default_factory=dict)
    is_symlink: bool = False
    """Whether the body is the target of a symbolic link."""
    special: Special | None = None
    """What it is where it has no body."""


NOTHING_SAID: Final = Attributes()


def read_attributes(headers: Iterable[tuple[str, str]], names: Names) -> Attributes:
    """Return what an object's headers say of it."""
    said = _metadata(headers)
    if not said:
        return NOTHING_SAID
    mode = _first(said, (_MODE, _read_octal), ("mode", _read_decimal))
    return Attributes(
        mode=None if mode is None else mode & MODE_BITS,
        owner=_first(said, (_OWNER, names.user_of), ("uid", names.user_of)),
        group=_first(said, (_GROUP, names.group_of), ("gid", names.group_of)),
        modified_ns=_first(said, (_MODIFIED, _read_moment), ("mtime", _read_moment)),
        accessed_ns=_first(said, (_ACCESSED, _read_moment), ("atime", _read_moment)),
        xattrs=_read_xattrs(said[_XATTRS]) if _XATTRS in said else {},
        is_symlink=mode is not None and stat.S_ISLNK(mode),
        special=None if mode is None else _read_special(mode, said.get(_DEVICE, "")),
    )


def written_attributes(
    kind: Kind, attributes: Attributes, names: Names, before: Iterable[tuple[str, str]] = ()
) -> dict[str, str]:
    """Return the headers of an object's own metadata that says `attributes`.

    `before` are the headers of the object as it was: what in them is no attribute stays. Raises
    InvalidRequest for a name that no header can carry, NotSupported (MetadataTooLarge) for more
    than an object can say of itself.
    """
    said = _metadata(before)
    special = attributes.special
    kind_bits = _KINDS[kind] if special is None else special.kind_bits
    mode = None if attributes.mode is None else attributes.mode & MODE_BITS | kind_bits
    owner = _written_name(attributes.owner, names.users)
    group = _written_name(attributes.group, names.groups)
    fresh = {
        _MODE: None if mode is None else f"{mode:07o}",
        _OWNER: owner,
        _GROUP: group,
        _MODIFIED: _in_nanoseconds(attributes.modified_ns),
        _ACCESSED: _in_nanoseconds(attributes.accessed_ns),
        _XATTRS: _written_xattrs(attributes.xattrs) if attributes.xattrs else None,
        _DEVICE: None if special is None else _written_device(special),
    }
    of_s3fs = {
        "mode": None if mode is None else str(mode),
        "uid": owner if owner is not None and _DECIMAL(owner) else None,
        "gid": group if group is not None and _DECIMAL(group) else None,
        "mtime": _in_seconds(attributes.modified_ns),
        "atime": _in_seconds(attributes.accessed_ns),
    }
    fresh |= {name: text for name, text in of_s3fs.items() if name in said}
    merged = {name: text for name, text in said.items() if name not in fresh}
    merged |= {name: text for name, text in fresh.items() if text is not None}
    _check_bound(merged)
    return {METADATA_PREFIX + name: text for name, text in merged.items()}


def _metadata(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return an object's own metadata by the names behind the prefix, in lower case."""
    start = len(METADATA_PREFIX)
    return {
        name[start:].lower(): text
        for name, text in headers
        if name[:2] in _BEGINNINGS and name[:start].lower() == METADATA_PREFIX
    }


def _first(
    said: Mapping[str, str], *spellings: tuple[str, Callable[[str], _Value | None]]
) -> _Value | None:
    """Return what can be read of the first of several spellings that one can be read of."""
    for name, read in spellings:
        if name in said:
            found = read(said[name])
            if found is not None:
                return found
    return None


def _read_octal(text: str) -> int | None:
    return int(text, 8) if _OCTAL(text) else None


def _read_decimal(text: str) -> int | None:
    return int(text) if _DECIMAL(text) else None


def _read_special(mode: int, device: str) -> Special | None:
    kind_bits = stat.S_IFMT(mode)
    if kind_bits not in SPECIAL_KINDS:
        return None
    found = _IN_PAIR(device)
    return Special(kind_bits, (int(found[1]), int(found[2])) if found else None)


def _written_device(special: Special) -> str | None:
    return None if special.device is None else f"{special.device[0]}:{special.device[1]}"


def _read_moment(text: str) -> int | None:
    """Return the nanoseconds since 1970 that a text says."""
    found = _IN_NANOSECONDS(text)
    if found is not None:
        moment = int(found[1])
    else:
        found = _IN_SECONDS(text)
        if found is None:
            return None
        moment = int(found[2]) * _NANOSECONDS + int((found[3] or "").ljust(9, "0"))
        moment = -moment if found[1] else moment
    return moment if -_MOMENT_MAX <= moment < _MOMENT_MAX else None


def _in_nanoseconds(moment_ns: int | None) -> str | None:
    return None if moment_ns is None else f"{moment_ns}ns"


def _in_seconds(moment_ns: int | None) -> str | None:
    if moment_ns is None:
        return None
    seconds, rest = divmod(abs(moment_ns), _NANOSECONDS)
    return f"{'-' if moment_ns < 0 else ''}{seconds}.{rest:09}"


def _read_xattrs(text: str) -> dict[str, bytes]:
    """Return the attributes of URL-encoded JSON, name -> base64; one bad one makes all unread."""
    try:
        said = json.loads(unquote_to_bytes(text).decode("utf-8"))
        if not isinstance(said, dict):
            return {}
        return {name: b64decode(value, validate=True) for name, value in said.items() if name}
    except (ValueError, TypeError, RecursionError, binascii.Error):
        return {}


def _written_xattrs(xattrs: Mapping[str, bytes]) -> str:
    said = {name: b64encode(xattrs[name]).decode("ascii") for name in sorted(xattrs)}
    return quote(json.dumps(said, ensure_ascii=False, separators=(",", ":")), safe="")


def _written_name(name: str | None, numbers: Mapping[str, int]) -> str | None:
    if name is None:
        return None
    if name in numbers:
        return str(numbers[name])
    if not _IS_NAME(name):
        raise InvalidRequest(f"{name!r} is no name that an object's metadata can carry")
    return name


def _named(text: str, names: Mapping[int, str]) -> str | None:
    if _DECIMAL(text):
        return names.get(int(text), str(int(text)))
    return text if _IS_NAME(text) else None


def _reversed(numbers: Mapping[str, int]) -> dict[int, str]:
    """Return names by number; of several the first in order."""
    return {numbers[name]: name for name in sorted(numbers, reverse=True)}


def _check_bound(said: Mapping[str, str]) -> None:
    size = sum(
        len(name.encode()) + len(text.encode("utf-8", "surrogateescape"))
        for name, text in said.items()
    )
    if size > METADATA_BYTES_MAX:
        raise NotSupported(
            f"The attributes take {size} bytes, and an object's metadata ends at "
            f"{METADATA_BYTES_MAX}: set fewer or shorter extended attributes",
            code="MetadataTooLarge",
        )
