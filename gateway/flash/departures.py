"""How segments leave: what is hot in them is carried over, their rows go, then their files.

The order makes every kill harmless: hot chunks are copied and committed at their new place, then
the old segment's rows are removed, then its files. A row never outlives its segment, and a segment
without rows is merely evicted again.
"""

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace

from gateway.flash.admission import Division
from gateway.flash.committer import Change, Committer
from gateway.flash.eviction import Candidate, carry_bytes_max, choose_carried
from gateway.flash.faults import Faults
from gateway.flash.index import Index, Writing
from gateway.flash.locks import DirectoryLock
from gateway.flash.readers import Readers
from gateway.flash.record import Record, RecordWriter
from gateway.flash.recovery import read_records
from gateway.flash.rows import Extent
from gateway.flash.segments import OpenSegment, SegmentFiles, lock_abandoned, remove_segment
from gateway.flash.touches import Touches
from gateway.telemetry import metrics


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


@dataclass(frozen=True, slots=True)
class Departure:
    """A segment that will leave, locked by its records' descriptor, and what is to stay of it."""

    segment: int
    record_fd: int
    chosen: frozenset[int]
    """The places, among its records, of the chunks to carry."""
    offset: int
    """Where in the new segment space for them begins."""


class Departures:
    """Plans which segments leave, and sees them off; under the directory's lock."""

    def __init__(self, parts: SpaceParts) -> None:
        """Use `parts`."""
        self._parts = parts
        self.bytes_carried = 0

    @contextlib.contextmanager
    def planned(
        self, files: list[SegmentFiles], bytes_max: int, target: OpenSegment | None
    ) -> Iterator[list[Departure]]:
        """Plan to keep of `files`, which is shortened, only the newest up to `bytes_max`.

        What is hot gets space in `target`; without one nothing is carried. Segments that a process
        is writing to stay. Within the context nobody else evicts those that leave.
        """
        departures: list[Departure] = []
        carry_left = carry_bytes_max(self._parts.division.segment_bytes) if target else 0
        occupied = occupied_bytes(files)
        try:
            for victim in list(files):
                if occupied <= bytes_max:
                    break
                record_fd = lock_abandoned(self._parts.segments_fd, victim.segment)
                if record_fd is None:
                    continue
                departures.append(Departure(victim.segment, record_fd, frozenset(), 0))
                occupied -= victim.occupied_bytes
                files.remove(victim)
                if target is not None:
                    departures[-1], taken = self._chosen(departures[-1], target, carry_left)
                    carry_left -= taken
            yield departures
        finally:
            for departure in departures:
                os.close(departure.record_fd)

    def _chosen(
        self, departure: Departure, target: OpenSegment, bytes_max: int
    ) -> tuple[Departure, int]:
        """Take space for what is hot; return the departure with it, and its bytes."""
        touches, keys = self._parts.touches, self._parts.index.keys
        candidates, record_bytes = [], []
        for group in self._records(departure):
            for record in group:
                heat = touches.heat(record.body, record.number)
                candidates.append(Candidate(record.extent.length, heat))
                record_bytes.append(RecordWriter(record, keys).record_bytes if heat else 0)
        chosen = choose_carried(candidates, bytes_max)
        taken = sum(candidates[place].length for place in chosen)
        offset = target.take_block(taken, sum(record_bytes[place] for place in chosen))
        if offset is None:
            return departure, 0
        plan = Departure(departure.segment, departure.record_fd, frozenset(chosen), offset)
        return plan, taken

    def depart(self, departure: Departure, target: OpenSegment | None) -> None:
        """Carry, forget and remove a segment; raises OSError and the index's trouble."""
        parts = self._parts
        if target is not None:
            self._carry(departure, target)
        parts.faults.at("evict.carried")
        for group in self._records(departure):
            self._forget(group)
        parts.faults.at("evict.forgotten")
        remove_segment(parts.segments_fd, departure.segment)
        parts.faults.at("evict.unlinked")
        parts.readers.drop_segment(departure.segment)

    def _records(self, departure: Departure) -> Iterator[list[Record]]:
        group_max = self._parts.division.group_changes_max
        return read_records(
            departure.record_fd, departure.segment, group_max, self._parts.index.keys
        )

    def _forget(self, records: list[Record]) -> None:
        def apply(writing: Writing) -> None:
            owners = {
                record.body: record.name
                for record in records
                if writing.delete_chunk(record.body, record.number, record.extent)
            }
            for body, name in owners.items():
                writing.delete_row_without_chunks(name, body)

        self._parts.committer.wait_committed(apply)

    def _carry(self, departure: Departure, target: OpenSegment) -> None:
        """Copy the chosen chunks to their space, and cool all that were there."""
        place, offset = 0, departure.offset
        for group in self._records(departure):
            moved: list[tuple[Record, Extent]] = []
            for at, record in enumerate(group, place):
                self._parts.touches.cool(record.body, record.number)
                if at in departure.chosen:
                    extent = self._copy(record, target, offset)
                    offset += record.extent.length
                    moved += [] if extent is None else [(record, extent)]
            place += len(group)
            self._commit_moved(moved, target)

    def _copy(self, record: Record, target: OpenSegment, offset: int) -> Extent | None:
        """Copy a chunk that still lies where its record says; None if it does not, or is bad."""
        old = record.extent
        numbers = range(record.number, record.number + 1)
        if self._parts.index.extents(record.body, numbers).get(record.number) != old:
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


def occupied_bytes(files: list[SegmentFiles]) -> int:
    """Return what those segments occupy."""
    return sum(entry.occupied_bytes for entry in files)
