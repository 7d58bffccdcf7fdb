"""The tree: objects as files and directories, as doors ask for them."""

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.filesystem.alterations import Alterations
from gateway.filesystem.caller import Caller
from gateway.filesystem.change_gate import WRITE
from gateway.filesystem.changed_files import ChangedFiles
from gateway.filesystem.directories import Directories
from gateway.filesystem.gate import READ, Listing
from gateway.filesystem.interface import PAGE_ENTRIES_MAX, OpenFile, Writer
from gateway.filesystem.mounts import VirtualDirectory
from gateway.filesystem.open_file import Openings
from gateway.filesystem.renaming import Renaming
from gateway.filesystem.status import Changes, NewAttributes, Page, Status, Summary
from gateway.filesystem.view import View
from gateway.filesystem.writers import Writers
from gateway.model.failures import AccessDenied, NotSupported
from gateway.model.names import ObjectName
from gateway.model.ranges import ByteRange


@dataclass(frozen=True, slots=True)
class FileTree:
    """What doors are given; each part answers one kind of question."""

    view: View
    directories: Directories
    openings: Openings
    writers: Writers
    files: ChangedFiles
    alterations: Alterations
    renaming: Renaming | None = None
    """None where no journal is open: then nothing is renamed or removed."""

    async def status(self, caller: Caller, path: str) -> Status:
        """Return what stands at a path; a symbolic link is not followed."""
        return await self.view.status(caller, path)

    async def check_access(
        self, caller: Caller, path: str, *, reads: bool, writes: bool, executes: bool
    ) -> None:
        """Return where the caller may do all that is named with what stands at a path."""
        del executes  # no policy speaks of it
        found = await self.view.status(caller, path)
        place = await self.view.place(caller, path)
        if isinstance(place, VirtualDirectory):
            if writes:
                raise AccessDenied(f"{path} is in no bucket, and nobody writes there")
            return
        gate = self.view.gate
        if not found.is_directory:
            for action in (READ,) * reads + (WRITE,) * writes:
                gate.require(caller, action, place.name)
            return
        if reads:
            gate.require_list(caller, Listing(place.bucket, place.prefix))
        if writes:
            gate.require(caller, WRITE, ObjectName(place.bucket, place.prefix))

    async def children(
        self, caller: Caller, path: str, after: str = "", count_max: int = PAGE_ENTRIES_MAX
    ) -> Page:
        """Return the children behind the name `after`; of a file itself."""
        return await self.directories.children(caller, path, after, count_max)

    async def summary(self, caller: Caller, path: str) -> Summary:
        """Return what lies under a path, by one listing."""
        return await self.directories.summary(caller, path)

    async def open(self, caller: Caller, path: str, first: ByteRange | None = None) -> OpenFile:
        """Open the file at a path for reading, as fresh as its rule wants it."""
        return await self.openings.open(caller, path, first)

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
        """Begin a file."""
        return await self.writers.create(
            caller,
            path,
            attributes,
            overwrite=overwrite,
            replacing=replacing,
            makes_parents=makes_parents,
            is_looked_up=is_looked_up,
        )

    async def append(self, caller: Caller, path: str, *, replacing: str = "") -> Writer:
        """Begin to add to the end of an existing file."""
        return await self.writers.append(caller, path, replacing)

    async def concat(self, caller: Caller, path: str, sources: Sequence[str]) -> Status:
        """Add the sources' bodies to the end of a file, in order, and remove them."""
        return await self.files.concat(caller, path, sources)

    async def truncate(self, caller: Caller, path: str, length: int) -> Status:
        """Cut a file to `length` bytes, or lengthen it with zeros."""
        return await self.files.truncate(caller, path, length)

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
        return await self.alterations.make_directory(
            caller, path, attributes, makes_parents=makes_parents, may_exist=may_exist
        )

    async def make_symlink(self, caller: Caller, path: str, target: str) -> Status:
        """Make a symbolic link at an absent path."""
        return await self.alterations.make_symlink(caller, path, target)

    async def remove(self, caller: Caller, path: str, *, recursive: bool) -> bool:
        """Remove a file, a link or a directory; return whether there was one."""
        return await self._renaming.remove(caller, path, recursive=recursive)

    async def rename(self, caller: Caller, source: str, target: str, *, replaces: bool) -> None:
        """Move a file or a directory with all that is under it to exactly `target`."""
        await self._renaming.rename(caller, source, target, replaces=replaces)

    async def set_attributes(
        self, caller: Caller, path: str, changes: Changes, *, etag: str = ""
    ) -> Status:
        """Change attributes."""
        return await self.alterations.set_attributes(caller, path, changes, etag)

    @property
    def _renaming(self) -> Renaming:
        if self.renaming is None:
            raise NotSupported("nothing is renamed or removed without a journal (state.path)")
        return self.renaming
