"""A tree in which modes judge besides policies: each call is judged, then asked of the tree.

What a file door is denied here, the S3 door denies by the same judge (doors/s3/modes).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from gateway.filesystem.caller import Caller
from gateway.filesystem.interface import PAGE_ENTRIES_MAX, OpenFile, Tree, Writer
from gateway.filesystem.judging import ModeJudge, asker_of
from gateway.filesystem.modes import (
    EXECUTE,
    READ,
    WRITE,
    Permissions,
    may_change_owner,
    may_give,
)
from gateway.filesystem.mounts import Place, VirtualDirectory
from gateway.filesystem.status import Changes, NewAttributes, Page, Status, Summary
from gateway.filesystem.view import View
from gateway.model.failures import AccessDenied
from gateway.model.ranges import ByteRange

_GET: Final = "s3:GetObject"
_LIST: Final = "s3:ListBucket"
_PUT: Final = "s3:PutObject"
_DELETE: Final = "s3:DeleteObject"
_ALL: Final = READ | WRITE | EXECUTE
"""What HDFS wants on every directory that is removed with what is in it."""


@dataclass(frozen=True, slots=True)
class ModeTree:
    """What doors are given where modes judge."""

    tree: Tree
    judge: ModeJudge
    view: View
    """What finds the places of the tree's paths."""

    async def status(self, caller: Caller, path: str) -> Status:
        """Return what stands at a path: whoever reaches it sees it, as with `ls -l`."""
        if (place := await self._find(caller, path)) is not None:
            await self.judge.reach(caller, place.name, _GET)
        return await self.tree.status(caller, path)

    async def check_access(
        self, caller: Caller, path: str, *, reads: bool, writes: bool, executes: bool
    ) -> None:
        """Return where the caller may do all that is named with what stands at a path."""
        await self.tree.check_access(caller, path, reads=reads, writes=writes, executes=executes)
        if (place := await self._find(caller, path)) is not None:
            wanted = READ * reads | WRITE * writes | EXECUTE * executes
            await self.judge.access(caller, place.name, wanted, _GET, is_path=not place.is_itself)

    async def children(
        self, caller: Caller, path: str, after: str = "", count_max: int = PAGE_ENTRIES_MAX
    ) -> Page:
        """Return the children behind the name `after`; of a file itself."""
        if (place := await self._find(caller, path)) is not None:
            await self.judge.look(caller, place.bucket, (place.prefix,), _LIST)
        return await self.tree.children(caller, path, after, count_max)

    async def summary(self, caller: Caller, path: str) -> Summary:
        """Return what lies under a path, if the caller may look into all of it."""
        if (place := await self._find(caller, path)) is not None:
            await self.judge.look_below(caller, place.bucket, place.prefix, _LIST)
        return await self.tree.summary(caller, path)

    async def open(self, caller: Caller, path: str, first: ByteRange | None = None) -> OpenFile:
        """Open the file at a path for reading; the version that was opened is judged once more."""
        place = await self._find(caller, path)
        if place is None:
            return await self.tree.open(caller, path, first)
        await self.judge.read(caller, place.name, _GET)
        opened = await self.tree.open(caller, path, first)
        said = Permissions(opened.status.owner, opened.status.group, opened.status.mode)
        self.judge.check(caller, said, place.name, _GET)
        return opened

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
        """Begin a file; one that is overwritten stays whose it was."""
        given = await self._given(caller, path, attributes)
        return await self.tree.create(
            caller,
            path,
            given,
            overwrite=overwrite,
            replacing=replacing,
            makes_parents=makes_parents,
            is_looked_up=is_looked_up,
        )

    async def append(self, caller: Caller, path: str, *, replacing: str = "") -> Writer:
        """Begin to add to the end of an existing file."""
        await self._require_write(caller, path)
        return await self.tree.append(caller, path, replacing=replacing)

    async def concat(self, caller: Caller, path: str, sources: Sequence[str]) -> Status:
        """Add the sources' bodies to the end of a file, in order, and remove them."""
        await self._require_write(caller, path)
        for source in sources:
            if (place := await self._find(caller, source)) is not None:
                await self.judge.read(caller, place.name, _GET)
                await self.judge.remove(caller, place.name, _DELETE)
        return await self.tree.concat(caller, path, sources)

    async def truncate(self, caller: Caller, path: str, length: int) -> Status:
        """Cut a file to `length` bytes."""
        await self._require_write(caller, path)
        return await self.tree.truncate(caller, path, length)

    async def make_directory(
        self,
        caller: Caller,
        path: str,
        attributes: NewAttributes,
        *,
        makes_parents: bool,
        may_exist: bool,
    ) -> Status:
        """Make a directory; the next above that says something of itself is what is written to."""
        place = await self._find(caller, path)
        if place is not None:
            standing = await self.judge.standing(place.name, is_path=not place.is_itself)
            if standing.itself is None:
                await self.judge.remove(
                    caller, place.name, _PUT, is_path=not place.is_itself, makes=True
                )
            else:
                await self.judge.reach(caller, place.name, _PUT)
            self._require_own(caller, attributes)
        return await self.tree.make_directory(
            caller, path, attributes, makes_parents=makes_parents, may_exist=may_exist
        )

    async def make_symlink(self, caller: Caller, path: str, target: str) -> Status:
        """Make a symbolic link at an absent path."""
        await self._require_write(caller, path)
        return await self.tree.make_symlink(caller, path, target)

    async def remove(self, caller: Caller, path: str, *, recursive: bool) -> bool:
        """Remove a file, a link or a directory; with `recursive` every one below is judged."""
        place = await self._find(caller, path)
        if place is not None and place.parts:
            await self.judge.remove(caller, place.name, _DELETE, is_path=not place.is_itself)
            if recursive:
                await self.judge.look_below(caller, place.bucket, place.prefix, _DELETE, _ALL)
        return await self.tree.remove(caller, path, recursive=recursive)

    async def rename(self, caller: Caller, source: str, target: str, *, replaces: bool) -> None:
        """Move a file or a directory out of one directory into another."""
        for path, action in ((source, _DELETE), (target, _PUT)):
            place = await self._find(caller, path)
            if place is not None and place.parts:
                await self.judge.remove(
                    caller, place.name, action, is_path=not place.is_itself, makes=action == _PUT
                )
        await self.tree.rename(caller, source, target, replaces=replaces)

    async def set_attributes(
        self, caller: Caller, path: str, changes: Changes, *, etag: str = ""
    ) -> Status:
        """Change attributes: the owner's to do, but extended ones, which take w."""
        place = await self._find(caller, path)
        if place is not None:
            if replace(changes, set_xattrs={}, removed_xattrs=frozenset()) == Changes():
                await self.judge.access(
                    caller, place.name, WRITE, _PUT, is_path=not place.is_itself
                )
            else:
                before = await self.judge.own(caller, place.name, _PUT, is_path=not place.is_itself)
                self._require_change(caller, before, changes)
        return await self.tree.set_attributes(caller, path, changes, etag=etag)

    async def _find(self, caller: Caller, path: str) -> Place | None:
        """Return where a path lies; None: in no bucket, where policies alone judge.

        It is the place that the tree itself will act on. A snapshot keeps what modes may have
        closed since, and is the superusers'.
        """
        place = await self.view.place(caller, path)
        if isinstance(place, VirtualDirectory):
            return None
        if self.view.gate.is_snapshot(place.bucket) and not self.judge.is_superuser(caller):
            raise AccessDenied("Access Denied")
        return place

    async def _require_write(self, caller: Caller, path: str) -> None:
        if (place := await self._find(caller, path)) is not None:
            await self.judge.write(caller, place.name, _PUT)

    async def _given(self, caller: Caller, path: str, attributes: NewAttributes) -> NewAttributes:
        """Return what a file is to be that the caller writes anew."""
        place = await self._find(caller, path)
        if place is None:
            return attributes
        before = await self.judge.write(caller, place.name, _PUT)
        if self.judge.is_superuser(caller) or before is None:
            self._require_own(caller, attributes)
            return attributes
        owner, group = before.owner, before.group
        is_owner = caller.user == owner
        mode = attributes.mode if is_owner and attributes.mode is not None else before.mode
        return replace(attributes, owner=owner, group=group, mode=mode)

    def _require_own(self, caller: Caller, attributes: NewAttributes) -> None:
        """Require that what is made is the caller's own."""
        if not self.judge.is_superuser(caller) and not may_give(
            asker_of(caller), attributes.owner, attributes.group
        ):
            raise AccessDenied("Access Denied")

    def _require_change(self, caller: Caller, before: Permissions, changes: Changes) -> None:
        if not self.judge.is_superuser(caller) and not may_change_owner(
            asker_of(caller), before, changes.owner, changes.group
        ):
            raise AccessDenied("Access Denied")
