"""A volume: one incarnation of the flash directory, with everything that is open in it.

When the directory is deleted or the index goes bad, the volume is closed as a whole and another is
opened. All files are opened relative to the directory's descriptor, so that nothing of an old
volume can ever reach a file of a new one.
"""

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from gateway.flash.admission import Division
from gateway.flash.claims import Claims
from gateway.flash.committer import ALLOWANCE_KEY, SIZE_KEY, Change, Committer
from gateway.flash.departures import SpaceParts
from gateway.flash.faults import Faults
from gateway.flash.giving_way import purge_steps, purges_due
from gateway.flash.index import DOUBTED_KEY, Index, IndexTrouble, is_beyond_repair
from gateway.flash.keeping import Keeping
from gateway.flash.layout_mark import agree_on_layout
from gateway.flash.locks import DirectoryLock, Membership, open_directory
from gateway.flash.probing import probe_files, remove_probes
from gateway.flash.purposes import Purpose
from gateway.flash.readers import Readers
from gateway.flash.rebuilding import encode_pending, rebuild_steps
from gateway.flash.recovery import is_index_trusted, mark_closed, mark_open, was_left_open
from gateway.flash.remembered import Remembered
from gateway.flash.returns import Returns
from gateway.flash.safeguards import Safeguards
from gateway.flash.scrub import Scrub
from gateway.flash.segments import OpenSegment, SegmentFiles, list_segments
from gateway.flash.space import Space
from gateway.flash.touches import Touches
from gateway.flash.units import stored_bytes


class Volume:
    """An open flash directory; the constructor blocks, raises OSError and the index's trouble."""

    def __init__(
        self,
        path: Path,
        division: Division,
        faults: Faults,
        safeguards: Safeguards,
        *,
        report: Callable[[Exception], None],
        wants_room: Callable[[], None],
        keeping: Callable[[], Keeping],
        look_at_pins: "Callable[[Volume], None]",
        discard_index: bool = False,
        is_resized: bool = False,
    ) -> None:
        """Open `path`, making it where it is missing, and put in order what was left there."""
        self.path = path
        self.division = division
        self.faults = faults
        self.safeguards = safeguards
        self.active: dict[Purpose, OpenSegment] = {}
        """What this process writes to; changed on the keeper's thread only."""
        self.open_segments: set[OpenSegment] = set()
        self.was_left_open = False
        self.has_discarded_anothers = False
        """Whether other processes had the index open that was discarded."""
        with contextlib.ExitStack() as stack:
            self._open_shared(stack, discard_index=discard_index, is_resized=is_resized)
            self.committer = Committer(
                self.index, division, faults, report=report, wants_room=wants_room
            )
            stack.callback(self.committer.close)
            self.parts = self._space_parts(keeping)
            self.space = Space(self.parts)
            look_at_pins(self)  # before anything is evicted
            self.space.fit()
            self._identity = self._look()
            self._stack = stack.pop_all()
        self._scrub = None
        if safeguards.scrub_bytes_per_second:
            self._scrub = Scrub(self.parts, safeguards.scrub_bytes_per_second)
            self._scrub.start()

    def _space_parts(self, keeping: Callable[[], Keeping]) -> SpaceParts:
        return SpaceParts(
            self.directory_fd,
            self.segments_fd,
            self.lock,
            self.division,
            self.index,
            self.committer,
            self.touches,
            self.readers,
            self.faults,
            keeping,
        )

    def _open_shared(
        self, stack: contextlib.ExitStack, *, discard_index: bool, is_resized: bool
    ) -> None:
        """Open what all processes share, and have `stack` close it in the opposite order."""
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.directory_fd = open_directory(stack, self.path)
        self.lock = DirectoryLock(self.directory_fd)
        stack.callback(self.lock.close)
        with self.lock.held():
            self._membership = Membership(self.directory_fd)
            stack.callback(self._membership.close)
            is_first = self._membership.was_first
            self.keys = agree_on_layout(
                self.path,
                self.directory_fd,
                self.division.chunk_bytes,
                self.safeguards,
                is_first=is_first,
            )
            self.segments_fd = open_directory(stack, self.path / "segments")
            remove_probes(self.segments_fd)
            self.index = self._open_index(discard_index=discard_index)
            stack.callback(self.index.close)
            self.remembered = Remembered(self.index)
            self._allow_index(is_resized=is_resized)
        self.claims = Claims(self.directory_fd)
        stack.callback(self.claims.close)
        self.touches = Touches(
            self.directory_fd, self.division.touch_bytes, is_first=self._membership.was_first
        )
        stack.callback(self.touches.close)
        doubted_below = int(self.index.find_meta(DOUBTED_KEY) or 0)
        returns = Returns(self.directory_fd)
        self.readers = Readers(
            self.segments_fd,
            self.faults,
            returns,
            verify=self.safeguards.verify,
            doubted_below=doubted_below,
            keys=self.keys,
        )
        stack.callback(self.readers.close)

    def _open_index(self, *, discard_index: bool) -> Index:
        """Open the index, or discard it and begin one that is to be rebuilt."""
        segments = list_segments(self.segments_fd)
        if self._membership.was_first:
            trusted = is_index_trusted(self.directory_fd, self.segments_fd, segments)
            discard_index |= not trusted
            self.was_left_open = was_left_open(self.directory_fd)
        if discard_index:
            self._discard_index()
        pending = encode_pending(segments)
        try:
            index = self._index(pending)
        except IndexTrouble as error:
            if not is_beyond_repair(error):
                raise
            self._discard_index()
            index = self._index(pending)
        if self._membership.was_first:
            mark_open(self.directory_fd)
        return index

    def _index(self, pending: bytes) -> Index:
        path = self.path / "index"
        path.mkdir(mode=0o700, exist_ok=True)
        return Index(path, self.division.index_bytes_max, pending, self.keys)

    def _discard_index(self) -> None:
        """Move the index away, then delete it: a kill in between leaves none, not half of one."""
        old = self.path / "index.discarded"
        shutil.rmtree(old, ignore_errors=True)
        with contextlib.suppress(FileNotFoundError):
            (self.path / "index").rename(old)
            self.has_discarded_anothers = not self._membership.was_first
        shutil.rmtree(old, ignore_errors=True)

    def _allow_index(self, *, is_resized: bool) -> None:
        """Give the index its first allowance; later ones are given as it grows. Note the size.

        It is that of the first process to open flash, or of the last one that was told another.
        """
        with self.index.write() as writing:
            if self._membership.was_first or writing.find_meta(ALLOWANCE_KEY) is None:
                allowance = self.division.allowance_for(self.index.file_bytes)
                writing.put_meta(ALLOWANCE_KEY, str(allowance).encode())
            if self._membership.was_first or is_resized or writing.find_meta(SIZE_KEY) is None:
                writing.put_meta(SIZE_KEY, str(self.division.size_bytes).encode())

    def _look(self) -> tuple[tuple[int, int], ...]:
        places = (self.path / "segments", self.path / "index" / "data.mdb", self.path / "lock")
        return tuple((status.st_dev, status.st_ino) for status in map(os.stat, places))

    def is_current(self) -> bool:
        """Return whether the directory at the path is still the one that is open."""
        try:
            return self._look() == self._identity
        except OSError:
            return False

    def probe(self) -> None:
        """Do once, on a file of its own, what flash does all the time; raises what goes wrong."""
        probe_files(self.segments_fd, self.faults)
        self.committer.wait_committed(lambda writing: writing.put_meta(b"probe", b""))

    def rebuild_steps(self) -> Iterator[None]:
        """Return the steps of rebuilding what the index does not hold yet."""
        return rebuild_steps(self.parts, self.space)

    def is_purge_due(self) -> bool:
        """Return whether rows were left behind whose segments had to give way."""
        return purges_due(self.directory_fd) > 0

    def purge_steps(self) -> Iterator[None]:
        """Return the steps of removing the rows whose segments had to give way."""
        return purge_steps(self.parts)

    @property
    def names_key(self) -> bytes:
        """Return the key of the hashes of names; none without encryption."""
        return b"" if self.keys is None else self.keys.names_key

    def stored_bytes(self, length: int) -> int:
        """Return what a chunk of `length` bytes takes in a segment."""
        return length if self.keys is None else stored_bytes(length)

    def drop_body(self, body: bytes, chunks: int) -> None:
        """Queue the removal of a body of so many chunks from the index; nobody is told."""
        count_max = self.division.group_changes_max
        for _ in range(0, chunks, count_max):
            self.committer.submit(Change(lambda writing: writing.delete_body(body, count_max)))

    def segments(self) -> list[SegmentFiles]:
        """Return the segments as they are now; raises OSError."""
        return list_segments(self.segments_fd)

    def stats(self) -> dict[str, int]:
        """Return what there is and what happened, as counts and bytes."""
        files = self.segments()
        return {
            **self.index.counts(),
            "segments": len(files),
            "segments_bytes": sum(entry.occupied_bytes for entry in files),
            "index_bytes": self.index.file_bytes,
            "index_used_bytes": self.index.used_bytes(),
            "size_bytes": self.division.size_bytes,
            "commits": self.committer.commits,
            "segments_evicted": self.space.segments_evicted,
            "bytes_carried": self.space.bytes_carried,
        }

    def close(self, *, is_all_noted: bool = True) -> None:
        """Seal what this process writes, and mark flash as closed if no other process has it open.

        It stays marked as open where a removal could not be committed (`is_all_noted` False). Every
        step is tried, whatever the others meet: flash may be closed because it is in trouble.
        """
        if self._scrub is not None:
            self._scrub.close()
        self.committer.close()
        for segment in list(self.open_segments):
            with contextlib.suppress(OSError):
                segment.seal()
        self.open_segments.clear()
        with contextlib.suppress(OSError, IndexTrouble), self.lock.held():
            if is_all_noted and self._membership.is_alone() and self.is_current():
                self.index.sync()
                mark_closed(self.directory_fd, self.segments())
            # Two that close at once must not both find the other still there.
            self._membership.leave()
        self._stack.close()
