"""Files on their way: created or appended to, seen by nobody before `close`, gone without it.

Who began with the version that is there loses against whoever wrote meanwhile: the origin is told
which version is meant, at the very end, and the loser learns of it. What is appended to is not
sent again: its bytes are copied at the origin, or sent with the new ones where they are few.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from gateway.core.growing import GrowingObject
from gateway.core.latest import Latest
from gateway.core.said import ABSENT, Condition
from gateway.filesystem.assembling import PlannedPart, Segment, plan_parts
from gateway.filesystem.attributes import Attributes
from gateway.filesystem.caller import Caller
from gateway.filesystem.change_gate import (
    WRITE,
    ChangeGate,
    already_there,
    is_directory,
    told,
)
from gateway.filesystem.changed_files import ChangedFiles
from gateway.filesystem.gate import READ
from gateway.filesystem.new_objects import NewObjects
from gateway.filesystem.obstacles import Obstacles
from gateway.filesystem.pouring import Pouring
from gateway.filesystem.status import Changes, Kind, NewAttributes, Status
from gateway.model.failures import Failure


@dataclass(slots=True)
class FileWriter:
    """A file that is written: `interface.Writer`."""

    grown: GrowingObject
    status: Status
    """What it will be, but for its length."""
    length: int = 0

    async def write(self, piece: bytes | memoryview) -> None:
        """Take the next bytes."""
        try:
            await self.grown.write(piece)
        except Failure as failure:
            raise told(failure, self.status.path) from failure
        self.length += len(piece)

    async def close(self) -> Status:
        """Make the file visible with all bytes written, or raise and leave nothing."""
        try:
            made = await self.grown.close()
        except Failure as failure:
            raise told(failure, self.status.path) from failure
        return replace(self.status, length=self.length, version=None, etag=made.etag)

    async def abort(self) -> None:
        """Leave nothing; harmless after `close`."""
        await self.grown.abort()


@dataclass(slots=True)
class Appender:
    """A file that is added to; nothing is asked of the origin before there is something to add."""

    begin: Callable[[], Awaitable[FileWriter]]
    status: Status
    """The file as it is."""
    _writer: FileWriter | None = None

    async def write(self, piece: bytes | memoryview) -> None:
        """Take the next bytes."""
        if not piece:
            return
        if self._writer is None:
            self._writer = await self.begin()
        await self._writer.write(piece)

    async def close(self) -> Status:
        """Make the file longer, or raise and leave it as it was."""
        return self.status if self._writer is None else await self._writer.close()

    async def abort(self) -> None:
        """Leave the file as it was; harmless after `close`."""
        if self._writer is not None:
            await self._writer.abort()


@dataclass(frozen=True, slots=True)
class Writers:
    """Begins what is written front to back."""

    obstacles: Obstacles
    gate: ChangeGate
    files: ChangedFiles
    pouring: Pouring
    new_objects: NewObjects
    now_ns: Callable[[], int]

    async def create(
        self,
        caller: Caller,
        path: str,
        wanted: NewAttributes,
        *,
        overwrite: bool,
        replacing: str = "",
        makes_parents: bool,
        is_looked_up: bool = False,
    ) -> FileWriter:
        """Begin a file; raises as the tree does."""
        place = await self.obstacles.place(caller, path)
        if place.is_root:
            raise is_directory(path)
        self.gate.gate.require(caller, WRITE, place.name)
        above: Status | None = None
        if not is_looked_up:
            site = await self.obstacles.file_site(caller, path, makes_parents=makes_parents)
            if site.found is not None and not overwrite:
                raise already_there(path)
            above = site.above
        attributes = self.new_objects.attributes(caller, Kind.FILE, wanted, self.now_ns(), above)
        condition = Condition(replacing) if overwrite else ABSENT
        headers = self.new_objects.headers(Kind.FILE, place.key, attributes)
        if replacing and self.gate.gate.may(caller, READ, place.name):
            self.gate.judged(condition)
            latest = await self.gate.latest(caller, place.name)
            if latest is not None and latest.etag == replacing:  # else `close` says so
                kept = await self.gate.kept(caller, latest)
                headers = self.new_objects.put_over(Kind.FILE, kept, attributes)
        grown = self.gate.grow(caller, place.name, headers, condition)
        return FileWriter(grown, status_of(path, attributes))

    async def append(self, caller: Caller, path: str, replacing: str = "") -> Appender:
        """Begin to add to a file; raises as the tree does."""
        changed = await self.files.get(caller, path, READ, WRITE, etag=replacing)
        latest, status = changed.latest, changed.status
        condition = self.gate.judged(latest.condition)

        async def begin() -> FileWriter:
            changes = Changes(modified_ns=self.now_ns())
            kept = await self.gate.kept(caller, latest)
            headers = self.new_objects.rewritten(Kind.FILE, kept, changes, None)
            parts = _parts_of_old(latest)
            grown = self.gate.grow(
                caller,
                latest.name,
                headers,
                condition,
                has_copies=any(part.is_copied for part in parts),
            )
            now_ns = changes.modified_ns or 0
            writer = FileWriter(grown, replace(status, modified_ns=now_ns, changed_ns=now_ns))
            try:
                await self.pouring.pour(caller, grown, [latest], parts)
            except BaseException as error:
                await grown.abort()
                if isinstance(error, Failure):
                    raise told(error, path) from error
                raise
            writer.length = latest.size
            return writer

        return Appender(begin, status)


def _parts_of_old(latest: Latest) -> list[PlannedPart]:
    """Return how the bytes come in that new ones follow; they are sent where they are few."""
    old, following = Segment(0, 0, latest.size, latest.size), Segment(None, 0, 1)
    parts = []
    for part in plan_parts([old, following]):
        kept = tuple(segment for segment in part.segments if segment.source is not None)
        if kept:
            parts.append(replace(part, segments=kept))
    return parts


def status_of(path: str, attributes: Attributes) -> Status:
    """Return the status of a file that is on its way."""
    return Status(
        path,
        Kind.FILE,
        modified_ns=attributes.modified_ns or 0,
        accessed_ns=attributes.accessed_ns or 0,
        mode=attributes.mode or 0,
        owner=attributes.owner or "",
        group=attributes.group or "",
        xattrs=attributes.xattrs,
        special=attributes.special,
    )
