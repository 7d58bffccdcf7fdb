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
        for key, row in entries:
            if not is_tombstone(row) and str(find_name(row)).startswith(prefix):
                _drop_object(volume, key, body_of(row))
        start = entries[-1][0] + b"\0"


def _drop_object(volume: Volume, key: bytes, body: bytes) -> None:
    """Remove a row and its chunks; the row first, since without it the chunks are unwanted."""
    count_max = volume.division.group_changes_max
    volume.committer.wait_committed(lambda writing: writing.delete_row(key))
    while volume.index.has_chunks(body):
        volume.committer.wait_committed(partial(_delete_chunks, body, count_max))


def _delete_chunks(body: bytes, count_max: int, writing: Writing) -> None:
    writing.delete_body(body, count_max)
