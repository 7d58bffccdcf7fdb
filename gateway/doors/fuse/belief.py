"""For how long the kernel may believe what it was told, by the freshness of the name's rule (pure).

A lookup under `strict` is believed for no time: each path that is walked is asked for. `bounded(s)`
is believed for what is left of its seconds, `immutable` for a day. An `open` asks in any case.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from gateway.filesystem.status import Status
from gateway.model.names import ObjectName
from gateway.model.rules import Freshness, Mode

IMMUTABLE_SECONDS: Final = 86_400.0
ATTRIBUTE_SECONDS: Final = 1.0
"""Of attributes that no path leads to (fstat): whoever has a file open sees that version anyway."""


@dataclass(frozen=True, slots=True)
class Belief:
    """Seconds for a name, and for the attributes behind it."""

    entry: float
    attributes: float


STAGED: Final = Belief(0.0, ATTRIBUTE_SECONDS)
"""Of what this mount is writing: the kernel knows its size better than we do."""


@dataclass(frozen=True, slots=True)
class Believing:
    """Tells by rule, age and kind."""

    freshness_of: Callable[[ObjectName], Freshness]
    directory_seconds: float
    listed_seconds: float

    def of(self, status: Status, age_seconds: float = 0.0, *, is_listed: bool = False) -> Belief:
        """Return for how long a status is believed that was confirmed `age_seconds` ago."""
        if status.is_directory:
            return Belief(self.directory_seconds, self.directory_seconds)
        seconds = self._by_rule(status, age_seconds)
        entry = max(seconds, self.listed_seconds) if is_listed else seconds
        return Belief(entry, max(entry, ATTRIBUTE_SECONDS))

    def _by_rule(self, status: Status, age_seconds: float) -> float:
        if status.name is None:
            return 0.0
        freshness = self.freshness_of(status.name)
        if freshness.mode is Mode.IMMUTABLE:
            return IMMUTABLE_SECONDS
        if freshness.mode is Mode.BOUNDED:
            return max(0.0, freshness.seconds - age_seconds)
        return 0.0
