"""Whether an object must be validated for this request (pure).

A row was confirmed at the moment its question was *sent*. A moment in the future (the wall clock
was set back) proves nothing to `bounded`; 0 is never, as in a row that was rebuilt or distrusted.
What the origin confirmed to one voice it confirmed to no other: whoever has keys of their own there
may not be allowed what Forebay is, nor Forebay what they are. A request may ask for more than the
rule promises, never for less.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf
from typing import Final

from gateway.core.listable import is_listable
from gateway.flash.rows import Row
from gateway.model.rules import Mode, Rule
from gateway.model.voices import Voice

UNASKED_MODES: Final = frozenset({Mode.BOUNDED, Mode.EXCLUSIVE, Mode.IMMUTABLE})
"""Under which a row may be served without a question at all, whatever the request names."""
_NANOSECONDS: Final = 1_000_000_000
_LASTING: Final[Mapping[Mode, float]] = {Mode.EXCLUSIVE: inf, Mode.IMMUTABLE: inf}
"""How long a confirmation holds; of `bounded` the rule says it."""


@dataclass(frozen=True, slots=True)
class Demand:
    """What a request itself says of the version it wants and of how fresh it must be."""

    age_seconds_max: int | None = None
    """None: as the rule has it; 0: asked about now."""
    is_only_at_hand: bool = False
    """Whether the origin must not be asked at all."""
    etag: str | None = None
    """The one strong ETag that it names."""
    version_id: str | None = None


NO_DEMAND: Final = Demand()


def may_serve_unasked(
    rule: Rule, row: Row, voice: Voice, now_ns: int, demand: Demand = NO_DEMAND
) -> bool:
    """Return whether `row` may be served to `voice` under `rule` without asking the origin."""
    if row.confirmed_to != voice.mark or row.confirmed_ns <= 0:
        return False
    return _is_within(_holds_seconds(rule, row, demand), row, now_ns, demand)


def may_serve_stale(
    rule: Rule, row: Row, voice: Voice, now_ns: int, demand: Demand = NO_DEMAND
) -> bool:
    """Return whether `row` may be served because the origin cannot be asked."""
    if row.confirmed_to != voice.mark or row.confirmed_ns <= 0:
        return False
    return _is_within(rule.stale_if_error_seconds, row, now_ns, demand)


def is_worth_noting(rule: Rule, row: Row, now_ns: int) -> bool:
    """Return whether a new confirmation of an unchanged row should be written down.

    Where rows are asked about each time anyway, the moment matters only to `stale_if_error`, and
    being a quarter of its time behind is near enough.
    """
    mode = rule.freshness.mode
    if mode in UNASKED_MODES or (mode is Mode.PINNED and row.confirmed_ns <= 0):
        return True
    quarter_seconds = rule.stale_if_error_seconds / 4
    return 0 < quarter_seconds < (now_ns - row.confirmed_ns) / _NANOSECONDS


def find_listable(rule: Rule, row: Row | None, voice: Voice, demand: Demand) -> Row | None:
    """Return the row if a listing may confirm it to `voice` under `rule`, else None.

    Who has keys of their own at the origin, or none, is asked about by HEAD: a listing shows that
    an object is there, not that they may read it. So is a request that wants it fresher.
    """
    if row is None or not rule.batch_validation or not voice.is_forebay:
        return None
    return row if demand.age_seconds_max is None and is_listable(row) else None


def age_seconds(row: Row, now_ns: int) -> int:
    """Return the Age of an answer made from `row` (RFC 9111 5.1)."""
    return max(0, (now_ns - row.confirmed_ns) // _NANOSECONDS)


def _holds_seconds(rule: Rule, row: Row, demand: Demand) -> float:
    """Return for how long the row's confirmation holds under the rule; 0: for no time at all."""
    mode = rule.freshness.mode
    if mode is Mode.BOUNDED:
        return rule.freshness.seconds
    if mode is Mode.PINNED:
        return inf if _is_named(row, demand) else 0.0
    return _LASTING.get(mode, 0.0)


def _is_named(row: Row, demand: Demand) -> bool:
    if demand.version_id is not None:
        return demand.version_id == row.version.version_id
    return demand.etag is not None and demand.etag == row.version.etag


def _is_within(holds_seconds: float, row: Row, now_ns: int, demand: Demand) -> bool:
    """Return whether the confirmation is young enough for the rule and for the request."""
    if demand.age_seconds_max is not None:
        holds_seconds = min(holds_seconds, demand.age_seconds_max)
    if not holds_seconds:
        return False
    age_ns = now_ns - row.confirmed_ns
    return holds_seconds == inf or 0 <= age_ns <= holds_seconds * _NANOSECONDS
