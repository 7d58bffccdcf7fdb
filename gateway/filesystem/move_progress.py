"""How far a move is, told in the log every few seconds."""

import logging
import time
from dataclasses import dataclass, field
from typing import Final

from gateway.filesystem.journal import Move, MoveKind

_EVERY_SECONDS: Final = 5.0
_log = logging.getLogger(__name__)
_DOING: Final = {MoveKind.RENAME: "moving", MoveKind.DELETE: "removing"}


@dataclass(slots=True)
class Progress:
    """Counts what is done; the first line comes after a few seconds: small moves tell nothing."""

    total: int
    """Objects, as the first listing showed them."""
    done: int = 0
    _told: float = field(default_factory=time.monotonic)

    def add(self, move: Move, count: int, what: str) -> None:
        """Note `count` more objects; `what` was done to them, in a word."""
        self.done += count
        now = time.monotonic()
        if now - self._told >= _EVERY_SECONDS:
            self._told = now
            _log.info("%s: %d of %d objects %s", described(move), self.done, self.total, what)

    def begin(self, total: int) -> None:
        """Count anew: the next step goes over the objects once more."""
        self.total, self.done = total, 0


def described(move: Move) -> str:
    """Return what a move does, in words for the log."""
    words = f"{_DOING[move.kind]} {move.source}"
    return words if move.kind is MoveKind.DELETE else f"{words} to {move.target.key}"
