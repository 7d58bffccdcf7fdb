"""What a file door is told of a file, a directory or a symbolic link (pure)."""

import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from gateway.model.names import ObjectName
from gateway.model.versions import Version


class Kind(StrEnum):
    """What stands at a path; the value is HDFS's word for it."""

    FILE = "FILE"
    DIRECTORY = "DIRECTORY"
    SYMLINK = "SYMLINK"


@dataclass(frozen=True, slots=True)
class Special:
    """A pipe, a socket or a device: an object without bytes, which a mount's kernel makes work."""

    kind_bits: int
    """One of `SPECIAL_KINDS`."""
    device: tuple[int, int] | None = None
    """A device's major and minor number."""


SPECIAL_KINDS: Final = frozenset({stat.S_IFIFO, stat.S_IFSOCK, stat.S_IFBLK, stat.S_IFCHR})


@dataclass(frozen=True, slots=True)
class Status:
    """One path as it is now: what `stat` and GETFILESTATUS show."""

    path: str
    """Absolute, in the tree's own view: `/` alone, or `/a/b` without a slash at its end."""
    kind: Kind
    length: int = 0
    """Bytes of the body; of a symbolic link, of its target; of a directory 0."""
    modified_ns: int = 0
    """Since 1970: what the metadata says, else the origin's Last-Modified (1 s granularity)."""
    accessed_ns: int = 0
    """Since 1970; 0 where nobody set one: reads do not change it."""
    changed_ns: int = 0
    """When the origin last took bytes or attributes (1 s granularity); 0 where that is unknown."""
    mode: int = 0o644
    """The twelve permission bits, without the kind's."""
    owner: str = ""
    group: str = ""
    symlink: str = ""
    """The target of a symbolic link."""
    special: Special | None = None
    """What an empty file is in a mount; other doors show an empty file."""
    xattrs: Mapping[str, bytes] = field(default_factory=dict)
    """Extended attributes by full name (`user.colour`)."""
    name: ObjectName | None = None
    """The object behind it: of a directory its marker, if it has one."""
    version: Version | None = None
    """Of the object, where it has a strong validator."""
    etag: str = ""
    """The version's, known of what was just written too; '' where nobody has told a strong one."""

    @property
    def is_directory(self) -> bool:
        """Return whether it may have children."""
        return self.kind is Kind.DIRECTORY

    @property
    def base_name(self) -> str:
        """Return the last part of the path; '' for the root."""
        return self.path.rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class NewAttributes:
    """What a new file or directory is to be; None leaves it to the settings and the caller."""

    mode: int | None = None
    owner: str | None = None
    group: str | None = None
    modified_ns: int | None = None
    accessed_ns: int | None = None
    xattrs: Mapping[str, bytes] = field(default_factory=dict)
    special: Special | None = None


@dataclass(frozen=True, slots=True)
class Changes:
    """What is to change of a path's attributes; None and empty leave as it is."""

    mode: int | None = None
    owner: str | None = None
    group: str | None = None
    modified_ns: int | None = None
    accessed_ns: int | None = None
    set_xattrs: Mapping[str, bytes] = field(default_factory=dict)
    removed_xattrs: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Page:
    """Some of a directory's children, in the order of their names' bytes as keys have them."""

    entries: tuple[Status, ...]
    after: str | None
    """What to ask the next page by; None: this is the last."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What lies under a path, itself included: GETCONTENTSUMMARY."""

    files: int
    directories: int
    length: int
    """Bytes of all bodies."""
