"""On what terms each object is kept: the rules and the pins, as eviction and admission ask (pure).

A rule that holds, pins, bounds or ages what it matches makes a *group*, and so does each pin of
`forebay cache pin`. All that is pinned together may take half of the flash, less where rules say
so. What is not admitted streams past flash; why is said in words, which the receipt repeats.
"""

from collections.abc import Mapping
from typing import Final

from gateway.flash.eviction import COMMON_TERMS, Terms
from gateway.flash.purposes import group_of
from gateway.model.names import ObjectName
from gateway.model.rules import Rule, Rules

PINNED_SHARE_MAX: Final = 0.5
SIGHTING_WINDOW_SECONDS: Final = 3600
_NANOSECONDS: Final = 1_000_000_000


class Keeping:
    """The terms in force; replaced whole when rules, pins or the size change."""

    def __init__(
        self, rules: Rules, pins: tuple[str, ...], size_bytes: int, names_key: bytes = b""
    ) -> None:
        """Judge by `rules` and `pins` (beginnings of `bucket/key`) on a flash of `size_bytes`.

        `names_key` is that of a sealed flash (`sealing.py`).
        """
        self.rules = rules
        self.names_key = names_key
        self.pins = tuple(sorted(pins, key=len, reverse=True))
        self.pinned_bytes_max = int(PINNED_SHARE_MAX * size_bytes)
        self._by_match = {
            rule.match: self._terms_of(rule, size_bytes) for rule in rules if rule.keep.is_group
        }
        self._by_pin = {pin: self._terms_of_pin(pin) for pin in self.pins}
        self.groups: Mapping[bytes, Terms] = {
            terms.group: terms for terms in (*self._by_match.values(), *self._by_pin.values())
        }

    def _terms_of_pin(self, pin: str) -> Terms:
        group = group_of(f"pin {pin}", self.names_key)
        return Terms(group, bytes_max=self.pinned_bytes_max, is_pinned=True)

    def _terms_of(self, rule: Rule, size_bytes: int) -> Terms:
        keep = rule.keep
        bytes_max = keep.share.of(size_bytes) if keep.share is not None else None
        if keep.is_pinned:
            bytes_max = min(bytes_max or self.pinned_bytes_max, self.pinned_bytes_max)
        return Terms(
            group_of(rule.match, self.names_key),
            bytes_max=bytes_max,
            hold_ns=int(keep.hold_seconds * _NANOSECONDS),
            ttl_ns=int(keep.ttl_seconds * _NANOSECONDS),
            is_pinned=keep.is_pinned,
        )

    def terms_of(self, name: ObjectName) -> Terms:
        """Return the terms that an object is kept on; pins go before rules."""
        if self.pins:
            full_name = str(name)
            for pin in self.pins:
                if full_name.startswith(pin):
                    return self._by_pin[pin]
        if not self._by_match:
            return COMMON_TERMS
        return self._by_match.get(self.rules.find(name).match, COMMON_TERMS)

    def terms_of_pin(self, pin: str) -> Terms:
        """Return the terms of a pin that there is."""
        return self._by_pin[pin]

    def counts_sightings(self, name: ObjectName) -> bool:
        """Return whether requests of the object are to be counted."""
        return self.rules.find(name).keep.admit_hits_min > 1

    def refusal(self, name: ObjectName, size_bytes: int, sightings: int) -> str | None:
        """Return why an object of that size, asked for so often lately, is not admitted."""
        keep = self.rules.find(name).keep
        if size_bytes < keep.admit_bytes_min:
            return "smaller than its rule admits to flash"
        if keep.admit_bytes_max is not None and size_bytes > keep.admit_bytes_max:
            return "larger than its rule admits to flash"
        if sightings < keep.admit_hits_min and keep.admit_hits_min > 1:
            return "asked for less often than its rule admits to flash"
        return None

    def full_words(self, terms: Terms) -> str:
        """Return why there is no room for what is kept on those terms."""
        if terms.is_pinned:
            return "what may be pinned of flash is full"
        if terms.bytes_max is not None:
            return "the share of its rule is full, and held"
        if terms.hold_ns:
            return "flash is full, and its rule holds what is there"
        return "flash is full of what may not be evicted"
