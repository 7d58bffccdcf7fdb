"""Taking objects out of flash on request: all of them, or those under a prefix.

Rows and chunks go at once, the space when their segments are evicted. Runs on the keeper's thread.
"""

from functools import partial

from gateway.flash.index import Writing
from gateway.flash.rows import body_of, find_name, is_tombstone
from gateway.flash.volume import Volume

_GROUP_ROWS = 1000


def drop_all(volume: Volume) -> None:
    """Remove all rows and chunks, and all segments that no process is writing to."""
    volume.committer.wait_committed(lambda writing: writing.clear())
    volume.space.evict_all()


def drop_prefix(volume: Volume, prefix: str) -> None:
    """Remove the rows and chunks of the objects whose `bucket/key` begins with `prefix`."""
    start = b""
    while entries := volume.index.pages("rows", start, _GROUP_ROWS):
        chosen = [
            (key, body_of(row))
            for key, row in entries
            if not is_tombstone(row) and str(find_name(row)).startswith(prefix)
        ]
        if chosen:
            volume.committer.wait_committed(partial(_delete, chosen))
        start = entries[-1][0] + b"\0"


def _delete(chosen: list[tuple[bytes, bytes]], writing: Writing) -> None:
    for key, body in chosen:
        writing.delete_body(body)
        writing.delete_row(key)
