"""The scrub: reads all of flash, slowly and for ever, to find what rotted before a reader does.

One process does it for all, whoever holds the lock of the file `scrub`, in which also stands how
far it came, so that the next goes on there. It reads chunk by chunk at its budget, waits while this
process reads for somebody, and leaves the page cache as it found it. What is wrong is quarantined.
A round that began after a power loss ends the doubt about what that may have taken.
"""

import fcntl
import logging
import os
import struct
import threading
import time
from dataclasses import dataclass
from typing import Final

from gateway.flash.departures import SpaceParts
from gateway.flash.index import DOUBTED_KEY, IndexTrouble
from gateway.flash.quarantine import quarantine
from gateway.flash.record import Record
from gateway.flash.recovery import read_records
from gateway.flash.segments import list_segments, record_name
from gateway.model.failures import FlashTrouble
from gateway.telemetry import metrics

_log = logging.getLogger(__name__)
_PLACE: Final = struct.Struct("<QQQ")
_GROUP_RECORDS: Final = 256
_LOOK_SECONDS: Final = 5.0
"""How often a process looks whether the scrub is its own now, and how long a round rests."""
_YIELD_SECONDS: Final = 0.02
_YIELDS_MAX: Final = 50
_BILLED_BYTES_MIN: Final = 64 * 1024
"""What the smallest chunk counts for: to find it and to seek costs more than to read it."""
_TROUBLES: Final = (OSError, IndexTrouble, FlashTrouble, TimeoutError)


@dataclass(slots=True)
class _Place:
    """How far the scrub came: the next segment, when a round ended (s since 1970), what is doubted.

    A place that a round began at under other doubts counts for nothing.
    """

    segment: int = 0
    finished_seconds: int = 0
    doubted_below: int = 0


class Scrub:
    """The scrub's part of one process: a thread that waits for its turn."""

    def __init__(self, parts: SpaceParts, bytes_per_second: int) -> None:
        """Read at most `bytes_per_second`, which is not 0."""
        self._parts = parts
        self._bytes_per_second = bytes_per_second
        self._stop = threading.Event()
        self._due_seconds = 0.0
        self._thread = threading.Thread(target=self._run, name="flash-scrub", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def close(self, seconds_max: float = 10.0) -> None:
        """Stop in the middle of whatever it does; the place is kept."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(seconds_max)

    def _run(self) -> None:
        while not self._stop.wait(_LOOK_SECONDS):
            try:
                self.run_round()
            except _TROUBLES as error:
                # A sick disk is for those to report who need it; the next round finds it well.
                _log.info("flash: the scrub was interrupted: %s", error)

    def run_round(self) -> bool:
        """Go from the place kept to the end, if no other process is at it; say whether it did.

        Raises OSError and the index's trouble.
        """
        flags = os.O_RDWR | os.O_CREAT
        descriptor = os.open("scrub", flags, 0o600, dir_fd=self._parts.directory_fd)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return self._round(descriptor)
        except BlockingIOError:
            return False
        finally:
            os.close(descriptor)

    def _round(self, descriptor: int) -> bool:
        doubted_below = int(self._parts.index.find_meta(DOUBTED_KEY) or 0)
        place = _read_place(descriptor)
        if place.doubted_below != doubted_below:
            place.segment, place.doubted_below = 0, doubted_below
        metrics.scrub_finished.set(place.finished_seconds)
        for files in list_segments(self._parts.segments_fd):
            if files.segment < place.segment:
                continue
            if not self._scrub_segment(files.segment):
                return False
            place.segment = files.segment + 1
            _write_place(descriptor, place)
        self._end_doubt(doubted_below)
        _write_place(descriptor, _Place(0, int(time.time()), 0))
        metrics.scrub_finished.set(int(time.time()))
        return True

    def _end_doubt(self, doubted_below: int) -> None:
        if doubted_below:
            self._parts.committer.wait_committed(lambda w: w.put_meta(DOUBTED_KEY, b"0"))

    def _scrub_segment(self, segment: int) -> bool:
        """Judge every chunk of a segment that the index knows; False if told to stop."""
        try:
            record_fd = os.open(record_name(segment), os.O_RDONLY, dir_fd=self._parts.segments_fd)
        except FileNotFoundError:
            return True
        try:
            keys = self._parts.index.keys
            for group in read_records(record_fd, segment, _GROUP_RECORDS, keys):
                for record in group:
                    if self._stop.is_set():
                        return False
                    self._scrub_chunk(record)
        finally:
            os.close(record_fd)
        return True

    def _scrub_chunk(self, record: Record) -> None:
        if not self._is_kept(record):
            return
        self._wait_turn(record.extent.length)
        try:
            is_right = self._parts.readers.is_right_on_flash(record.extent)
        except OSError as error:
            _log.info("flash: the scrub cannot read chunk %d: %s", record.number, error)
            return
        metrics.scrub_bytes.inc(record.extent.length)
        if not is_right and self._is_kept(record):
            quarantine(self._parts, record.body, record.number, record.extent, record.name)

    def _is_kept(self, record: Record) -> bool:
        """Return whether the chunk lies there still, and is what reads of it would be given."""
        numbers = range(record.number, record.number + 1)
        held = self._parts.index.extents(record.body, numbers)
        return held.get(record.number) == record.extent

    def _wait_turn(self, length: int) -> None:
        """Wait for the budget, and for a moment in which nobody waits for the disk."""
        now = time.monotonic()
        billed = max(length, _BILLED_BYTES_MIN)
        self._due_seconds = max(self._due_seconds, now) + billed / self._bytes_per_second
        self._stop.wait(max(self._due_seconds - now, 0.0))
        for _ in range(_YIELDS_MAX):
            if not self._parts.readers.is_reading or self._stop.wait(_YIELD_SECONDS):
                return


def _read_place(descriptor: int) -> _Place:
    data = os.pread(descriptor, _PLACE.size, 0)
    return _Place(*_PLACE.unpack(data)) if len(data) == _PLACE.size else _Place()


def _write_place(descriptor: int, place: _Place) -> None:
    data = _PLACE.pack(place.segment, place.finished_seconds, place.doubted_below)
    os.pwrite(descriptor, data, 0)
