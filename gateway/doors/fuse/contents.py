"""The bytes of one inode as long as somebody has it open: a version at the origin, or staged.

Who only reads has the version that was opened (`source`). The first change brings the file here
(`staged`); from then on all handles of this mount read and write that one copy, and it is what the
mount shows, until the last writer has closed it. Of a large file that is only added to, no more is
here than what was added: the rest is read from the version that it builds on.

`flush`, `fsync` and the last `release` bring it home: what they acknowledge is at the origin. A
file that could not be brought home is given up when its last writer is gone; whoever closed it was
told.
"""

import asyncio
import logging
from dataclasses import replace
from errno import ENOSPC
from time import time_ns

from gateway.doors.fuse.bringing import brought
from gateway.doors.fuse.inodes import Node, is_same
from gateway.doors.fuse.room import Room
from gateway.doors.fuse.sending import KEPT_BYTES_MIN, Sending, attributes_in
from gateway.doors.fuse.staging import StagedFile
from gateway.filesystem.caller import Caller
from gateway.filesystem.interface import OpenFile
from gateway.filesystem.status import Changes, NewAttributes, Status
from gateway.model.failures import VersionChanged
from gateway.model.ranges import ByteRange
from gateway.telemetry import metrics

_log = logging.getLogger(__name__)


class Contents:
    """What all handles of an inode share; methods that change it wait for each other."""

    def __init__(self, room: Room, node: Node) -> None:
        """Hold nothing yet."""
        self._room = room
        self.node = node
        self.users = 0
        self.writers = 0
        self.source: OpenFile | None = None
        """The version at the origin, where it was opened."""
        self.staged: StagedFile | None = None
        self.is_dirty = False
        """Whether the origin does not have what was written."""
        self.is_only_here = False
        """Whether the origin has no such file yet."""
        self.has_failed = False
        self._is_dated = False
        """Whether somebody said when it was changed, after it was."""
        self._sending = Sending(room.tree)
        self._may_send_on = False
        self._lock = asyncio.Lock()

    @property
    def is_staged(self) -> bool:
        """Return whether its bytes are here, and may be newer than the origin's."""
        return self.staged is not None

    def shown(self) -> Status:
        """Return what the mount shows of the file."""
        status = self.node.status
        return status if self.staged is None else replace(status, length=self.staged.length)

    @property
    def kept(self) -> int:
        """Return how many bytes, from the first on, are the source's alone while more is staged."""
        return 0 if self.staged is None else min(self._sending.kept, self.staged.start)

    @property
    def _path(self) -> str:
        return self._room.inodes.path_of(self.node)

    async def made(self, caller: Caller, *, is_exclusive: bool) -> None:
        """Begin a file that is nowhere yet."""
        self._sending.is_exclusive = is_exclusive
        await self._sending.begin(caller, self._path, self._attributes())
        self.staged = self._room.staging.file()
        self.is_dirty = self.is_only_here = self._may_send_on = True

    async def opened(self, caller: Caller, first: ByteRange | None) -> OpenFile:
        """Return the version that stands at the path now, if it is still this inode's.

        Raises VersionChanged where it is not.
        """
        with self._room.learning(self.node):
            source = await self._room.tree.open(caller, self._path, first)
            if not is_same(self.node.status, source.status):
                raise VersionChanged(f"{self._path} is another version now")
        if self.staged is None:
            self.node.learn(source.status)
        self.source = source
        return source

    async def judge(self, caller: Caller) -> None:
        """Return where the caller may write here; raises AccessDenied."""
        if not self.node.is_gone:
            await self._sending.judge(caller, self._path, self._attributes())

    async def write(self, caller: Caller, offset: int | None, piece: bytes) -> None:
        """Put bytes at a place; None: at the end."""
        async with self._lock:
            staged = await self._to_change(caller, offset)
            at = staged.length if offset is None else offset
            staged.refuse_gone(at)
            if at < self._sending.sent:
                await self._send_no_more()
            growth = at + len(piece) - staged.length
            if growth > 0 and not self._room.staging.budget.has_room(growth) and self._may_send_on:
                await self._sending.make_room(staged, caller, self._path, self._attributes())
            staged.write(at, piece)
            self._touched()
            if self._may_send_on:
                await self._sending.send_on(staged, caller, self._path, self._attributes())

    async def truncate(self, caller: Caller, length: int, *, is_opening: bool = False) -> None:
        """Cut the file, or lengthen it by zeros; `is_opening` (O_TRUNC) builds on nothing of it."""
        async with self._lock:
            if length == 0 and (self.staged is None or self._sending.kept):
                staged = await self._emptied(caller)
            else:
                staged = await self._to_change(caller, length)
            if is_opening:
                self._sending.replacing = None
            if length < self._sending.sent:
                await self._send_no_more()
                self._may_send_on = length == 0
            staged.truncate(length)
            self._touched()

    async def change(self, caller: Caller, changes: Changes) -> None:
        """Set attributes: they go home with the bytes, or now where the origin has these."""
        async with self._lock:
            if self.is_dirty or self.node.is_unlinked:
                self.node.status = changed(self.node.status, changes)
                self._is_dated |= changes.modified_ns is not None
                return
            etag = self.node.status.etag
            with self._room.learning(self.node):
                status = await self._room.tree.set_attributes(
                    caller, self._path, changes, etag=etag
                )
            self._stands(status)

    def moved(self, status: Status) -> None:
        """Note what stands at the new path: what was not written yet replaces it."""
        if not self.is_dirty:
            self._let_go()
        self._stands(status)

    def _stands(self, status: Status) -> None:
        """Note the version that this mount has made of what was there."""
        self.node.learn(status)
        self.source = None
        if self._sending.replacing is not None:
            self._sending.replacing = status.etag
        staged = self.staged
        if not self.is_dirty and staged is not None and (staged.start or not status.etag):
            self._let_go()  # its beginning, or what it replaces, is not known here

    def _touched(self) -> None:
        self.is_dirty, self._is_dated = True, False
        now_ns = time_ns()
        self.node.status = replace(self.node.status, modified_ns=now_ns, changed_ns=now_ns)

    async def _send_no_more(self) -> None:
        await self._sending.give_up()
        self._may_send_on = False

    async def _to_change(self, caller: Caller, at: int | None) -> StagedFile:
        """Return the staged file for a change at a place (None: its end).

        Raises now what forbids that the change comes home.
        """
        if self.staged is None:
            source = await self._found(caller)
            length = source.status.length
            is_added_to = length >= KEPT_BYTES_MIN and (at is None or at >= length)
            if is_added_to and not self.node.is_unlinked:
                self._sending.build_on(source.status.etag, length)
                await self._begin(caller)
                self.staged = self._room.staging.file(length)
                self._may_send_on = True
                return self.staged
        elif at is not None and at < self._sending.kept:
            await self._whole(caller, self.staged)
        await self._begin(caller)
        return await self._here(caller)

    async def _whole(self, caller: Caller, added: StagedFile) -> None:
        """Keep nothing at the origin: what comes before `added` is changed, or its name goes."""
        sending = self._sending
        if added.start:
            added.refuse_gone(sending.kept)
            source = self.source or await self.opened(caller, None)
            self.staged = await brought(self._room.staging, source, added)
            added.close()
        await self._send_no_more()
        sending.build_on(sending.replacing)

    async def _emptied(self, caller: Caller) -> StagedFile:
        """Return an empty staged file in place of what was there."""
        sending = self._sending
        if self.staged is None:
            sending.build_on(self.source.status.etag if self.source else None)
        await sending.give_up()
        self._let_go()
        sending.build_on(sending.replacing)
        await self._begin(caller)
        self.staged = self._room.staging.file()
        self._may_send_on = True
        return self.staged

    async def _begin(self, caller: Caller) -> None:
        if not self.is_dirty and not self.node.is_unlinked:
            # Of now, and not of the version before, which may be less than a second old.
            attributes = replace(self._attributes(), modified_ns=time_ns())
            await self._sending.begin(caller, self._path, attributes)

    async def _found(self, caller: Caller) -> OpenFile:
        """Return the version that is brought here, which changes are to replace."""
        source = self.source or await self.opened(caller, None)
        self._sending.build_on(source.status.etag)
        return source

    async def _here(self, caller: Caller) -> StagedFile:
        """Return the staged file, brought here where it is not."""
        if self.staged is None:
            source = await self._found(caller)
            self.staged = await brought(self._room.staging, source)
            self._may_send_on = source.status.length == 0
        return self.staged

    def _let_go(self) -> None:
        """Have no staged file: who goes on writing has it brought here again."""
        if self.staged is not None:
            self.staged.close()
            self.staged = None

    async def keep(self, caller: Caller) -> None:
        """Bring the file here before its name goes, for those who have it open.

        Where there is no room they go on with the version that is open, as long as flash has it.
        """
        async with self._lock:
            try:
                if self.staged is not None and self._sending.kept:
                    await self._whole(caller, self.staged)
                await self._here(caller)
            except OSError as error:
                if error.errno != ENOSPC:
                    raise

    async def bring_home(self, caller: Caller) -> None:
        """Return once what was written is at the origin; raises what forbids it."""
        async with self._lock:
            if self.is_dirty and self.staged is not None and not self.node.is_unlinked:
                await self._brought_home(caller, self.staged)

    async def _brought_home(self, caller: Caller, staged: StagedFile) -> None:
        wanted = self._attributes()
        if self._sending.sent and not self._is_dated:
            # The moment that the sending began at will do: another costs a copy of the whole.
            wanted = replace(wanted, modified_ns=None)
        try:
            status, is_as_wanted = await self._sending.finish(staged, caller, self._path, wanted)
            self.source = None  # it is replaced, whatever becomes of the attributes
            if not is_as_wanted:
                changes = Changes(
                    wanted.mode, wanted.owner, wanted.group, wanted.modified_ns, wanted.accessed_ns
                )
                changes = replace(changes, set_xattrs=wanted.xattrs)
                status = await self._room.tree.set_attributes(
                    caller, self._path, changes, etag=status.etag
                )
        except BaseException:
            self.has_failed = True
            metrics.mount_uploads_failed.inc()
            await self._sending.give_up()
            raise
        metrics.mount_uploads.inc()
        self.is_dirty = self.is_only_here = self.has_failed = self._may_send_on = False
        self._stands(status)

    def _attributes(self) -> NewAttributes:
        return attributes_in(self.node.status)

    async def released(self, caller: Caller) -> None:
        """Let go of what nobody writes any more, or nobody has open."""
        if self.writers and self.users:
            return
        async with self._lock:
            staged = self.staged
            if staged is not None and not self.writers and not self.node.is_unlinked:
                await self._home_at_last(caller, staged)
            is_needed = self.users and (self.writers or self.node.is_unlinked)
            if not is_needed:
                self._let_go()
            await self._sending.give_up()
        if not self.users and self.node.contents is self:
            self.node.contents = None
            self._room.inodes.drop_unused(self.node)

    async def _home_at_last(self, caller: Caller, staged: StagedFile) -> None:
        """Bring home what was written after the last flush (by mmap); nobody can be told."""
        if self.is_dirty and not self.has_failed:
            try:
                await self._brought_home(caller, staged)
            except Exception as error:  # noqa: BLE001 - whatever it was, the file is not at home
                _log.error("%s was written after it was closed, and is lost: %s", self._path, error)
        if self.has_failed:
            # The kernel's pages of it are of a file that never was.
            self._room.outdated(self.node)
            self._room.inodes.detach(self.node)
            self.is_dirty = False


def changed(status: Status, changes: Changes) -> Status:
    """Return a status after changes."""
    xattrs = {**status.xattrs, **changes.set_xattrs}
    for name in changes.removed_xattrs:
        xattrs.pop(name, None)
    return replace(
        status,
        mode=status.mode if changes.mode is None else changes.mode,
        owner=status.owner if changes.owner is None else changes.owner,
        group=status.group if changes.group is None else changes.group,
        modified_ns=status.modified_ns if changes.modified_ns is None else changes.modified_ns,
        accessed_ns=status.accessed_ns if changes.accessed_ns is None else changes.accessed_ns,
        changed_ns=time_ns(),
        xattrs=xattrs,
    )
