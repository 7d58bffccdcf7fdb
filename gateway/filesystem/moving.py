"""Renames and recursive deletions that are whole or not at all, whatever dies in the middle.

    judged -> journaled -> copied, until the source is at rest -> committed -> deleted -> forgotten
                  |  a failure or a crash here: undone   |   and here: completed

A move runs in a task of the process, not of who asked: a client that leaves does not end it half
way. What this process does not bring to an end, `filesystem/recovery` does.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from email.utils import formatdate
from typing import Any, Final

from gateway.filesystem.completing import Completing, DeletionRefused
from gateway.filesystem.copying import Admit, Copying
from gateway.filesystem.journal import Journal, Move, MoveKind, Phase
from gateway.filesystem.move_plan import newest, target_of
from gateway.filesystem.move_progress import Progress, described
from gateway.filesystem.origin_objects import OriginObjects
from gateway.filesystem.undoing import SETTLE_SECONDS, Undoing
from gateway.model.failures import Failure, FileConflict, InvalidRequest, NotFound
from gateway.model.names import ObjectName
from gateway.model.voices import Voice
from gateway.telemetry import metrics

_NANOSECONDS: Final = 1_000_000_000
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Wish:
    """Who wants what moved."""

    source: ObjectName
    """The key of a file, or a directory's prefix, which ends with `/`."""
    target: ObjectName
    voice: Voice
    speaker: str
    """As `Move.speaker`."""
    admit: Admit
    """Judges whether objects of the source may be moved, or deleted; raises AccessDenied."""
    replaced: dict[str, str] | None = None
    """As `Move.replaced`."""
    replaces: bool = False
    prepare: Callable[[], Awaitable[None]] | None = None
    """What is to be done first, once all is judged."""


@dataclass(slots=True)
class Moves:
    """All moves that this process makes."""

    journal: Journal
    objects: OriginObjects
    tasks: asyncio.TaskGroup
    settle_seconds: float = SETTLE_SECONDS

    async def rename(self, wish: Wish) -> None:
        """Move a file or a directory; returns once nothing is left at the source.

        Raises AccessDenied, InvalidRequest and FileConflict before anything was changed,
        Overloaded while another move is on its way there, and whatever the origin refuses, once
        that is undone.
        """
        _refuse_into_itself(wish.source, wish.target)
        begun = self._new_move(MoveKind.RENAME, wish, "")
        progress, _, _ = await self._judged(begun, wish)
        if not progress.total:
            raise NotFound(f"{wish.source.key} is not there")
        if wish.prepare is not None:
            await wish.prepare()
        await self._in_background(self._rename(begun, wish, progress))

    async def remove(self, wish: Wish) -> None:
        """Remove everything under a prefix; raises as `rename` does.

        Where the origin refuses to delete some keys, the others go and the failure tells of them.
        """
        begun = self._new_move(MoveKind.DELETE, wish, "")
        progress, moment, dated = await self._judged(begun, wish)
        begun = self._new_move(MoveKind.DELETE, wish, dated)
        if wish.prepare is not None:
            await wish.prepare()
        await self._in_background(self._remove(begun, wish, progress, moment))

    def _new_move(self, kind: MoveKind, wish: Wish, dated: str) -> Move:
        phase = Phase.COPYING if kind is MoveKind.RENAME else Phase.COMMITTED
        return Move(
            "",
            kind,
            wish.source,
            wish.target,
            phase,
            self.journal.owners.name,
            0,
            dated,
            wish.speaker,
            wish.replaced,
            wish.replaces,
        )

    async def _judged(self, move: Move, wish: Wish) -> tuple[Progress, str, str]:
        """Judge every object before the first change.

        Return how many, and the origin's clock: as it began, and the latest that was shown.
        """
        total, token, begun, dated = 0, None, "", ""
        while True:
            page, date = await self.objects.page(move.source, token, wish.voice)
            if token is None:
                begun = dated = date
            dated = newest((dated, *(version.last_modified for version in page.objects)))
            wish.admit(page.objects)
            if move.kind is MoveKind.RENAME:
                for version in page.objects:
                    target_of(move, version.key)
            total, token = total + len(page.objects), page.next_token
            if token is None:
                seconds = self.journal.now_ns() / _NANOSECONDS
                return Progress(total), begun, dated or formatdate(seconds, usegmt=True)

    async def _rename(self, move: Move, wish: Wish, progress: Progress) -> None:
        move = await asyncio.to_thread(self.journal.begin, move)
        try:
            await self._require_absent(move, wish.voice)
            copying = Copying(self.journal, self.objects, move, wish.voice, wish.admit, progress)
            move = await self._committed(move, copying)
            progress.begin(progress.total)
            await self._completed(
                Completing(self.journal, self.objects, move, wish.voice, progress, copying)
            )
        except DeletionRefused as refused:
            move = await asyncio.to_thread(self.journal.advance, move, Phase.RETURNING)
            await self._undone(move, wish.voice, refused)
            raise
        finally:
            self.journal.in_hand.discard(move.id)

    async def _require_absent(self, move: Move, voice: Voice) -> None:
        """Raise FileConflict where the target, which was absent, is there by now.

        Of two who rename to one name one must fail: whoever looked before the other's row went
        looks again under a row of its own.
        """
        if move.replaces:
            return
        try:
            page, _ = await self.objects.page(move.target, None, voice)
        except Failure:
            await asyncio.to_thread(self.journal.end, move)
            raise
        if page.objects:
            await asyncio.to_thread(self.journal.end, move)
            raise FileConflict(f"{move.target.key} is there already", code="FileExists")

    async def _committed(self, move: Move, copying: Copying) -> Move:
        """Copy and commit, or undo and raise what was in the way."""
        try:
            await copying.run()
        except Failure as failure:
            if await self._undone(move, copying.voice, failure):
                raise
        return await asyncio.to_thread(self.journal.advance, move, Phase.COMMITTED)

    async def _remove(self, move: Move, wish: Wish, progress: Progress, begun: str) -> None:
        move = await asyncio.to_thread(self.journal.begin, move)
        try:
            await self._completed(
                Completing(
                    self.journal,
                    self.objects,
                    move,
                    wish.voice,
                    progress,
                    admit=wish.admit,
                    begun=begun,
                )
            )
        finally:
            self.journal.in_hand.discard(move.id)

    async def _completed(self, completing: Completing) -> None:
        try:
            await completing.run()
        except DeletionRefused:
            raise
        except Failure:
            _log.warning("%s is to be completed later", described(completing.move))
            raise

    async def _undone(self, move: Move, voice: Voice, failure: Failure) -> bool:
        """Undo; False: it can only be completed. What cannot be undone now is left for later."""
        _log.warning("%s failed and is undone: %s", described(move), failure)
        undoing = Undoing(self.journal, self.objects, move, voice, self.settle_seconds)
        try:
            is_undone = await undoing.run()
        except Failure as trouble:
            _log.warning("%s is to be undone later: %s", described(move), trouble)
            return True
        metrics.moves_undone.inc(is_undone)
        return is_undone

    async def _in_background(self, work: Coroutine[Any, Any, None]) -> None:
        """Run to the end, also where who waits for it goes; raises what it raises."""
        ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        async def run() -> None:
            metrics.moves_running.inc()
            try:
                await work
            except Exception as error:  # noqa: BLE001 - it is who waits that gets it
                if ended.cancelled():
                    _log.warning("a move that nobody waits for any more failed: %s", error)
                else:
                    ended.set_exception(error)
            else:
                if not ended.cancelled():
                    ended.set_result(None)
            finally:
                metrics.moves_running.dec()

        self.tasks.create_task(run())
        await ended


def _refuse_into_itself(source: ObjectName, target: ObjectName) -> None:
    is_below = source.key.endswith("/") and target.key.startswith(source.key)
    if source.bucket == target.bucket and (source == target or is_below):
        raise InvalidRequest(f"{source.key} cannot be moved into itself")
