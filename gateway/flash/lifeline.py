"""The life of flash in one process: open, in trouble, back again, closed.

    opening -> healthy <-> bypass        healthy: `live` is the volume;   bypass: `live` is None

Any failure of the disk or the index, on any thread, is reported here and makes a bypass of flash at
once. The keeper probes once an interval; when everything works again, on the same volume or a new
one, it first does the forgetting that could not be done meanwhile, and then flash is live again.
"""

import contextlib
import logging
import threading
import time
from concurrent.futures import Future
from itertools import chain
from pathlib import Path
from typing import Final

from gateway.flash.admission import Division
from gateway.flash.distrust import Distrust
from gateway.flash.faults import Faults
from gateway.flash.giving_way import give_way, is_disk_full
from gateway.flash.index import IndexTrouble, Writing, is_beyond_repair
from gateway.flash.keeper import Keeper
from gateway.flash.keeping import Keeping
from gateway.flash.pin_list import read_pins
from gateway.flash.purposes import COMMON, Purpose
from gateway.flash.safeguards import Safeguards
from gateway.flash.segments import OpenSegment
from gateway.flash.settling import Settling
from gateway.flash.volume import Volume
from gateway.model.failures import FlashTrouble
from gateway.model.names import ObjectName
from gateway.model.rules import Rules
from gateway.telemetry import metrics

_log = logging.getLogger(__name__)
TROUBLES: Final = (OSError, IndexTrouble, FlashTrouble, TimeoutError)
"""What a sick disk or index raises; TimeoutError is a disk that does not answer."""
_UNFORGOTTEN_MAX: Final = 65_536
_READER_CHECK_TICKS: Final = 10
_LOOP_SECONDS_MAX: Final = 5.0
_NOTICING_TICKS: Final = 2
"""Within so many looks every process sees that its index is not the one at the path any more."""
_GROUP_SEGMENTS_MAX: Final = 4
"""Segments of groups that a process has open at once; each takes its whole length meanwhile."""
_TTL_PARTS: Final = 8
"""What has a time to live fills a segment for this part of it, so that little leaves early."""


class Lifeline:
    """Owns the volume and the keeper's thread."""

    def __init__(
        self,
        path: Path,
        division: Division,
        faults: Faults,
        settling: Settling,
        distrust: Distrust,
        *,
        safeguards: Safeguards,
        writer: str,
        probe_seconds: float,
        rules: Rules,
    ) -> None:
        """Use `start`."""
        self.keeping = Keeping(rules, (), division.size_bytes)
        """The terms in force; replaced whole."""
        self._path = path
        self.division = division
        self._faults = faults
        self._settling = settling
        self._distrust = distrust
        self._safeguards = safeguards
        self._writer = writer
        self.volume: Volume | None = None
        self.live: Volume | None = None
        self.trouble: str | None = "not opened yet"
        self.unforgotten: dict[ObjectName, int] = {}
        """Names whose removal is not committed yet, with the time it was asked for."""
        self.bypasses = 0
        self._must_reopen = False
        self._is_resized = False
        self._must_discard_index = False
        self._is_room_wanted = False
        self._is_purge_due = False
        self._is_closed = False
        self._ticks = 0
        self._probe_seconds = probe_seconds
        self._noticed_at = 0.0
        """When (monotonic) the others have noticed that this process discarded their index."""
        self.keeper = Keeper(self._tick, probe_seconds, self.report)

    def put_rules(self, rules: Rules) -> None:
        """Judge by other rules from now on."""
        keeping = self.keeping
        self.keeping = Keeping(rules, keeping.pins, self.division.size_bytes, keeping.names_key)

    def resize(self, division: Division) -> "Future[None]":
        """Have the keeper open flash anew in another size; it is a bypass meanwhile, for a moment.

        The future is done when that was tried; what fails is tried again as after any trouble.
        """
        return self.keeper.call(lambda: self._resize(division))

    def _resize(self, division: Division) -> None:
        if self._is_closed or division == self.division:
            return
        _log.info("flash of %s is %d bytes from now on", self._writer, division.size_bytes)
        self.division = division
        keeping = self.keeping
        self.keeping = Keeping(keeping.rules, keeping.pins, division.size_bytes, keeping.names_key)
        self.live, self.trouble = None, "it is given another size"
        self._must_reopen = self._is_resized = True
        self._recover()

    def start(self) -> "Future[None]":
        """Start the keeper and have it open flash; the future is done when it has tried."""
        self.keeper.start()
        return self.keeper.call(self._recover)

    def report(self, error: Exception) -> None:
        """Make a bypass of flash because of `error`; callable from any thread."""
        self._must_reopen |= isinstance(error, IndexTrouble)
        self._must_discard_index |= is_beyond_repair(error)
        was_live = self.live is not None
        self.live = None
        self.trouble = f"{type(error).__name__}: {error}"
        metrics.flash_failures.inc()
        metrics.flash_bypass.set(1)
        if was_live:
            self.bypasses += 1
            _log.warning("flash of %s is bypassed: %s", self._writer, self.trouble)

    def want_room(self) -> None:
        """Have the keeper give the index room to grow, or take rows out of it."""
        if not self._is_room_wanted:
            self._is_room_wanted = True
            self.keeper.call(self._make_room)

    def replace_active(self, volume: Volume, purpose: Purpose) -> "Future[bool]":
        """Have the keeper give `volume` a new segment to write to; False if there is none."""
        answer: Future[bool] = Future()
        self.keeper.call(lambda: self._replace_active(volume, purpose, answer))
        return answer

    def _replace_active(self, volume: Volume, purpose: Purpose, answer: "Future[bool]") -> None:
        if not answer.set_running_or_notify_cancel():
            return
        retired: list[OpenSegment] = []

        def deliver(made: Purpose, segment: OpenSegment) -> None:
            volume.open_segments.add(segment)
            old = volume.active.pop(made, None)
            # Popped first: the order is that of their making, and the oldest group's goes.
            volume.active[made] = segment
            done = (old, _superfluous(volume))
            retired.extend(one for one in done if one is not None and one.retire())
            if made == purpose:
                answer.set_result(True)

        try:
            if volume is self.live:
                volume.space.new_segment(purpose, volume.active, deliver)
        except TROUBLES as error:
            self.report(error)
        if not answer.done():
            answer.set_result(False)
        for segment in retired:
            self._seal(volume, segment)
        volume.open_segments -= {one for one in volume.open_segments if one.is_sealed}

    def renew_active(self, volume: Volume, purpose: Purpose) -> OpenSegment | None:
        """Return a new segment to write to, None if there is none (on the keeper's thread)."""
        answer: Future[bool] = Future()
        self._replace_active(volume, purpose, answer)
        return volume.active.get(purpose) if answer.result() else None

    def look_at_pins(self, volume: Volume) -> None:
        """Go by the pins as they are written down now; raises OSError."""
        pins, keeping = read_pins(volume.directory_fd, volume.keys), self.keeping
        names_key = volume.keys.names_key if volume.keys is not None else b""
        if set(pins) != set(keeping.pins) or names_key != keeping.names_key:
            self.keeping = Keeping(keeping.rules, pins, self.division.size_bytes, names_key)

    def retire_active(self, volume: Volume) -> None:
        """Let the next reservation begin a new segment (on the keeper's thread)."""
        while volume.active:
            old = volume.active.popitem()[1]
            if old.retire():
                self._seal(volume, old)

    def seal(self, volume: Volume, segment: OpenSegment) -> None:
        """Have the keeper seal a segment that nobody uses any more."""
        self.keeper.call(lambda: self._seal(volume, segment))

    def close(self) -> "Future[None]":
        """Have the keeper close the volume."""
        return self.keeper.call(self._close)

    def _seal(self, volume: Volume, segment: OpenSegment) -> None:
        try:
            segment.seal()
        except OSError as error:
            self.report(error)
        volume.open_segments.discard(segment)

    def _close(self) -> None:
        self.live, self.trouble, self._is_closed = None, "closed", True
        self.keeper.background = None
        if self.volume is not None:
            with contextlib.suppress(*TROUBLES):
                # What one process could not note, another must not close over.
                is_all_noted = not self.unforgotten and not self._distrust.until_ns
                self.volume.close(is_all_noted=is_all_noted)
            self.volume = None

    def _make_room(self) -> None:
        self._is_room_wanted = False
        volume = self.live
        if volume is None:
            return
        try:
            has_room = volume.space.raise_allowance()
            if volume.index.used_bytes() > volume.division.index_used_bytes_max:
                volume.space.relieve_index()
        except TROUBLES as error:
            self.report(error)
        else:
            volume.committer.retry_deferred(is_in_vain=not has_room)

    def _tick(self) -> None:
        if self._is_closed:
            return
        if self.live is None:
            self._recover()
            return
        try:
            self._look_after(self.live)
        except TROUBLES as error:
            self.report(error)

    def _look_after(self, volume: Volume) -> None:
        if not volume.is_current():
            raise FlashTrouble("the directory is not there any more")
        volume.readers.drop_unlinked()
        volume.committer.retry_deferred()
        metrics.flash_bytes.set(sum(entry.occupied_bytes for entry in volume.segments()))
        self._ticks += 1
        if self._ticks % _READER_CHECK_TICKS == 0:
            volume.index.free_dead_readers()
        self.look_at_pins(volume)
        self._retire_aged(volume)
        volume.space.expire()
        if self.keeper.background is None:
            self._work_in_background(volume)

    def _retire_aged(self, volume: Volume) -> None:
        """Begin new segments for what has a time to live, since whole segments leave by it."""
        groups, now_ns = self.keeping.groups, time.time_ns()
        for purpose, segment in list(volume.active.items()):
            terms = groups.get(purpose.group)
            ttl_ns = terms.ttl_ns if terms is not None else 0
            if ttl_ns and segment.label.begun_ns + ttl_ns // _TTL_PARTS <= now_ns:
                del volume.active[purpose]
                if segment.retire():
                    self._seal(volume, segment)

    def _recover(self) -> None:
        try:
            volume = self.volume
            if volume is None or self._must_reopen or not volume.is_current():
                volume = self._reopened()
            volume.probe()
            self._forget_again(volume)
            if time.monotonic() < self._noticed_at:
                # What is forgotten meanwhile they learn by distrust, as of any bypass.
                raise FlashTrouble("others may use the index still that was discarded")
        except TROUBLES as error:
            self.report(error)
            if is_disk_full(error):
                self._give_way()
            return
        self.trouble, self.live = None, volume
        metrics.flash_bypass.set(0)
        # Asked for while the others were being committed: hidden by `unforgotten` until then.
        self._submit_forgets(volume)
        self._work_in_background(volume)

    def _give_way(self) -> None:
        with contextlib.suppress(OSError):
            self._is_purge_due |= give_way(self._path)

    def _work_in_background(self, volume: Volume) -> None:
        steps = volume.rebuild_steps()
        if self._is_purge_due or volume.is_purge_due():
            steps = chain(volume.purge_steps(), steps)
        self._is_purge_due = False
        self.keeper.background = steps

    def _reopened(self) -> Volume:
        self.keeper.background = None
        if self.volume is not None:
            self._wait_loop()
            # Of a flash that is opened again at once nothing needs to reach the disk now.
            self.volume.close(is_all_noted=not self._is_resized)
            self.volume = None
        if len(self.unforgotten) > _UNFORGOTTEN_MAX:
            self._must_discard_index = True
        self.volume = Volume(
            self._path,
            self.division,
            self._faults,
            self._safeguards,
            report=self.report,
            wants_room=self.want_room,
            look_at_pins=self.look_at_pins,
            keeping=lambda: self.keeping,
            discard_index=self._must_discard_index,
            is_resized=self._is_resized,
        )
        if self.volume.was_left_open and not self._is_resized:
            # Whoever was killed may have known of writes that flash could not note.
            self._distrust.distrust(time.time_ns())
        if self._must_discard_index:
            self.unforgotten.clear()
        if self.volume.has_discarded_anothers:
            self._noticed_at = time.monotonic() + _NOTICING_TICKS * self._probe_seconds
        self._must_reopen = self._must_discard_index = self._is_resized = False
        return self.volume

    def _wait_loop(self) -> None:
        """Wait until no call that began while flash was live can still be using the volume.

        Such calls run on the loop's thread and do not await, so one turn of the loop is enough.
        """
        turned = threading.Event()
        self._settling.deliver(turned.set)
        turned.wait(_LOOP_SECONDS_MAX)

    def _forget_again(self, volume: Volume) -> None:
        names = list(self.unforgotten.items())

        def apply(writing: Writing) -> None:
            for name, forgotten_ns in names:
                writing.forget(name, forgotten_ns)

        if names:
            volume.committer.wait_committed(apply)
            self._settling.deliver(lambda: self.note_forgotten(names))

    def _submit_forgets(self, volume: Volume) -> None:
        with contextlib.suppress(*TROUBLES):
            self._forget_again(volume)

    def note_forgotten(self, names: list[tuple[ObjectName, int]]) -> None:
        """Note removals that are committed now (on the loop's thread)."""
        for name, forgotten_ns in names:
            if self.unforgotten.get(name) == forgotten_ns:
                del self.unforgotten[name]


def _superfluous(volume: Volume) -> OpenSegment | None:
    """Take the oldest group's segment out of use where there are more than may be open."""
    groups = [purpose for purpose in volume.active if purpose.group != COMMON]
    return volume.active.pop(groups[0]) if len(groups) > _GROUP_SEGMENTS_MAX else None
