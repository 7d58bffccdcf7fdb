"""What becomes of a chunk whose bytes are not those that were written: it is served no more.

It leaves the index, so that the next read of it is a miss and fetches it again; its place on flash
is never written to again, since segments only grow. Until it is fetched the index remembers it
among the damaged, so that the repair can be counted whichever process does it.
"""

import logging
import os
from typing import Final

from gateway.flash.committer import Change
from gateway.flash.departures import SpaceParts
from gateway.flash.index import Writing
from gateway.flash.recovery import read_records
from gateway.flash.rows import Extent
from gateway.flash.segments import record_name
from gateway.model.names import ObjectName
from gateway.telemetry import metrics

_log = logging.getLogger(__name__)
_GROUP_RECORDS: Final = 256


def quarantine(
    parts: SpaceParts, body: bytes, number: int, extent: Extent, name: ObjectName | None = None
) -> None:
    """Take a bad chunk out of the index and say whose it was; raises OSError.

    One whose segment is gone was evicted meanwhile: it is only taken out.
    """
    handle = parts.readers.find_handle(extent.segment)
    if handle is not None:
        handle.close()
        metrics.chunks_corrupt.inc()
        name = name or _find_owner(parts, body, extent.segment)
        _log.warning(
            "flash: chunk %d of %s is not what was written (segment %d, %d bytes at %d); "
            "it is dropped, and fetched again when it is read",
            number,
            name if name is not None else f"body {body.hex()}",
            extent.segment,
            extent.length,
            extent.offset,
        )
    is_damaged = handle is not None

    def apply(writing: Writing) -> None:
        writing.quarantine_chunk(body, number, extent, is_damaged=is_damaged)

    parts.committer.submit(Change(apply))


def _find_owner(parts: SpaceParts, body: bytes, segment: int) -> ObjectName | None:
    """Return the object that the segment's log names for a body; None if it names none."""
    try:
        record_fd = os.open(record_name(segment), os.O_RDONLY, dir_fd=parts.segments_fd)
    except FileNotFoundError:
        return None
    try:
        groups = read_records(record_fd, segment, _GROUP_RECORDS, parts.index.keys)
        owners = (record.name for group in groups for record in group if record.body == body)
        return next(owners, None)
    finally:
        os.close(record_fd)
