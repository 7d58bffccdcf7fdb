"""Hits that need no task: a small whole body at hand, served unasked or as soon as it is confirmed.

Whatever is not that simple is None, and `Objects.read` finds out what it is.
"""

from typing import NamedTuple

from gateway.core.at_hand import find_bytes, find_place
from gateway.core.freshness import age_seconds, may_serve_unasked
from gateway.core.objects import Objects, Question
from gateway.core.questions import Confirmed
from gateway.core.validation import Listed
from gateway.flash.rows import Row
from gateway.model.names import ObjectName
from gateway.model.ranges import ByteRange
from gateway.model.rules import Mode, Rule
from gateway.model.voices import Voice
from gateway.telemetry import metrics


class Hit(NamedTuple):
    """A body at hand, with the row that describes it."""

    row: Row
    body: bytes
    cache: str
    """HIT, or REVALIDATED where the origin was asked for this request."""
    age_seconds: int


class Hits:
    """The shortest ways through `Objects`."""

    def __init__(self, objects: Objects) -> None:
        """Look where `objects` looks, by its rules."""
        self._objects = objects
        self._parts = objects.parts
        self._flash = objects.parts.flash
        self._told: tuple[Confirmed | Listed | None, Row | None] = None, None

    def may_hit(self, name: ObjectName) -> bool:
        """Return whether a small whole body of `name` is at hand, for whoever may have it."""
        if self._objects.rules.find(name).freshness.mode is Mode.BYPASS:
            return False
        row = self._flash.find_row(name)
        if row is None or not row.version.size:
            return row is not None
        wanted = ByteRange(0, row.version.size)
        return find_place(self._flash, row, wanted, self._parts.chunk_bytes) is not None

    def find_unasked(self, name: ObjectName, voice: Voice, rule: Rule | None = None) -> Hit | None:
        """Return the hit that may be served without asking, if there is one.

        `rule` stands in for the name's own, for names that are ours and not a client's.
        """
        row, now_ns = self._flash.find_row(name), self._objects.now_ns()
        if row is None:
            return None
        if not may_serve_unasked(rule or self._objects.rules.find(name), row, voice, now_ns):
            return None
        return self._hit(row, "HIT", age_seconds(row, now_ns))

    def ask(self, name: ObjectName, voice: Voice) -> Question | None:
        """Ask the origin about a name that may be a hit; None where it is none."""
        return self._objects.ask(name, voice) if self.may_hit(name) else None

    def find_confirmed(self, question: Question) -> Hit | None:
        """Return the hit, if the answer has come and says that what is at hand is current."""
        answer = question.answer
        if not answer.done() or answer.cancelled() or answer.exception() is not None:
            return None
        confirmed = answer.result().answer
        told, row = self._told
        if told is not confirmed:
            # Those who share an answer share its row: a hot key has many of them.
            row = self._objects.row_told(question.name, confirmed)
            self._told = confirmed, row
        return None if row is None else self._hit(row, "REVALIDATED", 0)

    def _hit(self, row: Row, cache: str, age_seconds: int) -> Hit | None:
        if self._parts.filling.checks.is_quarantined(row.body):
            return None
        wanted = ByteRange(0, row.version.size)
        body = find_bytes(self._flash, row, wanted, self._parts.chunk_bytes)
        if body is None:
            return None
        metrics.reads_from_flash.inc()
        return Hit(row, body, cache, age_seconds)
