"""Copies everything under a source to a target, until a listing shows nothing that is not copied.

Each page is noted before its copies are sent, and each copy once it is made (`filesystem/journal`).
A copy is pinned to the listed version. What foreign writers add, change or take away meanwhile the
next round finds: it is copied, copied again, or its copy taken back. A round that finds nothing is
what the commit stands on.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from gateway.filesystem.journal import Journal, Move, Note, note_key
from gateway.filesystem.move_objects import MoveObjects
from gateway.filesystem.move_patience import persistently
from gateway.filesystem.move_plan import (
    condition_of,
    noted,
    plan_target,
    rest_of,
    source_of,
    target_of,
    to_copy,
)
from gateway.filesystem.move_progress import Progress
from gateway.filesystem.side_by_side import side_by_side
from gateway.model.failures import NotFound, OriginUnreachable, Overloaded, VersionChanged
from gateway.model.names import ObjectName
from gateway.model.voices import Voice
from gateway.protocol.s3.listings import ListedObject
from gateway.telemetry import metrics

COPIES_MAX: Final = 32
"""Parallel copies of one move."""
ROUNDS_MAX: Final = 12
"""Whose source is still not at rest after so many listings is told to come back."""

Admit = Callable[[Iterable[ListedObject]], None]
"""Judges whether these may be moved; raises AccessDenied."""


async def pages_of(
    objects: MoveObjects, place: ObjectName, voice: Voice
) -> AsyncGenerator[tuple[ListedObject, ...]]:
    """Yield what is under a prefix, or the one object, a page at a time."""
    token: str | None = None
    while True:
        page, _ = await objects.page(place, token, voice)
        yield page.objects
        token = page.next_token
        if token is None:
            return


@dataclass(slots=True)
class Copying:
    """The copies of one rename."""

    journal: Journal
    objects: MoveObjects
    move: Move
    voice: Voice
    admit: Admit
    progress: Progress
    _noted_count: int = 0
    _made: list[Note] = field(default_factory=list)
    _is_writing: bool = False

    async def run(self) -> None:
        """Copy until the source is at rest; raises what the origin or the policy refuses.

        Raises FileConflict where somebody else has written to the target.

        A file is one object, whose version the copy itself is pinned to: one round is enough.
        """
        for number in range(1, ROUNDS_MAX + 1):
            copied, seen = await self._round()
            if not self.move.is_directory:
                if copied and await self._are_made(copied):
                    return
            elif not copied and seen == self._noted_count:
                return
            elif not copied:
                await self._take_back_vanished(number)
        raise Overloaded(f"{self.move.source.key} keeps being written to: try again later")

    async def copy(self, versions: Sequence[ListedObject]) -> None:
        """Copy up to a page of objects, noted before and after; raises the first that fails.

        What changed or vanished since it was listed is left to the next round. Once one has failed
        no further copy begins, and those on their way are waited for: what came of them is known.
        """
        notes = await self._note_begun(versions)

        async def copy_one(one: tuple[ListedObject, Note]) -> None:
            with contextlib.suppress(VersionChanged, NotFound):
                await self._copy_one(*one)

        await side_by_side(zip(versions, notes, strict=True), copy_one, COPIES_MAX)

    async def _round(self) -> tuple[list[ListedObject], int]:
        """Copy what is not copied; return (of those the last page's, how many objects there are).

        A directory's own marker comes last: until then the target has the marker it had.
        """
        seen, copied, marker = 0, list[ListedObject](), list[ListedObject]()
        async for versions in pages_of(self.objects, self.move.source, self.voice):
            seen += len(versions)
            wanted = await self._uncopied(versions)
            own = [one for one in wanted if one.key == self.move.source.key]
            if self.move.is_directory:
                marker += own
                wanted = [one for one in wanted if one.key != self.move.source.key]
            if wanted:
                await self.copy(wanted)
                copied = wanted
        if marker:
            await self.copy(marker)
        if not self.move.is_directory and not seen:
            raise NotFound(f"{self.move.source.key} is not there any more")
        return copied + marker, seen

    async def _uncopied(self, versions: Sequence[ListedObject]) -> list[ListedObject]:
        notes = await self._notes(versions)
        wanted = to_copy(versions, notes, self.move)
        self.admit(wanted)
        return wanted

    async def _notes(self, versions: Sequence[ListedObject]) -> dict[str, Note]:
        rests = [rest_of(version.key, self.move.source) for version in versions]
        return await asyncio.to_thread(self.journal.noted, self.move, rests)

    async def _are_made(self, versions: Sequence[ListedObject]) -> bool:
        return not to_copy(versions, await self._notes(versions), self.move)

    async def _note_begun(self, versions: Sequence[ListedObject]) -> list[Note]:
        """Note which versions are copied; what an earlier round copied stays known as ours."""
        before = await self._notes(versions)
        self._noted_count += len(versions) - len(before)
        notes = [
            noted(version, self.move, before.get(rest_of(version.key, self.move.source)))
            for version in versions
        ]
        await asyncio.to_thread(self.journal.note, self.move, notes)
        return notes

    async def _copy_one(self, version: ListedObject, note: Note) -> None:
        source = ObjectName(self.move.source.bucket, version.key)
        target = target_of(self.move, version.key)
        condition = condition_of(note, self.move)
        etag = await persistently(
            lambda: self.objects.copy(source, version, target, self.voice, condition)
        )
        metrics.keys_moved.inc()
        self.progress.add(self.move, 1, "copied")
        await self._note_made(replace(note, copied=etag, former=""))

    async def _note_made(self, note: Note) -> None:
        """Write the note with those of others that wait: one synced write for all of them."""
        self._made.append(note)
        if self._is_writing:
            return
        self._is_writing = True
        try:
            while self._made:
                made, self._made = self._made, []
                await asyncio.to_thread(self.journal.note, self.move, made)
        finally:
            self._is_writing = False

    async def _take_back_vanished(self, number: int) -> None:
        """Remove the copies of objects that are not at the source any more."""
        async for versions in pages_of(self.objects, self.move.source, self.voice):
            notes = await self._notes(versions)
            shown = [replace(note, round=number) for note in notes.values()]
            await asyncio.to_thread(self.journal.note, self.move, shown)
        after = b""
        while page := await asyncio.to_thread(self.journal.notes, self.move, after):
            after = note_key(self.move, page[-1].rest)
            await self._take_back([note for note in page if note.round != number])

    async def _take_back(self, notes: Sequence[Note]) -> None:
        """Remove what was copied of these, unless somebody else has written there since."""
        for note in notes:
            name = target_of(self.move, source_of(self.move, note.rest).key)
            page, _ = await self.objects.page(name, None, self.voice)
            there = [version for version in page.objects if version.key == name.key]
            ours = plan_target(there, {note.rest: note}, self.move).ours
            undeleted = await self.objects.delete(
                name.bucket, [(version.key, version.etag) for version in ours], self.voice
            )
            if undeleted:
                raise OriginUnreachable(f"{name} cannot be deleted: {undeleted[0].message}")
        rests = [note.rest for note in notes]
        await asyncio.to_thread(self.journal.forget, self.move, rests)
        self._noted_count -= len(rests)
