"""Whether an object must be validated for this request (pure).

A row was confirmed at the moment its question was *sent*. A moment in the future (the wall clock
was set back) proves nothing to `bounded`; 0 is never, as in a row that was rebuilt or distrusted.
What the origin confirmed to one voice it confirmed to no other: whoever has keys of their own there
may not be allowed what Forebay is, nor Forebay what they are.
"""

from gateway.flash.rows import Row
from gateway.model.rules import Mode, Rule
from gateway.model.voices import Voice

UNASKED_MODES = frozenset({Mode.BOUNDED, Mode.IMMUTABLE})
"""Under which a row may be served without a question at all."""
_NANOSECONDS = 1_000_000_000


def may_serve_unasked(rule: Rule, row: Row, voice: Voice, now_ns: int) -> bool:
    """Return whether `row` may be served to `voice` under `rule` without asking the origin."""
    if row.confirmed_to != voice.mark:
        return False
    match rule.freshness.mode:
        case Mode.IMMUTABLE:
            return row.confirmed_ns > 0
        case Mode.BOUNDED:
            age_ns = now_ns - row.confirmed_ns
            return 0 <= age_ns <= rule.freshness.seconds * _NANOSECONDS
        case _:
            return False


def age_seconds(row: Row, now_ns: int) -> int:
    """Return the Age of an answer made from `row` (RFC 9111 5.1)."""
    return max(0, (now_ns - row.confirmed_ns) // _NANOSECONDS)
