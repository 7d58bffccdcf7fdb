"""What a tree of files is: all that a file door may ask of objects, and nothing else.

Paths are absolute, `/` alone or `/a/b`, made of parts that are neither empty nor `.` nor `..`; the
tree's mounts say which object a path is (`filesystem/paths`). Every call judges the caller's
policy on the objects that it touches before it touches them, and raises
AccessDenied; InvalidRequest for a path that is none; NotFound for what is not there; FileConflict
where what stands there forbids it; NotSupported for what S3 cannot say; VersionChanged where
somebody else wrote in between; OriginRefused, OriginUnreachable, Overloaded.
"""

from collections.abc import AsyncGenerator, Sequence
from typing import Protocol

from gateway.core.reading import Piece
from gateway.filesystem.caller import Caller
from gateway.filesystem.status import Changes, NewAttributes, Page, Status, Summary
from gateway.model.ranges import ByteRange

PAGE_ENTRIES_MAX = 1000


class OpenFile(Protocol):
    """One version of a file, opened for reading: what changes after `open` is not seen."""

    @property
    def status(self) -> Status:
        """Return the file as it was opened."""
        ...

    def pieces(self, wanted: ByteRange) -> AsyncGenerator[Piece]:
        """Yield the bytes of a range within the file, ready for sendfile where they can be.

        Raises VersionChanged where that version is gone and its bytes are not on flash.
        """
        ...

    async def read(self, wanted: ByteRange) -> bytes:
        """Return the bytes of a range, cut at the file's end; raises as `pieces` does."""
        ...


class Writer(Protocol):
    """The body of a file on its way: in order, invisible until `close` has returned."""

    async def write(self, piece: bytes | memoryview) -> None:
        """Take the next bytes."""
        ...

    async def close(self) -> Status:
        """Make the file visible with all bytes written, or raise and leave nothing."""
        ...

    async def abort(self) -> None:
        """Leave nothing; harmless after `close`."""
        ...


class Tree(Protocol):
    """Objects seen as files and directories."""

    async def status(self, caller: Caller, path: str) -> Status:
        """Return what stands at a path; a symbolic link is not followed."""
        ...

    async def check_access(
        self, caller: Caller, path: str, *, reads: bool, writes: bool, executes: bool
    ) -> None:
        """Return where the caller may do all that is named with what stands at a path.

        Judged by policies, and by mode bits where these judge; nothing is changed. Raises
        AccessDenied, and NotFound where nothing stands there.
        """
        ...

    async def children(
        self, caller: Caller, path: str, after: str = "", count_max: int = PAGE_ENTRIES_MAX
    ) -> Page:
        """Return the children behind the name `after` ('': from the first); of a file itself.

        `after` is a child's base name, and need not exist.
        """
        ...

    async def summary(self, caller: Caller, path: str) -> Summary:
        """Return what lies under a path, by one listing."""
        ...

    async def open(self, caller: Caller, path: str, first: ByteRange | None = None) -> OpenFile:
        """Open the file at a path for reading, as fresh as its rule wants it.

        `first` is what will be read first: a cold file is then asked for by that GET.
        """
        ...

    async def create(
        self,
        caller: Caller,
        path: str,
        attributes: NewAttributes,
        *,
        overwrite: bool,
        replacing: str = "",
        makes_parents: bool = True,
        is_looked_up: bool = False,
    ) -> Writer:
        """Begin a file; without `overwrite` it is created only if it is absent at `close` too.

        `replacing`: the ETag of what it is made of and is to replace. Where something else, or
        nothing, stands there at `close`, that raises VersionChanged.
        `is_looked_up`: the door has just seen that a directory is above and none at the path, so
        that neither is asked for again.
        """
        ...

    async def append(self, caller: Caller, path: str, *, replacing: str = "") -> Writer:
        """Begin to add to the end of an existing file; nothing is seen before `close`.

        `replacing`: the ETag that it must have now; VersionChanged where it has another.
        """
        ...

    async def concat(self, caller: Caller, path: str, sources: Sequence[str]) -> Status:
        """Add the sources' bodies to the end of a file, in order, and remove them."""
        ...

    async def truncate(self, caller: Caller, path: str, length: int) -> Status:
        """Cut a file to `length` bytes, or lengthen it with zeros where the door allows that."""
        ...

    async def make_directory(
        self,
        caller: Caller,
        path: str,
        attributes: NewAttributes,
        *,
        makes_parents: bool,
        may_exist: bool,
    ) -> Status:
        """Make a directory by its marker."""
        ...

    async def make_symlink(self, caller: Caller, path: str, target: str) -> Status:
        """Make a symbolic link at an absent path."""
        ...

    async def remove(self, caller: Caller, path: str, *, recursive: bool) -> bool:
        """Remove a file, a link or a directory; return whether there was one.

        Raises DirectoryNotEmpty for a directory with children without `recursive`. With it the
        removal is journaled: after a crash it is completed.
        """
        ...

    async def rename(self, caller: Caller, source: str, target: str, *, replaces: bool) -> None:
        """Move a file or a directory with all that is under it to exactly `target`.

        Journaled: after a crash it is completed or undone. With `replaces` a file, a link or an
        empty directory of the same kind at `target` is replaced (POSIX); else it is FileExists.
        """
        ...

    async def set_attributes(
        self, caller: Caller, path: str, changes: Changes, *, etag: str = ""
    ) -> Status:
        """Change attributes, of the version `etag` only; a directory without a marker gets one."""
        ...
