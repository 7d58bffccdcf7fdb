"""What is shown of an object as a file: its metadata, and defaults where it is silent (pure)."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from gateway.core.seen import Seen
from gateway.filesystem.attributes import Attributes, Names, read_attributes
from gateway.filesystem.status import Kind, Status
from gateway.model.names import ObjectName
from gateway.model.versions import Version
from gateway.protocol.http.dates import find_http_seconds
from gateway.protocol.s3.listings import ListedObject

_NANOSECONDS: Final = 1_000_000_000
_SYMLINK_MODE: Final = 0o777


@dataclass(frozen=True, slots=True)
class Defaults:
    """What is shown where an object's metadata says nothing."""

    names: Names
    owner: str
    group: str
    file_mode: int
    directory_mode: int

    def file(
        self, path: str, seen: Seen, said: Attributes | None = None, symlink: str | None = None
    ) -> Status:
        """Return the status of an object: of a symbolic link where `symlink` is its target."""
        said = self.said(seen) if said is None else said
        if symlink is None:
            status = self._status(path, Kind.FILE, seen, said, mode=self.file_mode)
            return status if seen.size else replace(status, special=said.special)
        link = self._status(path, Kind.SYMLINK, seen, said, mode=_SYMLINK_MODE)
        return replace(link, symlink=symlink)

    def directory(self, path: str, marker: Seen | None = None, modified_ns: int = 0) -> Status:
        """Return the status of a directory, with its marker where it has one."""
        if marker is None:
            return Status(
                path,
                Kind.DIRECTORY,
                modified_ns=modified_ns,
                mode=self.directory_mode,
                owner=self.owner,
                group=self.group,
            )
        said = self.said(marker)
        return self._status(path, Kind.DIRECTORY, marker, said, mode=self.directory_mode)

    def listed_file(self, path: str, listed: ListedObject, name: ObjectName) -> Status:
        """Return the status of an object of which no more is known than a listing shows."""
        version = Version(listed.etag, listed.size, listed.last_modified) if listed.etag else None
        changed_ns = _moment_ns(listed.last_modified)
        return Status(
            path,
            Kind.FILE,
            length=listed.size,
            modified_ns=changed_ns,
            changed_ns=changed_ns,
            mode=self.file_mode,
            owner=self.owner,
            group=self.group,
            name=name,
            version=version,
            etag=version.etag if version else "",
        )

    def said(self, seen: Seen) -> Attributes:
        """Return what an object's metadata says."""
        return read_attributes(seen.headers, self.names)

    def _status(self, path: str, kind: Kind, seen: Seen, said: Attributes, *, mode: int) -> Status:
        changed_ns = _moment_ns(_find(seen, "last-modified"))
        return Status(
            path,
            kind,
            length=0 if kind is Kind.DIRECTORY else seen.size,
            modified_ns=changed_ns if said.modified_ns is None else said.modified_ns,
            accessed_ns=said.accessed_ns or 0,
            changed_ns=changed_ns,
            mode=mode if said.mode is None else said.mode,
            owner=said.owner or self.owner,
            group=said.group or self.group,
            xattrs=said.xattrs,
            name=seen.name,
            version=seen.version,
            etag=seen.version.etag if seen.version else "",
        )


def iso_moment_ns(text: str) -> int:
    """Return the nanoseconds since 1970 of an ISO 8601 moment; 0 for what is none."""
    try:
        return int(datetime.fromisoformat(text).timestamp()) * _NANOSECONDS
    except (ValueError, OverflowError):
        return 0


def _moment_ns(http_date: str) -> int:
    return (find_http_seconds(http_date) or 0) * _NANOSECONDS


def _find(seen: Seen, wanted: str) -> str:
    return next((text for name, text in seen.headers if name.lower() == wanted), "")
