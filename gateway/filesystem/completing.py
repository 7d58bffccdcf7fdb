"""Completes what is committed: deletes the source of a rename, or what a deletion is to remove.

Of a rename only versions go that were noted and copied. What somebody wrote under the source since
the last listing is moved too, where the caller is still there for whom it can be judged; otherwise
it stays where it is and the log says so. A deletion removes what was there when it began, by the
origin's own clock, and judges once more what may have come since. Either way a key that the origin
refuses to delete is told.
"""

import asyncio
import contextlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from gateway.filesystem.copying import COPIES_MAX, Admit, Copying, pages_of
from gateway.filesystem.journal import Journal, Move, MoveKind, note_key
from gateway.filesystem.move_objects import MoveObjects, Undeleted
from gateway.filesystem.move_patience import persistently
from gateway.filesystem.move_plan import (
    may_be_later,
    plan_source,
    rest_of,
    source_of,
    target_of,
    was_there,
)
from gateway.filesystem.move_progress import Progress, described
from gateway.filesystem.side_by_side import side_by_side
from gateway.model.failures import (
    AccessDenied,
    Failure,
    FileConflict,
    OriginRefused,
    OriginUnreachable,
)
from gateway.model.voices import Voice
from gateway.protocol.s3.listings import ListedObject
from gateway.telemetry import metrics

_ROUNDS_MAX: Final = 8
_FORBIDDEN: Final = 403
_PASSING: Final = frozenset(
    {"InternalError", "OperationAborted", "RequestTimeout", "ServiceUnavailable", "SlowDown"}
)
_SETTLED: Final = frozenset({"NoSuchKey", "PreconditionFailed"})
"""Another round finds what is there now."""

_log = logging.getLogger(__name__)


class DeletionRefused(AccessDenied):
    """The origin does not let a key be deleted; not a matter of time."""


@dataclass(slots=True)
class Completing:
    """The way to the end of one committed move."""

    journal: Journal
    objects: MoveObjects
    move: Move
    voice: Voice
    progress: Progress
    copying: Copying | None = None
    """Moves what came late; None: it stays."""
    admit: Admit | None = None
    """Judges what a deletion may remove; None: nobody is there to judge for."""
    begun: str = ""
    """When that was judged first, by the origin's clock."""
    _refused: list[Undeleted] = field(default_factory=list)
    _left_count: int = 0
    _left_key: str = ""

    async def run(self) -> None:
        """Delete, and take the row away.

        Raises DeletionRefused: of a rename at the first such key, with its row still there; of a
        deletion at the end, its row gone. Other failures leave the row, to be completed later.
        """
        for _ in range(_ROUNDS_MAX):
            if await self._round():
                break
        if self._left_count:
            _log.warning(
                "%s: %d objects were written there meanwhile and are left, %s for one",
                described(self.move),
                self._left_count,
                self._left_key,
            )
        if self.copying is None and self.move.kind is MoveKind.RENAME:
            await self._forget_source()
        await asyncio.to_thread(self.journal.end, self.move)
        if self._refused:
            raise self._refusal()

    async def _round(self) -> bool:
        """Go over the source once; return whether another round would find nothing to do.

        Of a file nothing is listed once more after it was deleted.
        """
        self._left_count, is_through = 0, True
        async for versions in pages_of(self.objects, self.move.source, self.voice):
            ours, late = await self._planned(versions)
            left = await self._adopt(late)
            self._left_count += len(left)
            self._left_key = left[0] if left else self._left_key
            gone = await self._delete(ours)
            is_through = is_through and len(left) == len(late)
            is_through = is_through and not (gone and self.move.is_directory)
        return is_through

    async def _forget_source(self) -> None:
        """Forget what the dead process deleted: it may not have come to tell the others."""
        after = b""
        while page := await asyncio.to_thread(self.journal.notes, self.move, after):
            after = note_key(self.move, page[-1].rest)
            names = (source_of(self.move, note.rest) for note in page)
            await side_by_side(names, self.objects.forget, COPIES_MAX)

    async def _planned(
        self, versions: Sequence[ListedObject]
    ) -> tuple[Sequence[ListedObject], Sequence[ListedObject]]:
        """Return which objects are to be deleted, and which came late."""
        if self.move.kind is MoveKind.DELETE:
            refused = {one.key for one in self._refused}
            ours, late = list[ListedObject](), list[ListedObject]()
            for version in versions:
                (ours if self._goes(version) else late).append(version)
            return [one for one in ours if one.key not in refused], late
        rests = [rest_of(version.key, self.move.source) for version in versions]
        notes = await asyncio.to_thread(self.journal.noted, self.move, rests)
        page = plan_source(versions, notes, self.move)
        return page.ours, page.late

    def _goes(self, version: ListedObject) -> bool:
        """Return whether a deletion takes an object: it was there, and its removal was judged."""
        if not was_there(version, self.move.dated):
            return False
        if self.admit is None or not may_be_later(version, self.begun):
            return True
        try:
            self.admit([version])
        except AccessDenied:
            return False
        return True

    async def _adopt(self, late: Sequence[ListedObject]) -> list[str]:
        """Copy what came late, so that the next round deletes it; return the keys that stay."""
        if self.copying is None or self.move.kind is MoveKind.DELETE:
            return [version.key for version in late]
        stays, moved = list[ListedObject](), list[ListedObject]()
        for version in late:
            is_taken = await self._is_taken(version)
            (stays if is_taken else moved).append(version)
        try:
            self.copying.admit(moved)
        except AccessDenied:
            stays, moved = [*stays, *moved], []
        if moved:
            with contextlib.suppress(FileConflict):  # another round finds that it is taken
                await self.copying.copy(moved)
        return [version.key for version in stays]

    async def _is_taken(self, version: ListedObject) -> bool:
        """Return whether somebody else has written what stands at an object's target."""
        target = target_of(self.move, version.key)
        found = await self.objects.find(target, self.voice)
        if found is None:
            return False
        rest = rest_of(version.key, self.move.source)
        note = (await asyncio.to_thread(self.journal.noted, self.move, [rest])).get(rest)
        return note is None or found.get("ETag") not in {note.copied, note.former}

    async def _delete(self, versions: Sequence[ListedObject]) -> bool:
        """Delete a page of objects; return whether any is gone that was there."""
        if not versions:
            return False
        pairs = [(version.key, version.etag) for version in versions]
        refused = await persistently(lambda: self._deleted(pairs))
        if refused and self.move.kind is MoveKind.RENAME:
            self._refused = refused
            raise self._refusal()
        self._refused += refused
        gone = len(pairs) - len(refused)
        metrics.keys_moved.inc(gone if self.move.kind is MoveKind.DELETE else 0)
        self.progress.add(self.move, gone, "deleted")
        return gone > 0

    async def _deleted(self, pairs: Sequence[tuple[str, str]]) -> list[Undeleted]:
        """Delete and return what is refused; raises OriginUnreachable for what may pass."""
        bucket = self.move.source.bucket
        try:
            stayed = await self.objects.delete(bucket, pairs, self.voice)
        except OriginRefused as refused:
            if refused.status != _FORBIDDEN:
                raise
            return [Undeleted(key, "AccessDenied", "Access Denied") for key, _ in pairs]
        if any(one.code in _PASSING for one in stayed):
            raise OriginUnreachable(f"the origin did not delete {len(stayed)} objects just now")
        return [one for one in stayed if one.code not in _SETTLED]

    def _refusal(self) -> Failure:
        one = self._refused[0]
        return DeletionRefused(
            f"the origin lets {len(self._refused)} objects not be deleted, "
            f"{one.key} for one: {one.message}"
        )
