"""Replaying requests through a virtual flash, and what came of it (pure).

What the origin is asked is counted as the gateway asks it: one request for each aligned run of
chunks that is missing, one for all that is not admitted, and one question where the rule's
freshness wants a warm read confirmed.
"""

from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Final

from gateway.flash.virtual import Chunk, VirtualFlash
from gateway.model.names import ObjectName
from gateway.model.rules import Freshness, Mode, Rules

RUN_CHUNKS: Final = 8
_UNASKED: Final = (Mode.IMMUTABLE, Mode.EXCLUSIVE)
_NANOSECONDS: Final = 1_000_000_000


@dataclass(slots=True)
class Tally:
    """What became of the requests that were counted."""

    requests: int = 0
    hits: int = 0
    bytes_read: int = 0
    bytes_hit: int = 0
    origin_requests: int = 0
    """For bodies; questions are apart."""
    origin_bytes: int = 0
    questions: int = 0
    refusals: dict[str, int] = field(default_factory=dict)
    """Requests that were not admitted, by the reason."""

    @property
    def hit_ratio(self) -> float:
        """Return the share of requests that needed no byte of the origin."""
        return self.hits / self.requests if self.requests else 0.0

    @property
    def byte_hit_ratio(self) -> float:
        """Return the share of the bytes read that came from flash."""
        return self.bytes_hit / self.bytes_read if self.bytes_read else 0.0


@dataclass(slots=True)
class _Known:
    body: bytes
    changes: int = 0
    confirmed_ns: int | None = None
    size: int = 0


class Replay:
    """One trace through one flash."""

    def __init__(self, flash: VirtualFlash, rules: Rules, chunk_bytes: int) -> None:
        """Read through `flash`, as `rules` say, in chunks of `chunk_bytes`."""
        self._flash = flash
        self._rules = rules
        self._chunk_bytes = chunk_bytes
        self._known: dict[ObjectName, _Known] = {}
        self.tally = Tally()

    def read(self, name: ObjectName, size: int, start: int, stop: int, moment_ns: int) -> None:
        """Read bytes `start` to `stop` of an object of `size` bytes."""
        flash, tally = self._flash, self.tally
        flash.now_ns = max(flash.now_ns, moment_ns)
        known = self._known.get(name)
        if known is None:
            known = self._known[name] = _Known(_body(name, 0))
        # A log tells of each read only as much as was sent.
        known.size = size = max(known.size, size)
        tally.requests += 1
        tally.bytes_read += stop - start
        freshness = self._rules.find(name).freshness
        if freshness.mode is Mode.BYPASS:
            self._refuse("rule", stop - start)
            return
        if not self._is_fresh(known, freshness):
            tally.questions += known.confirmed_ns is not None
            known.confirmed_ns = flash.now_ns
        flash.note_sighting(name)
        first, last = start // self._chunk_bytes, -(-stop // self._chunk_bytes)
        body, has = known.body, flash.has
        missing = [at for at in range(first, last) if not has(Chunk(body, at))]
        if not missing:
            tally.hits += 1
            tally.bytes_hit += stop - start
            return
        refusal = flash.refusal(name, size)
        if refusal is not None:
            rest = stop - max(missing[0] * self._chunk_bytes, start)
            tally.bytes_hit += stop - start - rest
            self._refuse(refusal, rest)
            return
        self._fill(name, known, missing)
        for number in missing:
            begin = number * self._chunk_bytes
            known_bytes = min(stop, begin + self._chunk_bytes) - max(start, begin)
            tally.bytes_hit -= known_bytes
        tally.bytes_hit += stop - start

    def change(self, name: ObjectName, moment_ns: int) -> None:
        """Overwrite or delete an object."""
        self._flash.now_ns = max(self._flash.now_ns, moment_ns)
        known = self._known.get(name)
        if known is None:
            return
        for number in range(-(-known.size // self._chunk_bytes)):
            self._flash.forget(Chunk(known.body, number))
        known.changes += 1
        known.body, known.confirmed_ns, known.size = _body(name, known.changes), None, 0

    def _is_fresh(self, known: _Known, freshness: Freshness) -> bool:
        if known.confirmed_ns is None:
            return False
        if freshness.mode in _UNASKED:
            return True
        age_ns = self._flash.now_ns - known.confirmed_ns
        return freshness.mode is Mode.BOUNDED and age_ns <= freshness.seconds * _NANOSECONDS

    def _refuse(self, reason: str, count_bytes: int) -> None:
        self.tally.origin_requests += 1
        self.tally.origin_bytes += count_bytes
        self.tally.refusals[reason] = self.tally.refusals.get(reason, 0) + 1

    def _fill(self, name: ObjectName, known: _Known, missing: list[int]) -> None:
        tally, before, is_full = self.tally, -2, False
        for number in missing:
            if number != before + 1 or number % RUN_CHUNKS == 0:
                tally.origin_requests += 1
            before = number
            length = min(self._chunk_bytes, known.size - number * self._chunk_bytes)
            tally.origin_bytes += length
            is_full |= not self._flash.put(name, Chunk(known.body, number), length)
        if is_full:
            tally.refusals["full"] = tally.refusals.get("full", 0) + 1


def _body(name: ObjectName, changes: int) -> bytes:
    return blake2b(f"{name}\0{changes}".encode("utf-8", "surrogatepass"), digest_size=16).digest()
