"""What a new file, directory or link says of itself in its headers (pure)."""

from dataclasses import dataclass, replace
from mimetypes import MimeTypes
from typing import Final

from gateway.core.preserving import METADATA
from gateway.filesystem.attributes import Attributes, read_attributes, written_attributes
from gateway.filesystem.caller import Caller
from gateway.filesystem.status import Changes, Kind, NewAttributes, Status
from gateway.filesystem.statuses import Defaults

DIRECTORY_TYPE: Final = "application/x-directory"
_UNKNOWN_TYPE: Final = "application/octet-stream"
_LINK_MODE: Final = 0o777
_TYPES: Final = MimeTypes()
"""Python's own table and not the machine's: a file is everywhere of one type."""


@dataclass(frozen=True, slots=True)
class NewObjects:
    """Writes attributes as an object's own metadata."""

    defaults: Defaults

    def attributes(
        self,
        caller: Caller,
        kind: Kind,
        wanted: NewAttributes,
        now_ns: int,
        above: Status | None = None,
    ) -> Attributes:
        """Return what something new is: as wanted, else of who makes it.

        Its group is that of the directory `above`, as on HDFS, where a marker says one; else the
        maker's first.
        """
        defaults = self.defaults
        mode = {
            Kind.FILE: defaults.file_mode,
            Kind.DIRECTORY: defaults.directory_mode,
            Kind.SYMLINK: _LINK_MODE,
        }[kind]
        return Attributes(
            mode=mode if wanted.mode is None else wanted.mode,
            owner=wanted.owner or caller.user or defaults.owner,
            group=wanted.group
            or (above.group if above is not None and above.name is not None else "")
            or next(iter(caller.groups), defaults.group),
            modified_ns=now_ns if wanted.modified_ns is None else wanted.modified_ns,
            accessed_ns=wanted.accessed_ns,
            xattrs=wanted.xattrs,
            is_symlink=kind is Kind.SYMLINK,
            special=wanted.special,
        )

    def headers(self, kind: Kind, key: str, attributes: Attributes) -> dict[str, str]:
        """Return the headers of a new object.

        Raises NotSupported (MetadataTooLarge) where they are more than an object can say.
        """
        said = written_attributes(kind, attributes, self.defaults.names)
        return {"Content-Type": _type_of(kind, key), **said}

    def rewritten(
        self, kind: Kind, kept: dict[str, str], changes: Changes, modified_ns: int | None
    ) -> dict[str, str]:
        """Return the headers `kept` of an object with its attributes changed.

        `modified_ns` is said where neither the changes nor the object say one. Raises as `headers`.
        """
        said = read_attributes(kept.items(), self.defaults.names)
        xattrs = {
            name: content
            for name, content in {**said.xattrs, **changes.set_xattrs}.items()
            if name not in changes.removed_xattrs
        }
        after = replace(
            said,
            mode=said.mode if changes.mode is None else changes.mode,
            owner=changes.owner or said.owner,
            group=changes.group or said.group,
            modified_ns=_first(changes.modified_ns, said.modified_ns, modified_ns),
            accessed_ns=_first(changes.accessed_ns, said.accessed_ns),
            xattrs=xattrs,
        )
        return self.put_over(kind, kept, after)

    def put_over(self, kind: Kind, kept: dict[str, str], attributes: Attributes) -> dict[str, str]:
        """Return the headers `kept` of an object with these attributes in place of its own."""
        rest = {name: text for name, text in kept.items() if not name.startswith(METADATA)}
        return {**rest, **written_attributes(kind, attributes, self.defaults.names, kept.items())}


def _first(*moments: int | None) -> int | None:
    return next((moment for moment in moments if moment is not None), None)


def _type_of(kind: Kind, key: str) -> str:
    if kind is Kind.DIRECTORY:
        return DIRECTORY_TYPE
    if kind is Kind.SYMLINK:
        return _UNKNOWN_TYPE
    guessed, coding = _TYPES.guess_type(key.rpartition("/")[2], strict=False)
    return guessed if guessed is not None and coding is None else _UNKNOWN_TYPE
