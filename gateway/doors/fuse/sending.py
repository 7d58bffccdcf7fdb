"""The way of a staged file to the origin: in one go when it is closed, or while it is written.

A file that was begun empty and grows in order is sent on in parts while it grows, so that closing
it waits for the last part only. What is sent on stays staged, for who reads it back, and for who
changes something before its end after all: then the upload is given up and done again as a whole.
Where staging has no more room, what was sent on is let go.

Where a large file was only added to, its old bytes are kept at the origin and copied there.

What was changed names the version that it was made of: who wrote there meanwhile is not written
over, whatever was sent by then.
"""

from dataclasses import replace
from time import time_ns
from typing import Final

from gateway.doors.fuse.bringing import PIECE_BYTES
from gateway.doors.fuse.staging import StagedFile
from gateway.filesystem.caller import Caller
from gateway.filesystem.interface import Tree, Writer
from gateway.filesystem.status import NewAttributes, Status
from gateway.model.failures import NotSupported

AHEAD_BYTES_MIN: Final = 16 * 1024 * 1024
"""A file up to here is sent when it is closed, with the attributes that it has then."""
KEPT_BYTES_MIN: Final = 16 * 1024 * 1024
"""What a file has from here on is not sent again where the file was only added to."""
_SAME_SECOND_NS: Final = 1_000_000_000


class Sending:
    """One upload of one file; `sent` bytes are on their way."""

    def __init__(self, tree: Tree) -> None:
        """Have begun nothing."""
        self._tree = tree
        self._writer: Writer | None = None
        self._told: NewAttributes | None = None
        self._aim: tuple[str, str | None, int] = ("", None, 0)
        self.sent = 0
        self.is_exclusive = False
        """Whether the file must be absent when it appears (O_EXCL)."""
        self.replacing: str | None = None
        """The ETag of what the bytes build on, which must stand there still; None: on nothing."""
        self.kept = 0
        """Bytes of that, from its first one on, that stay at the origin: what follows is sent."""

    def build_on(self, replacing: str | None, kept: int = 0) -> None:
        """Replace a version, and keep that many bytes of it; nothing is on its way."""
        self.replacing, self.kept, self.sent = replacing, kept, kept

    async def begin(self, caller: Caller, path: str, attributes: NewAttributes) -> None:
        """Ask for the writer now, so that who may not write hears it from open."""
        if self.kept:
            self._writer = await self._tree.append(caller, path, replacing=self.replacing or "")
        else:
            self._writer = await self._created(caller, path, attributes, self.replacing)
        self._told, self._aim = attributes, (path, self.replacing, self.kept)

    async def judge(self, caller: Caller, path: str, attributes: NewAttributes) -> None:
        """Return where the caller may write; raises as `begin`, but for what is replaced."""
        writer = await self._created(caller, path, attributes, None)
        await writer.abort()

    async def _created(
        self, caller: Caller, path: str, attributes: NewAttributes, replacing: str | None
    ) -> Writer:
        if replacing == "":
            raise NotSupported(f"{path} has no strong ETag that a change could name")
        return await self._tree.create(
            caller,
            path,
            attributes,
            overwrite=not self.is_exclusive,
            replacing=replacing or "",
            is_looked_up=True,  # by the kernel, on its way to the name
        )

    async def send_on(
        self, staged: StagedFile, caller: Caller, path: str, attributes: NewAttributes
    ) -> None:
        """Send what has gathered, where it is worth it."""
        if staged.length - self.sent >= AHEAD_BYTES_MIN:
            await self._send(staged, caller, path, attributes)

    async def make_room(
        self, staged: StagedFile, caller: Caller, path: str, attributes: NewAttributes
    ) -> None:
        """Send all that is staged and let it go."""
        await self._send(staged, caller, path, attributes)
        staged.let_go()

    async def _send(
        self, staged: StagedFile, caller: Caller, path: str, attributes: NewAttributes
    ) -> None:
        writer = self._writer
        if writer is None or not self._fits(path, attributes):
            await self.give_up()
            await self.begin(caller, path, attributes)
            writer = self._writer
        assert writer is not None  # noqa: S101 - `begin` has made one
        while self.sent < staged.length:
            piece = staged.read(self.sent, PIECE_BYTES)
            await writer.write(piece)
            self.sent += len(piece)

    def _fits(self, path: str, attributes: NewAttributes) -> bool:
        """Return whether the writer that was begun makes what is wanted now.

        Once bytes were sent, or where some are kept, attributes are changed afterwards.
        """
        if self._aim != (path, self.replacing, self.kept) or self._told is None:
            return False
        return bool(self.sent) or _is_close(self._told, attributes)

    async def finish(
        self, staged: StagedFile, caller: Caller, path: str, attributes: NewAttributes
    ) -> tuple[Status, bool]:
        """Return the file as it is at the origin now, and whether it has these attributes.

        Without a time in them any will do.
        """
        await self._send(staged, caller, path, attributes)
        writer, told = self._writer, self._told
        assert writer is not None  # noqa: S101 - `_send` has begun one
        assert told is not None  # noqa: S101 - likewise
        self._writer = None
        try:
            status = await writer.close()
        except BaseException:
            await writer.abort()
            raise
        finally:
            self.sent = self.kept
        if self.kept:
            told = attributes_in(status)
        if attributes.modified_ns is None:
            told = replace(told, modified_ns=None)
        self.is_exclusive = False
        self.build_on(status.etag, staged.length if staged.length >= KEPT_BYTES_MIN else 0)
        return status, _is_close(told, attributes)

    async def give_up(self) -> None:
        """Leave nothing of an upload at the origin."""
        writer, self._writer, self.sent = self._writer, None, self.kept
        if writer is not None:
            await writer.abort()


def attributes_in(status: Status) -> NewAttributes:
    """Return what a file is to be that has the attributes of another."""
    return NewAttributes(
        status.mode,
        status.owner,
        status.group,
        status.modified_ns,
        status.accessed_ns or None,
        status.xattrs,
    )


def _is_close(told: NewAttributes, wanted: NewAttributes) -> bool:
    """Return whether both are the same but for less than a second of mtime, of no one's asking."""
    if told == wanted:
        return True
    before, after = told.modified_ns or 0, wanted.modified_ns or 0
    is_now = abs(time_ns() - after) < _SAME_SECOND_NS
    if not is_now or abs(after - before) >= _SAME_SECOND_NS:
        return False
    return (told.mode, told.owner, told.group, told.accessed_ns, told.xattrs) == (
        wanted.mode,
        wanted.owner,
        wanted.group,
        wanted.accessed_ns,
        wanted.xattrs,
    )
