"""Segment files: bodies lie contiguously in `NNNNNNNN.seg`, their records in `NNNNNNNN.rec`.

A segment is written by one process, which holds a lock on the `.rec` file while it is open; both
files are allocated in full at once, so that a full disk shows at creation, and cut to what was used
when the segment is sealed. A `.rec` that is unlocked and ends without a seal was left by a
dead process. Nothing here is synced: what a power loss takes is found by CRC.
"""

import fcntl
import os
import re
import threading
from dataclasses import dataclass

from gateway.flash.admission import Division, rounded_up
from gateway.flash.faults import Faults
from gateway.flash.locks import find_flock
from gateway.flash.purposes import UNLABELLED, Label
from gateway.flash.record import (
    LABEL_BYTES,
    SEAL_BYTES,
    Seal,
    encode_label,
    encode_seal,
    find_label,
    find_seal,
)
from gateway.model.failures import FlashTrouble

_NAME = re.compile(r"(\d{8,10})\.(seg|rec)")


@dataclass(frozen=True, slots=True)
class SegmentFiles:
    """A segment as the directory shows it; a length of -1 is a file that is not there."""

    segment: int
    data_bytes: int
    record_bytes: int

    @property
    def occupied_bytes(self) -> int:
        """Return what both files occupy, in whole blocks."""
        return rounded_up(max(self.data_bytes, 0)) + rounded_up(max(self.record_bytes, 0))

    @property
    def is_whole(self) -> bool:
        """Return whether both files are there."""
        return self.data_bytes >= 0 and self.record_bytes >= 0


def data_name(segment: int) -> str:
    """Return the file name of a segment's bodies."""
    return f"{segment:08d}.seg"


def record_name(segment: int) -> str:
    """Return the file name of a segment's records."""
    return f"{segment:08d}.rec"


def list_segments(directory_fd: int) -> list[SegmentFiles]:
    """Return the segments of the directory, oldest first; raises OSError."""
    found: dict[int, dict[str, int]] = {}
    with os.scandir(directory_fd) as entries:
        for entry in entries:
            match = _NAME.fullmatch(entry.name)
            if match is not None:
                try:
                    length = entry.stat().st_size
                except FileNotFoundError:
                    continue
                found.setdefault(int(match[1]), {})[match[2]] = length
    return [
        SegmentFiles(segment, lengths.get("seg", -1), lengths.get("rec", -1))
        for segment, lengths in sorted(found.items())
    ]


def remove_segment(directory_fd: int, segment: int) -> None:
    """Unlink a segment; readers that hold it open finish safely. Raises OSError.

    The records go last: while they are there, whoever finds the rest can tell whose it was.
    """
    for name in (data_name(segment), record_name(segment)):
        try:
            os.unlink(name, dir_fd=directory_fd)
        except FileNotFoundError:
            continue


def read_label(directory_fd: int, segment: int) -> Label:
    """Return what a segment is for; raises OSError, FileNotFoundError where it is gone."""
    descriptor = os.open(record_name(segment), os.O_RDONLY, dir_fd=directory_fd)
    try:
        return find_label(os.pread(descriptor, LABEL_BYTES, 0))
    finally:
        os.close(descriptor)


def find_sealed(record_fd: int) -> Seal | None:
    """Return the seal at the end of a records log, if it was closed in order; raises OSError."""
    length = os.fstat(record_fd).st_size
    return find_seal(os.pread(record_fd, SEAL_BYTES, max(0, length - SEAL_BYTES)))


def lock_abandoned(directory_fd: int, segment: int) -> int | None:
    """Return a descriptor of the segment's records, locked; None if a process is using it.

    Raises OSError. Closing the descriptor unlocks.
    """
    return find_flock(directory_fd, record_name(segment), fcntl.LOCK_EX)


class OpenSegment:
    """A segment that this process writes; its methods may be called from any thread."""

    def __init__(
        self,
        directory_fd: int,
        segment: int,
        division: Division,
        faults: Faults,
        label: Label = UNLABELLED,
    ) -> None:
        """Create and allocate both files, or leave nothing behind; raises OSError."""
        self.segment = segment
        self.label = label
        self._faults = faults
        self._data_bytes_max = division.segment_bytes
        self._record_bytes_max = division.record_bytes - SEAL_BYTES
        self._data_tail = 0
        self._record_tail = self._record_bytes_taken = LABEL_BYTES
        self._users = 0
        self._is_closing = False
        self._is_sealed = False
        self._lock = threading.Lock()
        self._fds: list[int] = []
        try:
            faults.at("segment.create")
            self._fds.append(self._create(directory_fd, record_name(segment)))
            fcntl.flock(self._fds[0], fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.posix_fallocate(self._fds[0], 0, division.record_bytes)
            os.pwrite(self._fds[0], encode_label(label), 0)
            self._fds.append(self._create(directory_fd, data_name(segment)))
            os.posix_fallocate(self._fds[1], 0, division.segment_bytes)
        except BaseException:
            if self._fds:
                remove_segment(directory_fd, segment)
            self._close_files()
            raise
        self._record_fd, self._data_fd = self._fds

    @staticmethod
    def _create(directory_fd: int, name: str) -> int:
        return os.open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600, dir_fd=directory_fd)

    @property
    def free_bytes(self) -> int:
        """Return how much data still fits."""
        return self._data_bytes_max - self._data_tail

    @property
    def is_sealed(self) -> bool:
        """Return whether it was sealed or abandoned."""
        return self._is_sealed

    def take(self, lengths: list[int], record_bytes: int) -> tuple[int, int]:
        """Reserve space for as many of the leading `lengths` as fit; return offset and count.

        Unless the count is 0 the caller is a user of the segment until `leave`.
        """
        with self._lock:
            count, data_tail, records = 0, self._data_tail, self._record_bytes_taken
            if not self._is_closing:
                for length in lengths:
                    fits = data_tail + length <= self._data_bytes_max
                    if not fits or records + record_bytes > self._record_bytes_max:
                        break
                    count, data_tail, records = (
                        count + 1,
                        data_tail + length,
                        records + record_bytes,
                    )
            offset = self._data_tail
            if count:
                self._data_tail, self._record_bytes_taken = data_tail, records
                self._users += 1
            return offset, count

    def take_block(self, length: int, record_bytes: int) -> int | None:
        """Reserve space for several chunks at once, and for their records; None if it does not fit.

        The caller is a user already.
        """
        with self._lock:
            fits = self._data_tail + length <= self._data_bytes_max
            if not fits or self._record_bytes_taken + record_bytes > self._record_bytes_max:
                return None
            offset, self._data_tail = self._data_tail, self._data_tail + length
            self._record_bytes_taken += record_bytes
            return offset

    def give_back(self, start: int, stop: int, record_bytes: int) -> None:
        """Return reserved space that was never written to; it is regained if it lies at the end."""
        with self._lock:
            if self._data_tail == stop:
                self._data_tail = start
            self._record_bytes_taken -= record_bytes

    def join(self) -> None:
        """Become a user: the segment is not sealed before `leave`."""
        with self._lock:
            self._users += 1

    def leave(self) -> bool:
        """Stop being a user; return whether the segment is to be sealed now."""
        with self._lock:
            self._users -= 1
            if self._users == 0 and self._is_sealed:
                self._close_files()
            return self._is_closing and self._users == 0 and not self._is_sealed

    def retire(self) -> bool:
        """Take no more reservations; return whether the segment is to be sealed now."""
        with self._lock:
            was_closing, self._is_closing = self._is_closing, True
            return not was_closing and self._users == 0

    def write(self, offset: int, data: bytes | bytearray | memoryview) -> None:
        """Write data to reserved space; raises OSError."""
        self._faults.at("segment.write")
        view = memoryview(data)
        while view:
            written = os.pwrite(self._data_fd, view, offset)
            view, offset = view[written:], offset + written

    def append(self, record: bytes) -> None:
        """Append a record to the log; only the committer's thread does. Raises OSError."""
        self._faults.at("record.append")
        if self._is_sealed:
            raise FlashTrouble("the segment is sealed")
        if os.pwrite(self._record_fd, record, self._record_tail) != len(record):
            raise FlashTrouble("a record was written in part")
        self._record_tail += len(record)
        self._faults.at("record.appended")

    def seal(self) -> None:
        """Cut both files to what is used and let the lock go; raises OSError."""
        try:
            self._faults.at("segment.seal")
            with self._lock:
                if self._is_sealed or self._users:
                    return
                self._is_sealed = True
            data_bytes, record_bytes = self._data_tail, self._record_tail
            seal_files(self._record_fd, self._data_fd, self.segment, data_bytes, record_bytes)
        finally:
            self.abandon()

    def abandon(self) -> None:
        """Close the files as they are, once nobody uses them: whoever finds them cuts them.

        Before that the descriptors must stay, or a late write would go to whatever has their
        numbers next.
        """
        with self._lock:
            self._is_closing = self._is_sealed = True
            if self._users == 0:
                self._close_files()

    def _close_files(self) -> None:
        while self._fds:
            os.close(self._fds.pop())


def seal_files(
    record_fd: int, data_fd: int, segment: int, data_bytes: int, record_bytes: int
) -> None:
    """Cut a segment to what is used, the records last, since their seal says that all is done."""
    os.ftruncate(data_fd, data_bytes)
    os.pwrite(record_fd, encode_seal(Seal(segment, data_bytes)), record_bytes)
    os.ftruncate(record_fd, record_bytes + SEAL_BYTES)
