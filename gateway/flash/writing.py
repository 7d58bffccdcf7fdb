"""The write of one chunk, from the event loop over threads to the index and back.

Big data is written on a thread of the pool; small data by the committer in its group. Then the
record is appended, the row committed, and only then does the waiter hear of it.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from awscrt.checksums import crc32c

from gateway.flash.committer import Change
from gateway.flash.index import Writing
from gateway.flash.rows import Extent
from gateway.flash.runs import Run
from gateway.flash.segments import OpenSegment
from gateway.flash.settling import Settling, settle
from gateway.model.failures import FlashTrouble
from gateway.telemetry import metrics


@dataclass(slots=True)
class ChunkWrite:
    """A chunk on its way to flash; made on the loop's thread, which it joined the segment on."""

    run: Run
    number: int
    data: bytes | bytearray | memoryview | None
    segment: OpenSegment
    extent: Extent
    waiting: "asyncio.Future[None]"
    settling: Settling
    report: Callable[[Exception], None]
    seal: Callable[[OpenSegment], None]
    is_written: bool = False

    def write_data(self) -> None:
        """Write the data (on a pool's thread) and hand the rest to the committer."""
        try:
            self._write()
        except OSError as error:
            self.report(error)
            self.settled(error)
        else:
            self.run.volume.committer.submit(self.change())

    def change(self) -> Change:
        """Return what remains to be done, as a change of the index."""
        return Change(self._apply, self._append, self.settled, grows=True)

    def settled(self, error: Exception | None) -> None:
        """Stop using the segment and tell the waiter; on any thread."""
        if error is None:
            self.run.volume.readers.note_proven(self.extent)
        self.data = None
        if self.segment.leave():
            self.seal(self.segment)
        self.settling.deliver(lambda: settle(self.waiting, error))

    def _write(self) -> None:
        if self.data is None:
            raise FlashTrouble("the write was given up")
        extent, keys, stored = self.extent, self.run.volume.keys, self.data
        plain_crc = None
        if keys is not None:
            plain_crc = crc32c(self.data)
            stored = keys.seal_chunk(self.run.owner.body, self.number, self.data)
        self.segment.write(extent.offset, stored)
        crc = crc32c(stored)
        self.extent = Extent(extent.segment, extent.offset, extent.length, crc, plain_crc)
        self.is_written = True

    def _append(self) -> None:
        if not self.is_written:
            self._write()
        self.segment.append(self.run.writer.encode(self.number, self.extent))

    def _apply(self, writing: Writing) -> None:
        if writing.put_chunk(self.run.owner.body, self.number, self.extent):
            metrics.chunks_repaired.inc()
