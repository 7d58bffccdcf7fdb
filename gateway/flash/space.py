"""Making room: new segments come in under a lock of all processes, and old ones leave for them.

Runs on the keeper's thread.
"""

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

from gateway.flash.admission import Division
from gateway.flash.committer import ALLOWANCE_KEY, SIZE_KEY
from gateway.flash.departures import Departure, Departures, SpaceParts, Targets, occupied_bytes
from gateway.flash.eviction import (
    COMMON_TERMS,
    NOBODY,
    Asking,
    Standing,
    find_expired,
    is_kept_wanted,
    is_share_full,
)
from gateway.flash.giving_way import is_disk_full, mark_purge
from gateway.flash.index import Writing
from gateway.flash.purposes import KEPT, Label, Purpose
from gateway.flash.recovery import close_abandoned
from gateway.flash.segments import (
    OpenSegment,
    SegmentFiles,
    list_segments,
    lock_abandoned,
    read_label,
    remove_segment,
)
from gateway.telemetry import metrics

_SWEEPS = 8
_EVICTED_WHEN_FULL = 2
Deliver = Callable[[Purpose, OpenSegment], None]


class Space:
    """Allocation and eviction; not thread-safe in itself: the keeper's thread alone calls it."""

    def __init__(self, parts: SpaceParts) -> None:
        """Use `parts`, which the volume opens and closes."""
        self._parts = parts
        self._known_sealed: set[int] = set()
        self._labels: dict[int, Label] = {}
        self._swept_key = b""
        self._departures = Departures(parts)
        self.segments_evicted = 0

    @property
    def bytes_carried(self) -> int:
        """Return how much was carried over from segments that left."""
        return self._departures.bytes_carried

    def new_segment(
        self, purpose: Purpose, active: Mapping[Purpose, OpenSegment], deliver: Deliver
    ) -> None:
        """Hand a new open segment to `deliver`, or none if there is no room; raises its trouble.

        The space of one segment is kept free at rest, so that the new segment usually comes first.
        What is carried over has its place in a segment before that is delivered, and is copied
        after: those who wait for the segment do not wait for that. `active` are this process's
        open segments; where eviction is near and none of them takes what is kept, that comes first.
        """
        terms = self._parts.keeping().groups.get(purpose.group, COMMON_TERMS)
        coming_bytes = self._parts.division.within(terms.bytes_max).new_segment_bytes
        with self._parts.lock.held():
            files = self.standing()
            made = 0
            while purpose != KEPT and self._is_kept_wanted(files, active.get(KEPT), made):
                made += 1
                # For the same one: what may not leave for it may not leave for this either.
                self._add(files, KEPT, Asking(terms), active, deliver)
            self._add(files, purpose, Asking(terms, coming_bytes), active, deliver)

    def _is_kept_wanted(self, files: list[Standing], kept: OpenSegment | None, made: int) -> bool:
        division = self._parts.division
        rest_max = self._room() - division.new_segment_bytes
        free = kept.free_bytes if kept is not None and not kept.is_sealed else 0
        return is_kept_wanted(occupied_bytes(files), rest_max, free, division.segment_bytes, made)

    def _add(
        self,
        files: list[Standing],
        purpose: Purpose,
        asking: Asking,
        active: Mapping[Purpose, OpenSegment],
        deliver: Deliver,
    ) -> None:
        division = self._parts.division
        groups = self._parts.keeping().groups
        is_group = purpose.group in groups
        room = self._room()
        self._evict_to(files, room, asking)
        if occupied_bytes(files) > room or is_share_full(files, asking, groups):
            return
        made_in = division.within(groups[purpose.group].bytes_max) if is_group else division
        segment = self._created(files, purpose, made_in)
        segment.join()
        try:
            targets = {key: active[key] for key in (KEPT,) if key in active}
            if is_group or purpose == KEPT:
                targets[purpose] = segment
            bytes_max = room - division.new_segment_bytes
            with self._departures.planned(files, bytes_max, asking, targets) as departures:
                deliver(purpose, segment)
                for departure in departures:
                    self._depart(departure)
            files.append(Standing(segment.segment, made_in.new_segment_bytes, segment.label))
        finally:
            if segment.leave():
                segment.seal()

    def _room(self) -> int:
        """Return what segments may occupy before one more comes."""
        return self._bytes_max(self._allowance()) - self._parts.division.new_segment_bytes

    def _bytes_max(self, allowance: int) -> int:
        """Return what segments may occupy in the size that all processes share.

        A process that was not told of another size yet must neither exceed it nor evict what it
        does not know to have room.
        """
        division = self._parts.division
        shared = int(self._parts.index.find_meta(SIZE_KEY) or division.size_bytes)
        return replace(division, size_bytes=shared).segments_bytes_max(allowance)

    def _created(self, files: list[Standing], purpose: Purpose, division: Division) -> OpenSegment:
        """Return a new segment; where the disk is full before flash is, evict and try again."""
        parts = self._parts
        number = self._next_id(files)
        label = Label(purpose, time.time_ns())
        try:
            return OpenSegment(parts.segments_fd, number, division, parts.faults, label)
        except OSError as error:
            if not is_disk_full(error):
                raise
        wanted = _EVICTED_WHEN_FULL * division.new_segment_bytes
        self._evict_to(files, max(occupied_bytes(files) - wanted, 0))
        return OpenSegment(parts.segments_fd, number, division, parts.faults, label)

    def raise_allowance(self) -> bool:
        """Let the index grow: make room for that, then say so; return False if there is none."""
        division = self._parts.division
        with self._parts.lock.held():
            wanted = division.allowance_for(self._parts.index.file_bytes)
            if wanted <= self._allowance():
                return True
            room = self._bytes_max(wanted)
            files = self.standing()
            self._evict_to(files, room - division.new_segment_bytes)
            if occupied_bytes(files) > room:
                return False
            value = str(wanted).encode()
            self._parts.committer.wait_committed(lambda w: w.put_meta(ALLOWANCE_KEY, value))
            return True

    def relieve_index(self) -> None:
        """Take rows out of an index that is nearly full: the next segment's, and idle ones."""
        self.evict_next(1)
        for _ in range(_SWEEPS):
            self._parts.committer.wait_committed(self._sweep)

    def _sweep(self, writing: Writing) -> None:
        count_max = self._parts.division.group_changes_max
        self._swept_key = writing.delete_rows_without_chunks(self._swept_key, count_max)

    def evict_next(self, count: int) -> None:
        """Evict so many segments, those that are to leave next."""
        for _ in range(count):
            with self._parts.lock.held():
                files = self.standing()
                self._evict_to(files, occupied_bytes(files) - 1)

    def evict_all(self) -> None:
        """Evict every segment that no process is writing to, whatever keeps it."""
        with self._parts.lock.held():
            for one in self.standing():
                self._see_off(one)

    def expire(self) -> None:
        """Evict the segments that hold what is older than its rule allows."""
        groups = self._parts.keeping().groups
        if not any(terms.ttl_ns for terms in groups.values()):
            return
        with self._parts.lock.held():
            files = self.standing()
            while (expired := find_expired(files, groups, time.time_ns())) is not None:
                files.remove(expired)
                self._see_off(expired)

    def _see_off(self, one: Standing) -> None:
        record_fd = lock_abandoned(self._parts.segments_fd, one.segment)
        if record_fd is not None:
            try:
                self._depart(Departure(one.segment, one.label, record_fd))
            finally:
                os.close(record_fd)

    def fit(self) -> None:
        """Shrink to the size, which may be smaller than when flash was opened last.

        Files go first and rows later, so that it takes no time. What may not be evicted for others
        gives way to the size, at last.
        """
        parts = self._parts
        room = self._room()
        with parts.lock.held():
            files = self.standing()
            if occupied_bytes(files) <= room:
                return
            mark_purge(parts.directory_fd)
            order = self._departures.order_of_leaving(files)
            for one in order:
                if occupied_bytes(files) <= room:
                    return
                record_fd = lock_abandoned(parts.segments_fd, one.segment)
                if record_fd is not None:
                    remove_segment(parts.segments_fd, one.segment)
                    os.close(record_fd)
                    parts.readers.drop_segment(one.segment)
                    files.remove(one)
                    self.segments_evicted += 1
                    metrics.segments_evicted.inc()

    def standing(self) -> list[Standing]:
        """Return the segments, oldest first, with what each is for."""
        return [
            Standing(files.segment, files.occupied_bytes, self._label(files.segment))
            for files in self.settled_files()
        ]

    def is_of(self, segment: int, purpose: Purpose) -> bool:
        """Return whether a segment is of that purpose, or gone."""
        try:
            return self._label(segment).purpose == purpose
        except FileNotFoundError:
            return True

    def _label(self, segment: int) -> Label:
        label = self._labels.get(segment)
        if label is None:
            label = self._labels[segment] = read_label(self._parts.segments_fd, segment)
        return label

    def settled_files(self) -> list[SegmentFiles]:
        """Return the segments, after the leavings of dead processes were put in order."""
        segments_fd = self._parts.segments_fd
        listed = list_segments(segments_fd)
        numbers = {files.segment for files in listed}
        self._known_sealed &= numbers
        for gone in self._labels.keys() - numbers:
            del self._labels[gone]
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

    def _next_id(self, files: list[Standing]) -> int:
        """Return an id never used in this directory, while any process knows of the old ones."""
        descriptor = os.open("next", os.O_RDWR | os.O_CREAT, 0o600, dir_fd=self._parts.directory_fd)
        try:
            stored = int.from_bytes(os.pread(descriptor, 8, 0), "little")
            segment = max(stored, files[-1].segment + 1 if files else 1)
            os.pwrite(descriptor, (segment + 1).to_bytes(8, "little"), 0)
        finally:
            os.close(descriptor)
        return segment

    def _evict_to(self, files: list[Standing], bytes_max: int, asking: Asking = NOBODY) -> None:
        """Evict until the rest occupy at most `bytes_max`, without carrying; shortens `files`."""
        with self._departures.planned(files, bytes_max, asking, _NOWHERE) as departures:
            for departure in departures:
                self._depart(departure)

    def _depart(self, departure: Departure) -> None:
        self._departures.depart(departure)
        self._known_sealed.discard(departure.segment)
        self.segments_evicted += 1
        metrics.segments_evicted.inc()


_NOWHERE: Final[Targets] = {}
