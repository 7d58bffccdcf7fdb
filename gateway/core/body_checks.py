"""Whether a whole body on flash is what the origin's own checksum of it says.

Each chunk's CRC is known when it is written, and CRCs of neighbours combine to that of both, so a
body is judged without reading a byte of it again once its last chunk is on flash. CRC32C is that of
the extents, whoever filled them. The others are computed while this process fills, where that is
cheap: CRC64NVME always (67 GB/s), CRC32 (5 GB/s) for bodies of at most 8 MiB; a body that others
filled in part is then not judged. SHA-1 and SHA-256 do not combine.
"""

import logging
import zlib
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Final

from gateway.flash.rows import Row
from gateway.flash.store import Flash
from gateway.protocol.s3.checksums import base64_of
from gateway.protocol.s3.combining import COMBINED, combined, crc64nvme
from gateway.telemetry import metrics

_log = logging.getLogger(__name__)
_BODIES_MAX: Final = 1024
_CRCS_MAX: Final = 1 << 17
_LOOK_CHUNKS: Final = 64
_CRC32_BODY_BYTES_MAX: Final = 8 << 20
_QUARANTINE_SECONDS: Final = 600.0
_WHILE_FILLING: Final[dict[str, Callable[[memoryview], int]]] = {
    "x-amz-checksum-crc64nvme": crc64nvme,
    "x-amz-checksum-crc32": zlib.crc32,
}


class BodyChecks:
    """The checks of the bodies that this process fills, and those that failed."""

    def __init__(self, flash: Flash, chunk_bytes: int, now_seconds: Callable[[], float]) -> None:
        """Judge what lies on `flash`; `now_seconds` is monotonic."""
        self._flash = flash
        self._chunk_bytes = chunk_bytes
        self._now_seconds = now_seconds
        self._there: OrderedDict[bytes, int] = OrderedDict()
        """For each body, how many of its leading chunks were seen on flash."""
        self._crcs: OrderedDict[tuple[bytes, str], dict[int, int]] = OrderedDict()
        self._crcs_count = 0
        self._failed: OrderedDict[bytes, float] = OrderedDict()

    def is_quarantined(self, body: bytes) -> bool:
        """Return whether the body failed its check in the last minutes: it is not kept again."""
        failed_at = self._failed.get(body) if self._failed else None
        if failed_at is None:
            return False
        if self._now_seconds() - failed_at < _QUARANTINE_SECONDS:
            return True
        del self._failed[body]
        return False

    def note(self, row: Row, number: int, data: memoryview) -> None:
        """Take in the bytes of a chunk that is about to be written."""
        for header, _ in row.version.checksums:
            compute = _WHILE_FILLING.get(header)
            is_cheap = compute is not zlib.crc32 or row.version.size <= _CRC32_BODY_BYTES_MAX
            if compute is not None and is_cheap:
                crcs = self._crcs.setdefault((row.body, header), {})
                self._crcs_count += number not in crcs
                crcs[number] = compute(data)
        while self._crcs_count > _CRCS_MAX:
            self._crcs_count -= len(self._crcs.popitem(last=False)[1])

    def judge(self, row: Row) -> bool:
        """Return False if the body is whole on flash and wrong; it is then taken off.

        `row` is the one that was filled for; what was learnt of the version since counts too.
        """
        count = -(-row.version.size // self._chunk_bytes)
        if not count or not self._is_whole(row.body, count):
            return True
        self._there.pop(row.body, None)
        known = self._flash.find_row(row.name)
        if known is not None and known.body == row.body and known.version.checksums:
            row = known
        wrong = [
            header for header, value in row.version.checksums if self._differs(row, header, value)
        ]
        for header in COMBINED:
            self._crcs_count -= len(self._crcs.pop((row.body, header), ()))
        if wrong:
            self._quarantine(row, wrong[0])
        return not wrong

    def _is_whole(self, body: bytes, count: int) -> bool:
        """Return whether every chunk was seen on flash; each is looked for about once."""
        there = self._there.get(body, 0)
        while there < count:
            numbers = range(there, min(there + _LOOK_CHUNKS, count))
            held = self._flash.extents(body, numbers)
            there = next((number for number in numbers if number not in held), numbers.stop)
            if there < numbers.stop:
                break
        self._there[body] = there
        self._there.move_to_end(body)
        if len(self._there) > _BODIES_MAX:
            self._there.popitem(last=False)
        return there == count

    def _differs(self, row: Row, header: str, value: str) -> bool:
        """Return whether the checksum can be told from the chunks' and is another."""
        if header not in COMBINED:
            return False
        count = -(-row.version.size // self._chunk_bytes)
        crcs = self._crcs_of(row, header, count)
        if crcs is None:
            return False
        lengths = [self._chunk_bytes] * (count - 1)
        lengths.append(row.version.size - self._chunk_bytes * (count - 1))
        return base64_of(combined(header, crcs, lengths)) != value

    def _crcs_of(self, row: Row, header: str, count: int) -> Sequence[int] | None:
        """Return the CRC of each chunk, in order; None if one is not known."""
        if header == "x-amz-checksum-crc32c":
            held = self._flash.extents(row.body, range(count))
            known = {number: extent.body_crc32c for number, extent in held.items()}
        else:
            known = self._crcs.get((row.body, header), {})
        return [known[number] for number in range(count)] if len(known) == count else None

    def _quarantine(self, row: Row, header: str) -> None:
        metrics.bodies_corrupt.inc()
        _log.warning(
            "the bytes that the origin sent for %s are not those that its %s of the object tells; "
            "they are taken off flash, and reads of it go to the origin for %d minutes",
            row.name,
            header,
            _QUARANTINE_SECONDS // 60,
        )
        self._failed[row.body] = self._now_seconds()
        if len(self._failed) > _BODIES_MAX:
            self._failed.popitem(last=False)
        self._flash.quarantine_body(row)
