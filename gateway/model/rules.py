"""Which promise an object is read under: freshness by prefix, the longest match wins (pure).

A match is `bucket/key` for one object, or a prefix of that form ending in `*` for everything that
begins with it; `*` alone is every object. Where no rule matches, the promise is `strict`.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from gateway.model.names import ObjectName


class Mode(StrEnum):
    """How a hit is served; the value is the word in settings, logs and answers."""

    STRICT = "strict"
    PINNED = "pinned"
    BOUNDED = "bounded"
    EXCLUSIVE = "exclusive"
    IMMUTABLE = "immutable"
    BYPASS = "bypass"


@dataclass(frozen=True, slots=True)
class Freshness:
    """A mode, and for `bounded` the age in seconds that a confirmation may have."""

    mode: Mode
    seconds: float = 0.0

    def __str__(self) -> str:
        """Return the form that settings are written in: `strict`, `bounded(30s)`."""
        if self.mode is Mode.BOUNDED:
            seconds = f"{self.seconds:.6f}".rstrip("0").rstrip(".")
            return f"{self.mode.value}({seconds}s)"
        return self.mode.value


STRICT: Final = Freshness(Mode.STRICT)


@dataclass(frozen=True, slots=True)
class Share:
    """A part of flash: a fraction of its size, or bytes."""

    fraction: float = 0.0
    count_bytes: int = 0

    def of(self, size_bytes: int) -> int:
        """Return the bytes that it is of a flash of `size_bytes`."""
        return self.count_bytes or int(self.fraction * size_bytes)

    def __str__(self) -> str:
        """Return the form that settings are written in: `30%`, or bytes."""
        if self.count_bytes:
            return str(self.count_bytes)
        return f"{self.fraction * 100:.6f}".rstrip("0").rstrip(".") + "%"


@dataclass(frozen=True, slots=True)
class Keep:
    """On what terms the matching objects are kept on flash; as it stands, on none of their own."""

    hold_seconds: float = 0.0
    """How long what came is not evicted for other objects of the rule."""
    is_pinned: bool = False
    ttl_seconds: float = 0.0
    """How long after it came a chunk leaves; 0: no such time."""
    share: Share | None = None
    admit_bytes_min: int = 0
    admit_bytes_max: int | None = None
    admit_hits_min: int = 1
    """At which request, within an hour or two, an object is admitted."""

    @property
    def is_group(self) -> bool:
        """Return whether these objects need segments of their own."""
        return bool(self.hold_seconds or self.is_pinned or self.ttl_seconds or self.share)


@dataclass(frozen=True, slots=True)
class Rule:
    """What is promised for the names that match."""

    match: str
    freshness: Freshness = STRICT
    admit_on_write: bool = False
    """Whether a body written through Forebay is kept on flash at once."""
    stale_if_error_seconds: float = 0.0
    """How old a confirmation may be that is served while the origin cannot be asked; 0: none."""
    keep: Keep = Keep()
    batch_validation: bool = False
    """Whether a listing, which is strongly consistent, may confirm many objects at once."""

    @property
    def prefix(self) -> str:
        """Return what a matching name begins with (the whole name when there is no `*`)."""
        return self.match.removesuffix("*")

    def matches(self, full_name: str) -> bool:
        """Return whether `bucket/key` falls under this rule."""
        if self.match.endswith("*"):
            return full_name.startswith(self.prefix)
        return full_name == self.match


DEFAULT_RULE: Final = Rule("*")


class Rules:
    """The rules of one reading of the settings; replaced whole on reload, never changed."""

    __slots__ = ("_longest_first",)

    def __init__(self, rules: Iterable[Rule] = ()) -> None:
        """Order the rules so that the first that matches is the longest."""
        # An exact name wins over the prefix of the same length: it says more.
        ordered = sorted(rules, key=lambda rule: (len(rule.prefix), rule.match[-1:] != "*"))
        self._longest_first = tuple(reversed(ordered))

    def __iter__(self) -> Iterator[Rule]:
        """Yield the rules, the longest match first."""
        return iter(self._longest_first)

    def find(self, name: ObjectName) -> Rule:
        """Return the rule with the longest match, else the default: strict, no admission."""
        full_name = str(name)
        for rule in self._longest_first:
            if rule.matches(full_name):
                return rule
        return DEFAULT_RULE
