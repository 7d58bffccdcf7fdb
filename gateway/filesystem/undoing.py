"""Undoes a rename that was not committed: what it made at the target goes, all else stays.

The source was never touched. Where the origin refused to delete it after the commit, what was
deleted already is first copied back (`RETURNING`), and then it is undone like any other.
"""

import asyncio
import contextlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from gateway.core.said import ABSENT
from gateway.filesystem.copying import COPIES_MAX, pages_of
from gateway.filesystem.journal import Journal, Move, Note, Phase, note_key
from gateway.filesystem.move_objects import MoveObjects
from gateway.filesystem.move_patience import persistently
from gateway.filesystem.move_plan import TargetPage, plan_target, rest_of, source_of, target_of
from gateway.filesystem.move_progress import described
from gateway.filesystem.proving import is_copy
from gateway.filesystem.side_by_side import side_by_side
from gateway.model.failures import FileConflict, OriginUnreachable
from gateway.model.voices import Voice
from gateway.protocol.s3.listings import ListedObject

SETTLE_SECONDS: Final = 3.0
"""A copy that was sent and never answered may still arrive; so long it is waited for."""

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Undoing:
    """The way back of one rename."""

    journal: Journal
    objects: MoveObjects
    move: Move
    voice: Voice
    settle_seconds: float = SETTLE_SECONDS

    async def run(self) -> bool:
        """Undo, and take the row away; False where only completing is possible.

        That is so where a file was to replace another and its copy has: the old one is gone.
        Raises what the origin refuses; the row then stays.
        """
        if self.move.phase is Phase.RETURNING:
            await self._return_source()
            self.move = await asyncio.to_thread(self.journal.advance, self.move, Phase.COPYING)
        missing = await self._pass()
        if missing is None:
            return False
        if missing:
            await asyncio.sleep(self.settle_seconds)
            if await self._pass() is None:
                return False
        await asyncio.to_thread(self.journal.end, self.move)
        return True

    async def _pass(self) -> int | None:
        """Remove what is ours; return how many copies may still be on their way, None: see run."""
        unknown = await self._unknown_count()
        foreign = 0
        async for versions in pages_of(self.objects, self.move.target, self.voice):
            page, notes = await self._judged(versions)
            unknown -= sum(1 for one in page.ours if not notes[self._rest(one)].copied)
            if page.ours and self._must_complete:
                await self._note_made(page.ours[0], notes)
                return None
            await self._remove(page.ours)
            foreign += sum(1 for one in page.foreign if self._rest(one) or not self.move.replaces)
        if foreign:
            _log.warning(
                "%s is undone: %d objects that others wrote there are left",
                described(self.move),
                foreign,
            )
        return max(unknown, 0)

    @property
    def _must_complete(self) -> bool:
        """Return whether the copy has taken the place of a file that was there before."""
        return self.move.replaces and not self.move.is_directory

    async def _note_made(self, copy: ListedObject, notes: dict[str, Note]) -> None:
        """Write down what was proven, and forget for the process that did not come to it."""
        await self.objects.forget(self.move.target)
        made = replace(notes[self._rest(copy)], copied=copy.etag)
        await asyncio.to_thread(self.journal.note, self.move, [made])

    def _rest(self, version: ListedObject) -> str:
        return rest_of(version.key, self.move.target)

    async def _judged(self, versions: Sequence[ListedObject]) -> tuple[TargetPage, dict[str, Note]]:
        """Return a page with nothing doubtful left, and its notes."""
        rests = [self._rest(version) for version in versions]
        notes = await asyncio.to_thread(self.journal.noted, self.move, rests)
        page = plan_target(versions, notes, self.move)
        ours, foreign = list(page.ours), list(page.foreign)
        for version in page.doubtful:
            source = source_of(self.move, self._rest(version))
            target = target_of(self.move, source.key)
            is_ours = await is_copy(self.objects, source, target, self.voice)
            (ours if is_ours else foreign).append(version)
        return TargetPage(tuple(ours), (), tuple(foreign)), notes

    async def _unknown_count(self) -> int:
        """Return of how many copies nobody knows what came of them."""
        count, after = 0, b""
        while page := await asyncio.to_thread(self.journal.notes, self.move, after):
            after = note_key(self.move, page[-1].rest)
            count += sum(1 for note in page if not note.copied)
        return count

    async def _remove(self, versions: Sequence[ListedObject]) -> None:
        """Delete copies; the marker of an empty directory that was there before is put back."""
        marker = self.move.target.key if self.move.is_directory else None
        replaced = self.move.replaced
        for version in versions:
            if version.key == marker and replaced is not None:
                await self.objects.put_marker(self.move.target, replaced, self.voice)
        pairs = [
            (version.key, version.etag)
            for version in versions
            if version.key != marker or replaced is None
        ]
        if not pairs:
            return
        bucket = self.move.target.bucket
        undeleted = await persistently(lambda: self.objects.delete(bucket, pairs, self.voice))
        if undeleted:
            one = undeleted[0]
            raise OriginUnreachable(
                f"{len(undeleted)} copies cannot be removed, {one.key} for one: {one.message}"
            )

    async def _return_source(self) -> None:
        """Copy back what is at the target and not at the source any more."""
        after = b""
        while page := await asyncio.to_thread(self.journal.notes, self.move, after):
            after = note_key(self.move, page[-1].rest)
            copied = [note for note in page if note.copied]
            await side_by_side(copied, self._return_one, COPIES_MAX)

    async def _return_one(self, note: Note) -> None:
        source = source_of(self.move, note.rest)
        if await self.objects.find(source, self.voice) is not None:
            return
        target = target_of(self.move, source.key)
        headers = await self.objects.find(target, self.voice)
        if headers is None:
            _log.warning("%s: somebody else removed %s", described(self.move), target)
            return
        version = ListedObject(
            target.key,
            headers.get("ETag", ""),
            int(headers.get("Content-Length", "0")),
            headers.get("Last-Modified", ""),
            headers.get("x-amz-storage-class", "STANDARD"),
        )
        with contextlib.suppress(FileConflict):  # somebody has written there since
            await persistently(
                lambda: self.objects.copy(target, version, source, self.voice, ABSENT)
            )
