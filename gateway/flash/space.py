"""Making room: new segments come in under a lock of all processes, and old ones leave for them.

Runs on the keeper's thread.
"""

import os
from collections.abc import Callable

from gateway.flash.committer import ALLOWANCE_KEY
from gateway.flash.departures import Departure, Departures, SpaceParts, occupied_bytes
from gateway.flash.giving_way import is_disk_full
from gateway.flash.index import Writing
from gateway.flash.recovery import close_abandoned
from gateway.flash.segments import OpenSegment, SegmentFiles, list_segments, remove_segment
from gateway.telemetry import metrics

_SWEEPS = 8
_EVICTED_WHEN_FULL = 2


class Space:
    """Allocation and eviction; not thread-safe in itself: the keeper's thread alone calls it."""

    def __init__(self, parts: SpaceParts) -> None:
        """Use `parts`, which the volume opens and closes."""
        self._parts = parts
        self._known_sealed: set[int] = set()
        self._swept_key = b""
        self._departures = Departures(parts)
        self.segments_evicted = 0

    @property
    def bytes_carried(self) -> int:
        """Return how much was carried over from segments that left."""
        return self._departures.bytes_carried

    def new_segment(self, deliver: Callable[[OpenSegment], None]) -> None:
        """Hand a new open segment to `deliver`, or none if all are in use; raises its trouble.

        The space of one segment is kept free at rest, so that the new segment usually comes first.
        What is carried over has its place in it before it is delivered, and is copied after: those
        who wait for the segment do not wait for that.
        """
        division = self._parts.division
        with self._parts.lock.held():
            files = self.settled_files()
            room = division.segments_bytes_max(self._allowance()) - division.new_segment_bytes
            self._evict_to(files, room)
            if occupied_bytes(files) > room:
                return
            segment = self._created(files)
            segment.join()
            try:
                bytes_max = room - division.new_segment_bytes
                with self._departures.planned(files, bytes_max, segment) as departures:
                    deliver(segment)
                    for departure in departures:
                        self._depart(departure, segment)
            finally:
                if segment.leave():
                    segment.seal()

    def _created(self, files: list[SegmentFiles]) -> OpenSegment:
        """Return a new segment; where the disk is full before flash is, evict and try again."""
        parts = self._parts
        number = self._next_id(files)
        try:
            return OpenSegment(parts.segments_fd, number, parts.division, parts.faults)
        except OSError as error:
            if not is_disk_full(error):
                raise
        wanted = _EVICTED_WHEN_FULL * parts.division.new_segment_bytes
        self._evict_to(files, max(occupied_bytes(files) - wanted, 0))
        return OpenSegment(parts.segments_fd, number, parts.division, parts.faults)

    def raise_allowance(self) -> bool:
        """Let the index grow: make room for that, then say so; return False if there is none."""
        division = self._parts.division
        with self._parts.lock.held():
            wanted = division.allowance_for(self._parts.index.file_bytes)
            if wanted <= self._allowance():
                return True
            room = division.segments_bytes_max(wanted)
            files = self.settled_files()
            self._evict_to(files, room - division.new_segment_bytes)
            if occupied_bytes(files) > room:
                return False
            value = str(wanted).encode()
            self._parts.committer.wait_committed(lambda w: w.put_meta(ALLOWANCE_KEY, value))
            return True

    def relieve_index(self) -> None:
        """Take rows out of an index that is nearly full: the oldest segment's, and idle ones."""
        with self._parts.lock.held():
            files = self.settled_files()
            self._evict_to(files, occupied_bytes(files) - 1)

        for _ in range(_SWEEPS):
            self._parts.committer.wait_committed(self._sweep)

    def _sweep(self, writing: Writing) -> None:
        count_max = self._parts.division.group_changes_max
        self._swept_key = writing.delete_rows_without_chunks(self._swept_key, count_max)

    def evict_all(self) -> None:
        """Evict every segment that no process is writing to."""
        with self._parts.lock.held():
            self._evict_to(self.settled_files(), 0)

    def fit(self) -> None:
        """Evict down to the size, which may be smaller than when flash was opened last."""
        division = self._parts.division
        with self._parts.lock.held():
            files = self.settled_files()
            room = division.segments_bytes_max(self._allowance())
            self._evict_to(files, room - division.new_segment_bytes)

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
                segments_fd, files.segment, self._parts.index.keys
            ):
                self._known_sealed.add(files.segment)
                is_changed = True
        return list_segments(segments_fd) if is_changed else listed

    def _allowance(self) -> int:
        return int(self._parts.index.find_meta(ALLOWANCE_KEY) or 0)

    def _next_id(self, files: list[SegmentFiles]) -> int:
        """Return an id never used in this directory, while any process knows of the old ones."""
        descriptor = os.open("next", os.O_RDWR | os.O_CREAT, 0o600, dir_fd=self._parts.directory_fd)
        try:
            stored = int.from_bytes(os.pread(descriptor, 8, 0), "little")
            segment = max(stored, files[-1].segment + 1 if files else 1)
            os.pwrite(descriptor, (segment + 1).to_bytes(8, "little"), 0)
        finally:
            os.close(descriptor)
        return segment

    def _evict_to(self, files: list[SegmentFiles], bytes_max: int) -> None:
        """Evict the oldest until the rest occupy at most `bytes_max`; shortens `files`."""
        with self._departures.planned(files, bytes_max, None) as departures:
            for departure in departures:
                self._depart(departure, None)

    def _depart(self, departure: Departure, target: OpenSegment | None) -> None:
        self._departures.depart(departure, target)
        self._known_sealed.discard(departure.segment)
        self.segments_evicted += 1
        metrics.segments_evicted.inc()
