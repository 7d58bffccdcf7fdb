"""Making room: new segments come in under a lock of all processes, and old ones leave before.

Runs on the keeper's thread. The order of an eviction makes every kill harmless: hot chunks are
copied and committed at their new place, then the old segment's rows are removed, then its files. A
row never outlives its segment, and a segment without rows is merely evicted again.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass

from gateway.flash.admission import Division
from gateway.flash.committer import ALLOWANCE_KEY, Change, Committer
from gateway.flash.eviction import Candidate, carry_bytes_max, choose_carried
from gateway.flash.faults import Faults
from gateway.flash.index import Index, Writing
from gateway.flash.locks import DirectoryLock
from gateway.flash.readers import Readers
from gateway.flash.record import Record, RecordWriter
from gateway.flash.recovery import close_abandoned, read_records
from gateway.flash.rows import Extent
from gateway.flash.segments import (
    OpenSegment,
    SegmentFiles,
    list_segments,
    lock_abandoned,
    remove_segment,
)
from gateway.flash.touches import Touches
from gateway.telemetry import metrics

_SWEPT_ROWS_MAX = 4096


@dataclass(slots=True)
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


class Space:
    """Allocation and eviction; not thread-safe in itself: the keeper's thread alone calls it."""

    def __init__(self, parts: SpaceParts) -> None:
        """Use `parts`, which the volume opens and closes."""
        self._parts = parts
        self._known_sealed: set[int] = set()
        self._swept_key = b""
        self.segments_evicted = 0
        self.chunks_carried = 0
        self.bytes_carried = 0

    def new_segment(self) -> OpenSegment | None:
        """Return a new open segment; None if all segments are in use. Raises OSError and others.

        The space of one segment is kept free at rest, so that usually the new segment comes first
        and takes up what is carried over.
        """
        division = self._parts.division
        with self._parts.lock.held():
            files = self.settled_files()
            room = division.segments_bytes_max(self._allowance()) - division.new_segment_bytes
            self._evict_to(files, room, None)
            if _occupied(files) > room:
                return None
            segment = OpenSegment(
                self._parts.segments_fd, self._next_id(files), division, self._parts.faults
            )
            segment.join()
            try:
                self._evict_to(files, room - division.new_segment_bytes, segment)
            except BaseException:
                segment.abandon()
                raise
            segment.leave()
            return segment

    def raise_allowance(self) -> bool:
        """Let the index grow: make room for that, then say so; return False if there is none."""
        division = self._parts.division
        with self._parts.lock.held():
            wanted = division.allowance_for(self._parts.index.file_bytes)
            if wanted <= self._allowance():
                return True
            room = division.segments_bytes_max(wanted)
            files = self.settled_files()
            self._evict_to(files, room - division.new_segment_bytes, None)
            if _occupied(files) > room:
                return False
            value = str(wanted).encode()
            self._parts.committer.wait_committed(lambda w: w.put_meta(ALLOWANCE_KEY, value))
            return True

    def relieve_index(self) -> None:
        """Take rows out of an index that is nearly full: the oldest segment's, and idle ones."""
        with self._parts.lock.held():
            files = self.settled_files()
            self._evict_to(files, _occupied(files) - 1, None)

        def sweep(writing: Writing) -> None:
            self._swept_key = writing.delete_rows_without_chunks(self._swept_key, _SWEPT_ROWS_MAX)

        self._parts.committer.wait_committed(sweep)

    def evict_all(self) -> None:
        """Evict every segment that no process is writing to."""
        with self._parts.lock.held():
            self._evict_to(self.settled_files(), 0, None)

    def fit(self) -> None:
        """Evict down to the size, which may be smaller than when flash was opened last."""
        division = self._parts.division
        with self._parts.lock.held():
            files = self.settled_files()
            room = division.segments_bytes_max(self._allowance())
            self._evict_to(files, room - division.new_segment_bytes, None)

    def settled_files(self) -> list[SegmentFiles]:
        """Return the segments, after the leavings of dead processes were put in order."""
        segments_fd = self._parts.segments_fd
        listed = list_segments(segments_fd)
        self._known_sealed &= {files.segment for files in listed}
        is_changed = False
        for files in listed:
            if not files.is_whole:
                remove_segment(segments_fd, files.segment)
                is_changed = True
            elif files.segment not in self._known_sealed and close_abandoned(
                segments_fd, files.segment
            ):
                self._known_sealed.add(files.segment)
                is_changed = True
        return list_segments(segments_fd) if is_changed else listed

    def _allowance(self) -> int:
        return int(self._parts.index.find_meta(ALLOWANCE_KEY) or 0)

    def _next_id(self, files: list[SegmentFiles]) -> int:
        """Return an id never used in this directory, while any process knows of the old ones."""
        descriptor = os.open("next", os.O_RDWR | os.O_CREAT, 0o644, dir_fd=self._parts.directory_fd)
        try:
            stored = int.from_bytes(os.pread(descriptor, 8, 0), "little")
            segment = max(stored, files[-1].segment + 1 if files else 1)
            os.pwrite(descriptor, (segment + 1).to_bytes(8, "little"), 0)
        finally:
            os.close(descriptor)
        return segment

    def _evict_to(
        self, files: list[SegmentFiles], bytes_max: int, target: OpenSegment | None
    ) -> None:
        """Evict the oldest of `files` until the rest occupy at most `bytes_max`; shortens `files`.

        Hot chunks go to `target`; without one nothing is carried.
        """
        carry_left = carry_bytes_max(self._parts.division.segment_bytes) if target else 0
        occupied = _occupied(files)
        for victim in list(files):
            if occupied <= bytes_max:
                return
            carried = self._evict(victim.segment, target, carry_left)
            if carried is not None:
                carry_left -= carried
                occupied -= victim.occupied_bytes
                files.remove(victim)

    def _evict(self, segment: int, target: OpenSegment | None, carry_left: int) -> int | None:
        """Evict one segment; return the bytes carried, None if a process is writing to it."""
        parts = self._parts
        record_fd = lock_abandoned(parts.segments_fd, segment)
        if record_fd is None:
            return None
        try:
            carried = 0
            if target is not None:
                carried = self._carry(record_fd, segment, target, carry_left)
            parts.faults.at("evict.carried")
            for group in self._records(record_fd, segment):
                self._forget(group)
            parts.faults.at("evict.forgotten")
            remove_segment(parts.segments_fd, segment)
            parts.faults.at("evict.unlinked")
        finally:
            os.close(record_fd)
        parts.readers.drop_segment(segment)
        self._known_sealed.discard(segment)
        self.segments_evicted += 1
        metrics.segments_evicted.inc()
        return carried

    def _records(self, record_fd: int, segment: int) -> Iterator[list[Record]]:
        return read_records(record_fd, segment, self._parts.division.group_changes_max)

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

    def _carry(self, record_fd: int, segment: int, target: OpenSegment, bytes_max: int) -> int:
        """Copy the hottest chunks to `target`; return their bytes."""
        touches = self._parts.touches
        candidates = [
            Candidate(record.extent.length, touches.heat(record.body, record.number))
            for group in self._records(record_fd, segment)
            for record in group
        ]
        chosen = set(choose_carried(candidates, bytes_max))
        place = carried = 0
        for group in self._records(record_fd, segment):
            wanted = [record for at, record in enumerate(group, place) if at in chosen]
            place += len(group)
            for record in group:
                touches.cool(record.body, record.number)
            carried += self._move(wanted, target)
        return carried

    def _move(self, records: list[Record], target: OpenSegment) -> int:
        moved: list[tuple[Record, Extent, bytes]] = []
        for record in records:
            copied = self._copy(record, target)
            if copied is not None:
                moved.append((record, *copied))
        if not moved:
            return 0

        def append() -> None:
            for _, _, encoded in moved:
                target.append(encoded)

        def apply(writing: Writing) -> None:
            for record, extent, _ in moved:
                writing.move_chunk(record.body, record.number, record.extent, extent)

        self._parts.committer.wait_change(Change(apply, prepare=append))
        for _, extent, _ in moved:
            self._parts.readers.note_proven(extent)
        self.chunks_carried += len(moved)
        metrics.chunks_carried.inc(len(moved))
        carried = sum(extent.length for _, extent, _ in moved)
        self.bytes_carried += carried
        return carried

    def _copy(self, record: Record, target: OpenSegment) -> tuple[Extent, bytes] | None:
        """Copy a chunk that still lies where its record says; None if it does not, or is bad."""
        old = record.extent
        numbers = range(record.number, record.number + 1)
        if self._parts.index.extents(record.body, numbers).get(record.number) != old:
            return None
        data = self._parts.readers.read(old)
        if data is None:
            return None
        writer = RecordWriter(record)
        offset, count = target.take([old.length], writer.record_bytes)
        if not count:
            return None
        target.write(offset, data)
        target.leave()
        extent = Extent(target.segment, offset, old.length, old.crc32c)
        return extent, writer.encode(record.number, extent)


def _occupied(files: list[SegmentFiles]) -> int:
    return sum(entry.occupied_bytes for entry in files)
