"""Hides what is half moved from file doors: a rename shows at its commit, a removal at its start.

Until a rename is committed its target is not shown, and after that its source is not. Only files
are shown so: the S3 door shows what the bucket has. Nothing is asked for it but a number in shared
memory, which every change of the journal's rows moves on.
"""

from dataclasses import dataclass, replace
from typing import Final

from gateway.filesystem.journal import Journal, Move, Phase
from gateway.model.names import ObjectName
from gateway.protocol.s3.listings import ListedPage

_NEVER: Final = b""


@dataclass(slots=True, eq=False)
class Veil:
    """What one process may not show just now."""

    journal: Journal | None = None
    """None: nothing is moved here."""
    _seen: bytes = _NEVER
    _places: tuple[tuple[ObjectName, bool], ...] = ()

    def hides(self, name: ObjectName) -> bool:
        """Return whether an object, or all under a prefix, is not to be shown."""
        return any(
            _is_within(name, place, is_open=is_open) for place, is_open in self._places_now()
        )

    def shown(self, bucket: str, page: ListedPage) -> ListedPage:
        """Return a page of a listing without what is hidden."""
        if not self._places_now():
            return page
        return replace(
            page,
            objects=tuple(one for one in page.objects if not self.hides(_named(bucket, one.key))),
            prefixes=tuple(one for one in page.prefixes if not self.hides(_named(bucket, one))),
        )

    def _places_now(self) -> tuple[tuple[ObjectName, bool], ...]:
        if self.journal is None:
            return ()
        seen = self.journal.mark.value  # before the rows: what changes meanwhile is read again
        if seen != self._seen:
            self._places = tuple(
                hidden for move in self.journal.moves() if (hidden := _hidden(move)) is not None
            )
            self._seen = seen
        return self._places


def _hidden(move: Move) -> tuple[ObjectName, bool] | None:
    """Return what a move hides, and whether its own key is shown all the same."""
    if move.phase is Phase.COPYING:
        # What is replaced is there until its own key is copied over.
        return move.target, move.replaces
    return None if move.phase is Phase.OVER else (move.source, False)


def _is_within(name: ObjectName, place: ObjectName, *, is_open: bool) -> bool:
    if name.bucket != place.bucket or (is_open and name.key == place.key):
        return False
    is_prefix = place.key.endswith("/")
    return name.key.startswith(place.key) if is_prefix else name.key == place.key


def _named(bucket: str, key: str) -> ObjectName:
    return ObjectName(bucket, key)
