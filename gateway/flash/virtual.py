"""A flash without a disk: the same decisions as the real one, over names in place of bytes (pure).

`forebay simulate` replays a trace through it. Division, sketches, terms, the order of leaving and
the choice of what is carried are the gateway's own; only files, index and threads are left out, and
there is one process with one open segment of each purpose.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from gateway.flash.admission import Division, rounded_up
from gateway.flash.eviction import (
    COMMON_TERMS,
    TWO_STREAMS,
    Asking,
    Candidate,
    Policy,
    Standing,
    carry_bytes_max,
    choose_carried,
    destination,
    heat_after_carrying,
    is_kept_wanted,
    is_share_full,
    next_to_leave,
)
from gateway.flash.keeping import SIGHTING_WINDOW_SECONDS, Keeping
from gateway.flash.purposes import COMMON, KEPT, NEW, Label, Purpose, Stream
from gateway.flash.sketches import Sketches
from gateway.model.names import ObjectName

# What a record and the index take, about: identity and validators of common lengths.
_RECORD_BYTES: Final = 240
_CHUNK_ROW_BYTES: Final = 90
_NANOSECONDS: Final = 1_000_000_000


class Chunk(NamedTuple):
    """A chunk, by its body and number."""

    body: bytes
    number: int


@dataclass(slots=True)
class _Segment:
    number: int
    label: Label
    division: Division
    chunks: list[tuple[Chunk, int]] = field(default_factory=list)
    data_bytes: int = 0
    is_open: bool = True


class VirtualFlash:
    """What would be on a flash of one process, and what leaves it."""

    def __init__(self, division: Division, keeping: Keeping, policy: Policy = TWO_STREAMS) -> None:
        """Begin empty."""
        self._division = division
        self._keeping = keeping
        self._policy = policy
        self._sketches = Sketches(memoryview(bytearray(division.touch_bytes)))
        self._places: dict[Chunk, _Segment] = {}
        self._segments: dict[int, _Segment] = {}
        self._active: dict[Purpose, _Segment] = {}
        self._next = 1
        self.now_ns = 0
        self.bytes_carried = 0

    def __len__(self) -> int:
        """Return how many chunks are held."""
        return len(self._places)

    def has(self, chunk: Chunk) -> bool:
        """Return whether it is on flash, and count that it was read if it is."""
        segment = self._places.get(chunk)
        if segment is None or self._is_expired(segment):
            return False
        self._sketches.heats.touch(*chunk)
        return True

    def note_sighting(self, name: ObjectName) -> None:
        """Count a request of an object whose rule admits by their number."""
        if self._keeping.counts_sightings(name):
            self._sketches.sightings.note(str(name).encode(), self._window())

    def refusal(self, name: ObjectName, size_bytes: int) -> str | None:
        """Return why an object is not admitted, None where it is."""
        sightings = self._sketches.sightings.count(str(name).encode(), self._window())
        return self._keeping.refusal(name, size_bytes, sightings)

    def _window(self) -> int:
        return self.now_ns // _NANOSECONDS // SIGHTING_WINDOW_SECONDS

    def forget(self, chunk: Chunk) -> None:
        """Take a chunk out, as its body was overwritten."""
        self._places.pop(chunk, None)

    def put(self, name: ObjectName, chunk: Chunk, length: int) -> bool:
        """Bring a chunk in; return whether there was room for it."""
        purpose = self._purpose(name, chunk)
        segment = self._active.get(purpose)
        if segment is None or not self._fits(segment, length):
            self._new_segment(purpose)
            segment = self._active.get(purpose)
            if segment is None or not self._fits(segment, length):
                return False
        self._place(segment, chunk, length)
        return True

    def occupied_bytes(self) -> int:
        """Return what all segments occupy."""
        return sum(self._occupied(segment) for segment in self._segments.values())

    def occupied_by_group(self) -> dict[bytes, int]:
        """Return what the segments of each group occupy."""
        groups: dict[bytes, int] = {}
        for segment in self._segments.values():
            group = segment.label.purpose.group
            groups[group] = groups.get(group, 0) + self._occupied(segment)
        return groups

    def _is_expired(self, segment: _Segment) -> bool:
        """Return whether the chunk's segment has left by now, by its group's time to live."""
        terms = self._keeping.groups.get(segment.label.purpose.group)
        if terms is None or not terms.ttl_ns or self.now_ns < segment.label.begun_ns + terms.ttl_ns:
            return False
        self._active = {key: one for key, one in self._active.items() if one is not segment}
        self._depart(segment)
        return True

    def _purpose(self, name: ObjectName, chunk: Chunk) -> Purpose:
        terms = self._keeping.terms_of(name)
        if terms.group != COMMON:
            return Purpose(Stream.KEPT, terms.group)
        if self._policy.has_two_streams and self._sketches.ghosts.take(
            *chunk, self._division.generation_of(self._next)
        ):
            return KEPT
        return NEW

    def _fits(self, segment: _Segment, length: int) -> bool:
        records = (len(segment.chunks) + 1) * _RECORD_BYTES
        fits = segment.data_bytes + length <= segment.division.segment_bytes
        return fits and records <= segment.division.record_bytes

    def _place(self, segment: _Segment, chunk: Chunk, length: int) -> None:
        segment.chunks.append((chunk, length))
        segment.data_bytes += length
        self._places[chunk] = segment

    def _new_segment(self, purpose: Purpose) -> None:
        terms = self._keeping.groups.get(purpose.group, COMMON_TERMS)
        made = 0
        while purpose != KEPT and self._is_kept_wanted(made):
            made += 1
            self._add(KEPT, Asking(terms))
        made_in = self._division.within(terms.bytes_max)
        self._add(purpose, Asking(terms, made_in.new_segment_bytes))

    def _is_kept_wanted(self, made: int) -> bool:
        if not self._policy.has_two_streams:
            return False
        rest_max = self._room() - self._division.new_segment_bytes
        segment_bytes = self._division.segment_bytes
        kept = self._active.get(KEPT)
        free = segment_bytes - kept.data_bytes if kept is not None else 0
        return is_kept_wanted(self.occupied_bytes(), rest_max, free, segment_bytes, made)

    def _add(self, purpose: Purpose, asking: Asking) -> None:
        groups = self._keeping.groups
        new_bytes = self._division.new_segment_bytes
        standing = self._standing()
        self._evict(standing, self._room(), asking, {})
        if _total(standing) > self._room() or is_share_full(standing, asking, groups):
            return
        old = self._active.pop(purpose, None)
        if old is not None:
            old.is_open = False
        is_group = purpose.group in groups
        made_in = self._division.within(groups[purpose.group].bytes_max) if is_group else None
        segment = _Segment(self._next, Label(purpose, self.now_ns), made_in or self._division)
        self._next += 1
        targets = {KEPT: self._active[KEPT]} if KEPT in self._active else {}
        if is_group or purpose == KEPT:
            targets[purpose] = segment
        elif not self._policy.has_two_streams:
            targets[KEPT] = segment
        self._evict(standing, self._room() - new_bytes, asking, targets)
        self._segments[segment.number] = self._active[purpose] = segment

    def _evict(
        self,
        standing: list[Standing],
        bytes_max: int,
        asking: Asking,
        targets: Mapping[Purpose, _Segment],
    ) -> None:
        """Evict as `Departures.planned` does, and shorten `standing`."""
        groups = self._keeping.groups
        remaining = list(standing)
        left = dict.fromkeys(targets, carry_bytes_max(self._division.segment_bytes))
        while _total(standing) > bytes_max or is_share_full(standing, asking, groups):
            victim = next_to_leave(remaining, asking, groups, self.now_ns, self._policy)
            if victim is None:
                return
            remaining.remove(victim)
            segment = self._segments[victim.segment]
            if segment.is_open:
                continue
            standing.remove(victim)
            purpose = destination(victim.label, groups)
            if purpose is not None and purpose in targets:
                left[purpose] -= self._carry(segment, targets[purpose], left[purpose])
            self._depart(segment)

    def _carry(self, segment: _Segment, target: _Segment, bytes_max: int) -> int:
        heats = self._sketches.heats
        found = [
            Candidate(length, heats.heat(*chunk) if self._places.get(chunk) is segment else 0)
            for chunk, length in segment.chunks
        ]
        free = target.division.segment_bytes - target.data_bytes
        taken = 0
        for place in choose_carried(found, min(bytes_max, free)):
            chunk, length = segment.chunks[place]
            stream = segment.label.purpose.stream
            heats.put(*chunk, heat_after_carrying(found[place].heat, stream, self._policy))
            self._place(target, chunk, length)
            taken += length
        self.bytes_carried += taken
        return taken

    def _depart(self, segment: _Segment) -> None:
        is_new = segment.label.purpose == NEW
        generation = self._division.generation_of(self._next)
        for chunk, _ in segment.chunks:
            if self._places.get(chunk) is segment:
                del self._places[chunk]
                self._sketches.heats.put(*chunk, 0)
                if is_new:
                    self._sketches.ghosts.note(*chunk, generation)
        del self._segments[segment.number]

    def _standing(self) -> list[Standing]:
        return [
            Standing(segment.number, self._occupied(segment), segment.label)
            for segment in self._segments.values()
        ]

    def _occupied(self, segment: _Segment) -> int:
        if segment.is_open:
            return segment.division.new_segment_bytes
        records = len(segment.chunks) * _RECORD_BYTES
        return rounded_up(segment.data_bytes) + rounded_up(records)

    def _room(self) -> int:
        """Return what segments may occupy before one more comes, beside the index as it is now."""
        index_bytes = len(self._places) * _CHUNK_ROW_BYTES
        allowance = self._division.allowance_for(index_bytes)
        return self._division.segments_bytes_max(allowance) - self._division.new_segment_bytes


def _total(standing: list[Standing]) -> int:
    return sum(one.occupied_bytes for one in standing)
