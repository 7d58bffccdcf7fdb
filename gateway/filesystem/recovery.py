"""Ends what a dead process, or a sick origin, left in the middle: undone, or completed.

It runs at the start of every process with a tree and then every few seconds. A row of a process
that lives is its own business. A dead owner's lock is taken for as long as its rows are worked on,
so there are never two who do, and one that is killed meanwhile leaves them to the next.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from gateway.filesystem.completing import Completing, DeletionRefused
from gateway.filesystem.journal import Journal, Move, Phase
from gateway.filesystem.move_objects import MoveObjects
from gateway.filesystem.move_progress import Progress, described
from gateway.filesystem.undoing import SETTLE_SECONDS, Undoing
from gateway.model.failures import Failure
from gateway.model.voices import Voice
from gateway.telemetry import metrics

EVERY_SECONDS: Final = 5.0
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Recovery:
    """One process's part in it."""

    journal: Journal
    objects: MoveObjects
    voice_of: Callable[[str], Voice | None]
    """Who speaks (`Move.speaker`); None where they are no more."""
    settle_seconds: float = SETTLE_SECONDS

    async def keep(self) -> None:
        """Look every few seconds, for ever."""
        while True:
            try:
                await self.run()
            except Exception:  # noqa: BLE001 - it must not end the process, over and over
                _log.exception("moves that were left in the middle cannot be ended")
            await asyncio.sleep(EVERY_SECONDS)

    async def run(self) -> int:
        """Look once; return how many moves are left that could not be ended now."""
        moves = await asyncio.to_thread(self.journal.moves)
        mine = self.journal.owners.name
        left = await self._end_all(
            move for move in moves if move.owner == mine and move.id not in self.journal.in_hand
        )
        dead = await asyncio.to_thread(self.journal.owners.dead)
        for owner in sorted({move.owner for move in moves if move.owner != mine} | set(dead)):
            left += await self._end_those_of(owner)
        metrics.moves_waiting.set(left)
        return left

    async def _end_those_of(self, owner: str) -> int:
        """End what a dead process left; 0 where it lives, or another sees to it."""
        taken = await asyncio.to_thread(self.journal.owners.take_over, owner)
        if taken is None:
            return 0
        left = 1
        try:
            # Read once more: whoever had the lock before may have ended them.
            moves = await asyncio.to_thread(self.journal.moves)
            left = await self._end_all(move for move in moves if move.owner == owner)
        finally:
            taken.release(is_over=left == 0)
        return left

    async def _end_all(self, moves: Iterable[Move]) -> int:
        left = 0
        for move in moves:
            try:
                await self._end(move)
            except DeletionRefused as refused:
                _log.error("%s: %s", described(move), refused)
                left += move.phase is Phase.COMMITTED and await self._is_there(move)
            except Failure as failure:
                _log.error("%s cannot be ended now: %s", described(move), failure)
                left += 1
        return left

    async def _is_there(self, move: Move) -> bool:
        moves = await asyncio.to_thread(self.journal.moves)
        return any(one.id == move.id for one in moves)

    async def _end(self, move: Move) -> None:
        if move.phase is Phase.OVER:
            await asyncio.to_thread(self.journal.end, move)
            return
        voice = self.voice_of(move.speaker)
        if voice is None:
            raise Failure(f"who wanted it ({move.speaker}) is not known any more")
        if move.phase is not Phase.COMMITTED:
            undoing = Undoing(self.journal, self.objects, move, voice, self.settle_seconds)
            if await undoing.run():
                metrics.moves_undone.inc()
                _log.warning("%s was left in the middle: it is undone", described(move))
                return
            move = await asyncio.to_thread(self.journal.advance, move, Phase.COMMITTED)
        await self._complete(move, voice)

    async def _complete(self, move: Move, voice: Voice) -> None:
        try:
            await Completing(self.journal, self.objects, move, voice, Progress(0)).run()
        except DeletionRefused:
            if await self._is_there(move):  # a rename: nothing of it stays half done
                await asyncio.to_thread(self.journal.advance, move, Phase.RETURNING)
            raise
        metrics.moves_completed.inc()
        _log.warning("%s was left in the middle: it is completed", described(move))
