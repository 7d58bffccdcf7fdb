"""Hits that need no task: a small whole body at hand, served unasked or as soon as it is confirmed.

Whatever is not that simple is None, and `Objects.read` finds out what it is.
"""

from typing import NamedTuple

from gateway.core.at_hand import find_place
from gateway.core.freshness import age_seconds, may_serve_unasked
from gateway.core.objects import Objects, Question
from gateway.core.questions import Confirmed
from gateway.core.validation import Listed
from gateway.flash.rows import Extent, Row
from gateway.flash.store import Readable
from gateway.model.names import ObjectName
from gateway.model.ranges import ByteRange
from gateway.model.rules import Mode, Rule, Rules
from gateway.model.voices import Voice
from gateway.telemetry import metrics


class Hit(NamedTuple):
    """A body at hand, with the row that describes it."""

    row: Row
    body: bytes
    cache: str
    """HIT, or REVALIDATED where the origin was asked for this request."""
    age_seconds: int


class _Spot(NamedTuple):
    """A body at hand: concluded from rules, row and index, and noted until one of them changes."""

    rules: Rules
    rule: Rule
    row: Row
    extent: Extent | None
    """None: the body is empty."""


class Hits:
    """The shortest ways through `Objects`."""

    def __init__(self, objects: Objects) -> None:
        """Look where `objects` looks, by its rules."""
        self._objects = objects
        self._parts = objects.parts
        self._flash = objects.parts.flash
        self._told: tuple[Confirmed | Listed | None, Row | None] = None, None

    def is_bypassed(self, name: ObjectName) -> bool:
        """Return whether the rule of `name` wants everything past us."""
        return self._objects.rules.find(name).freshness.mode is Mode.BYPASS

    def may_hit(self, name: ObjectName) -> bool:
        """Return whether a small whole body of `name` is at hand, for whoever may have it."""
        return self._find_spot(name) is not None

    def find_unasked(self, name: ObjectName, voice: Voice, rule: Rule | None = None) -> Hit | None:
        """Return the hit that may be served without asking, if there is one.

        `rule` stands in for the name's own, for names that are ours and not a client's.
        """
        spot, now_ns = self._find_spot(name), self._objects.now_ns()
        if spot is None or not may_serve_unasked(rule or spot.rule, spot.row, voice, now_ns):
            return None
        return self._hit(spot, "HIT", age_seconds(spot.row, now_ns))

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
        spot = self._find_spot(question.name)
        if row is None or spot is None or spot.row.body != row.body:
            return None
        return self._hit(spot, "REVALIDATED", 0, row)

    def _find_spot(self, name: ObjectName) -> _Spot | None:
        """Return where the body lies, if it is small, whole and in one chunk."""
        rules, notes = self._objects.rules, self._flash.notes()
        noted = notes.get(name) if notes is not None else None
        if isinstance(noted, _Spot) and noted.rules is rules:
            return noted
        row, rule = self._flash.find_row(name), rules.find(name)
        if row is None or rule.freshness.mode is Mode.BYPASS:
            return None
        size = row.version.size
        place = find_place(self._flash, row, ByteRange(0, size), self._parts.chunk_bytes)
        if size and place is None:
            return None
        spot = _Spot(rules, rule, row, place[1] if place is not None else None)
        if notes is not None:
            notes[name] = spot
        return spot

    def _hit(self, spot: _Spot, cache: str, age_seconds: int, row: Row | None = None) -> Hit | None:
        """Return the body with its own row, or another that has the same body."""
        body, size = spot.row.body, spot.row.version.size
        if self._parts.filling.checks.is_quarantined(body):
            return None
        if spot.extent is None:
            data: Readable | None = b""
        else:
            data = self._flash.read_now(body, 0, spot.extent, 0, size)
            self._flash.touch(body, 0)
        if data is None:
            return None
        metrics.bytes_from_flash.inc(size)
        metrics.reads_from_flash.inc()
        return Hit(row or spot.row, bytes(data), cache, age_seconds)
