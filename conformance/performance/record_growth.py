"""A snapshot's record of many keys: what it costs to make, to look into, and in memory.

    python -m conformance.performance.record_growth KEYS FOLDER

Prints one line of JSON. It is a process of its own, so that the peak memory is that of one record.
"""

import json
import random
import resource
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from time import process_time

from gateway.model.snapshots import Recorded
from gateway.protocol.s3.listing_pages import cut_page, read_asked, write_page
from gateway.state.snapshot_record import Record, RecordMaking

_PAGE_KEYS = 1000
_LOOKS = 2000
_PAGES = 50


def measure(keys: int, folder: Path) -> dict[str, float]:
    """Return the figures of a record of `keys` keys."""
    path = folder / f"record-{keys}"
    with closing(RecordMaking(path)) as making:
        before = process_time()
        for page in _pages(keys):
            making.add(page)
        counted, _ = making.counted()
        making.finish({})
        made_seconds = process_time() - before
        assert counted == keys
        made_memory_bytes = _peak_memory_bytes()
        with closing(Record(path)) as record:
            chance = random.Random(keys)
            names = [_key(chance.randrange(keys)) for _ in range(_LOOKS)]
            look_seconds = _timed(lambda: [record.find(name) for name in names]) / _LOOKS
            starts = names[:_PAGES]
            page_seconds = _timed(lambda: [_page(record, name) for name in starts]) / _PAGES
            prefix_seconds = _timed(lambda: _prefixes(record))
        return {
            "keys": keys,
            "made_us_a_key": made_seconds / keys * 1e6,
            "bytes_a_key": path.stat().st_size / keys,
            "look_us": look_seconds * 1e6,
            "page_ms": page_seconds * 1e3,
            "prefixes_ms": prefix_seconds * 1e3,
            "made_memory_mib": made_memory_bytes / 2**20,
            "memory_mib": _peak_memory_bytes() / 2**20,
        }


def _pages(keys: int) -> Iterator[list[Recorded]]:
    for start in range(0, keys, _PAGE_KEYS):
        yield [_row(number) for number in range(start, min(keys, start + _PAGE_KEYS))]


def _key(number: int) -> str:
    return f"datasets/images/train/n{number // 1300:08}/img_{number:010}.jpeg"


def _row(number: int) -> Recorded:
    return Recorded(
        _key(number),
        f'"{number:032x}"',
        110_000,
        f"2026-11-28T15:{number // 60 % 60:02}:{number % 60:02}.000Z",
        None,
        "<StorageClass>STANDARD</StorageClass>",
    )


def _page(record: Record, after: str) -> bytes:
    """Return a page of a thousand keys from somewhere, as it goes out."""
    asked = read_asked([("list-type", "2"), ("start-after", after)])
    return write_page("snapshot", asked, record.read(lambda scan: cut_page(scan, asked)))


def _prefixes(record: Record) -> bytes:
    """Return a page of a thousand folders of 1,300 keys each (fewer where there are fewer)."""
    prefix = "datasets/images/train/"
    asked = read_asked([("list-type", "2"), ("prefix", prefix), ("delimiter", "/")])
    return write_page("snapshot", asked, record.read(lambda scan: cut_page(scan, asked)))


def _timed(work: Callable[[], object]) -> float:
    before = process_time()
    work()
    return process_time() - before


def _peak_memory_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
    print(json.dumps(measure(int(sys.argv[1]), Path(sys.argv[2]))))
