"""How segments leave: what is hot in them is carried over, their rows go, then their files.

The order makes every kill harmless: hot chunks are copied and committed at their new place, then
the old segment's rows are removed, then its files. A row never outlives its segment, and a segment
without rows is merely evicted again.
"""

import contextlib
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from gateway.flash.admission import Division
from gateway.flash.committer import Change, Committer
from gateway.flash.eviction import (
    NOBODY,
    Asking,
    Candidate,
    Standing,
    carry_bytes_max,
    choose_carried,
    destination,
    heat_after_carrying,
    is_share_full,
    next_to_leave,
)
from gateway.flash.faults import Faults
from gateway.flash.index import Index, Writing
from gateway.flash.keeping import Keeping
from gateway.flash.locks import DirectoryLock
from gateway.flash.purposes import NEW, Label, Purpose
from gateway.flash.readers import Readers
from gateway.flash.record import Record, RecordWriter
from gateway.flash.recovery import read_records
from gateway.flash.rows import Extent
from gateway.flash.segments import OpenSegment, lock_abandoned, remove_segment
from gateway.flash.touches import Touches
from gateway.telemetry import metrics

Targets = Mapping[Purpose, OpenSegment]
"""Segments of this process that chunks may be carried to."""


@dataclass(frozen=True, slots=True)
class SpaceParts:
    """What space is made with."""

    directory_fd: int
    segments_fd: int
    lock: DirectoryLock
    division: Division
    index: Index
    committer: Committer
    touches: Touches
    readers: Readers
    faults: Faults
    keeping: Callable[[], Keeping]
    """The terms in force now."""


@dataclass(frozen=True, slots=True)
class Departure:
    """A segment that will leave, locked by its records' descriptor, and what is to stay of it."""

    segment: int
    label: Label
    record_fd: int
    target: OpenSegment | None = None
    chosen: frozenset[int] = frozenset()
    """The places, among its records, of the chunks to carry."""
    offset: int = 0
    """Where in the target space for them begins."""


class Departures:
    """Plans which segments leave, and sees them off; under the directory's lock."""

    def __init__(self, parts: SpaceParts) -> None:
        """Use `parts`."""
        self._parts = parts
        self._generation = 0
        self.bytes_carried = 0

    @contextlib.contextmanager
    def planned(
        self, files: list[Standing], bytes_max: int, asking: Asking, targets: Targets
    ) -> Iterator[list[Departure]]:
        """Plan to keep of `files`, which is shortened, only `bytes_max`, and `asking`'s share.

        What is hot gets space in one of `targets`, or goes. Segments that a process is writing to
        stay. Within the context nobody else evicts those that leave.
        """
        departures: list[Departure] = []
        carry_left = dict.fromkeys(targets, carry_bytes_max(self._parts.division.segment_bytes))
        groups = self._parts.keeping().groups
        now_ns = time.time_ns()
        remaining = list(files)
        if files:
            self._generation = self._parts.division.generation_of(files[-1].segment)
        try:
            while occupied_bytes(files) > bytes_max or is_share_full(files, asking, groups):
                victim = next_to_leave(remaining, asking, groups, now_ns)
                if victim is None:
                    break
                remaining.remove(victim)
                record_fd = lock_abandoned(self._parts.segments_fd, victim.segment)
                if record_fd is None:
                    continue
                departures.append(Departure(victim.segment, victim.label, record_fd))
                files.remove(victim)
                purpose = destination(victim.label, groups)
                if purpose is not None and purpose in targets:
                    departures[-1], taken = self._chosen(
                        departures[-1], targets[purpose], carry_left[purpose]
                    )
                    carry_left[purpose] -= taken
            yield departures
        finally:
            for departure in departures:
                os.close(departure.record_fd)

    def order_of_leaving(self, files: Sequence[Standing]) -> Iterator[Standing]:
        """Yield the segments as they would leave, those that may not at last."""
        groups, now_ns, remaining = self._parts.keeping().groups, time.time_ns(), list(files)
        while (one := next_to_leave(remaining, NOBODY, groups, now_ns)) is not None:
            remaining.remove(one)
            yield one
        yield from remaining

    def _chosen(
        self, departure: Departure, target: OpenSegment, bytes_max: int
    ) -> tuple[Departure, int]:
        """Take space for what is hot; return the departure with it, and its bytes."""
        heats, keys = self._parts.touches.heats, self._parts.index.keys
        candidates, record_bytes = [], []
        for group in self._records(departure):
            for record in group:
                heat = heats.heat(record.body, record.number)
                heat = heat if heat and self._is_there(record) else 0
                candidates.append(Candidate(record.extent.length, heat))
                record_bytes.append(RecordWriter(record, keys).record_bytes if heat else 0)
        chosen = choose_carried(candidates, min(bytes_max, target.free_bytes))
        taken = sum(candidates[place].length for place in chosen)
        offset = target.take_block(taken, sum(record_bytes[place] for place in chosen))
        if offset is None:
            return departure, 0
        return replace(departure, target=target, chosen=frozenset(chosen), offset=offset), taken

    def _is_there(self, record: Record) -> bool:
        """Return whether a chunk still lies where its record says."""
        numbers = range(record.number, record.number + 1)
        return self._parts.index.extents(record.body, numbers).get(record.number) == record.extent

    def depart(self, departure: Departure) -> None:
        """Carry, forget and remove a segment; raises OSError and the index's trouble."""
        parts = self._parts
        if departure.target is not None:
            self._carry(departure, departure.target)
        parts.faults.at("evict.carried")
        is_new = departure.label.purpose == NEW
        for group in self._records(departure):
            self._forget(group, is_new=is_new)
        parts.faults.at("evict.forgotten")
        remove_segment(parts.segments_fd, departure.segment)
        parts.faults.at("evict.unlinked")
        parts.readers.drop_segment(departure.segment)

    def _records(self, departure: Departure) -> Iterator[list[Record]]:
        group_max = self._parts.division.group_changes_max
        return read_records(
            departure.record_fd, departure.segment, group_max, self._parts.index.keys
        )

    def _forget(self, records: list[Record], *, is_new: bool) -> None:
        """Take out the rows of what leaves; what was read once is remembered as a ghost."""
        touches = self._parts.touches

        def apply(writing: Writing) -> None:
            owners = {}
            for record in records:
                if writing.delete_chunk(record.body, record.number, record.extent):
                    owners[record.body] = record.name
                    touches.heats.put(record.body, record.number, 0)
                    if is_new:
                        touches.ghosts.note(record.body, record.number, self._generation)
            for body, name in owners.items():
                writing.delete_row_without_chunks(name, body)

        self._parts.committer.wait_committed(apply)

    def _carry(self, departure: Departure, target: OpenSegment) -> None:
        """Copy the chosen chunks to their space."""
        place, offset, heats = 0, departure.offset, self._parts.touches.heats
        for group in self._records(departure):
            moved: list[tuple[Record, Extent]] = []
            for at, record in enumerate(group, place):
                if at in departure.chosen:
                    heat = heats.heat(record.body, record.number)
                    stream = departure.label.purpose.stream
                    heats.put(record.body, record.number, heat_after_carrying(heat, stream))
                    extent = self._copy(record, target, offset)
                    offset += record.extent.length
                    moved += [] if extent is None else [(record, extent)]
            place += len(group)
            self._commit_moved(moved, target)

    def _copy(self, record: Record, target: OpenSegment, offset: int) -> Extent | None:
        """Copy a chunk that still lies where its record says; None if it does not, or is bad."""
        old = record.extent
        if not self._is_there(record):
            return None
        data = self._parts.readers.read(old)
        if data is None:
            return None
        target.write(offset, data)
        return replace(old, segment=target.segment, offset=offset)

    def _commit_moved(self, moved: list[tuple[Record, Extent]], target: OpenSegment) -> None:
        def append() -> None:
            for record, extent in moved:
                writer = RecordWriter(record, self._parts.index.keys)
                target.append(writer.encode(record.number, extent))

        def apply(writing: Writing) -> None:
            for record, extent in moved:
                writing.move_chunk(record.body, record.number, record.extent, extent)

        if moved:
            self._parts.committer.wait_change(Change(apply, prepare=append))
        metrics.chunks_carried.inc(len(moved))
        for _, extent in moved:
            self._parts.readers.note_proven(extent)
            self.bytes_carried += extent.length


def occupied_bytes(files: Sequence[Standing]) -> int:
    """Return what those segments occupy."""
    return sum(entry.occupied_bytes for entry in files)
