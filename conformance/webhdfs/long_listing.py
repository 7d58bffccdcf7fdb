"""Part `listing`: a directory of 100,000 files in pages, and the memory that takes (D5).

Every name must come once and in order, at page after page of LISTSTATUS_BATCH and in one
LISTSTATUS; meanwhile the gateway's processes are watched.
"""

import http.client
import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from urllib.parse import quote

from conformance.support.raw_s3 import RawS3
from conformance.webhdfs.bench import Bench, Mismatch, outcome_of, same
from conformance.webhdfs.memory import sampled
from conformance.webhdfs.scorecard import Row
from conformance.webhdfs.target import Target

PART = "listing"
_FILES = 100_000
_THREADS = 8
_MIB = 1024**2
_GROWTH_MIB_MAX = 64
"""What all processes together may take for it; 100,000 entries are 25 MB of JSON."""


def run(target: Target) -> Iterator[Row]:
    """Yield a row for the pages and one for the whole listing."""
    if target.witness is None:
        yield Row(PART, "LISTSTATUS_BATCH", "HTTP", "skipped", "the memory is a gateway's")
        return
    bench = Bench(target, PART)
    names = [f"file-{number:06}" for number in range(_FILES)]
    _make(target.witness, [f"{PART}/{name}" for name in names])
    for operation, walk in (("LISTSTATUS_BATCH", _in_pages), ("LISTSTATUS", _at_once)):
        figures: list[str] = []
        words = outcome_of(lambda walk=walk, to=figures: _measure(bench, walk, names, to))
        told = f"{words} {' '.join(figures)}".strip()
        result = "fail" if words else "ok"
        yield Row(PART, f"{operation} of {_FILES:,}", "HTTP", result, told, _FILES)


def _measure(bench: Bench, walk, names: list[str], figures: list[str]) -> None:
    for time_ in ("first", "second"):
        with sampled(bench.target.pid) as memory:
            started = time.monotonic()
            seen, pages = walk(bench)
            seconds = time.monotonic() - started
        growth = (memory.peak - memory.at_rest) / _MIB
        figures.append(
            f"{time_} time: {pages} pages in {seconds:.1f} s, from {memory.at_rest / _MIB:.0f} to "
            f"{memory.peak / _MIB:.0f} MiB at most (resident, the mapped index included: from "
            f"{memory.resident_at_rest / _MIB:.0f} to {memory.resident_peak / _MIB:.0f});"
        )
        same(f"{time_} time", seen == names, wanted=True)
        if growth > _GROWTH_MIB_MAX:
            raise Mismatch(f"memory grew by {growth:.0f} MiB, more than {_GROWTH_MIB_MAX}")


def _in_pages(bench: Bench) -> tuple[list[str], int]:
    seen: list[str] = []
    pages, after = 0, ""
    while True:
        query = f"op=LISTSTATUS_BATCH&startAfter={quote(after)}" if after else "op=LISTSTATUS_BATCH"
        listing = bench.ask("GET", "", query)["DirectoryListing"]
        entries = listing["partialListing"]["FileStatuses"]["FileStatus"]
        seen += [entry["pathSuffix"] for entry in entries]
        pages += 1
        if not listing["remainingEntries"]:
            return seen, pages
        if not entries:
            raise Mismatch(f"a page without entries, {listing['remainingEntries']} remain")
        after = seen[-1]


def _at_once(bench: Bench) -> tuple[list[str], int]:
    told = bench.ask("GET", "", "op=LISTSTATUS")
    return [entry["pathSuffix"] for entry in told["FileStatuses"]["FileStatus"]], 1


def _make(witness: RawS3, keys: list[str]) -> None:
    """Put small objects, by connections that are kept."""
    shares = [tuple(keys[first::_THREADS]) for first in range(_THREADS)]
    with ThreadPoolExecutor(_THREADS) as threads:
        for _ in threads.map(lambda share: _put_all(witness, share), shares):
            pass


def _put_all(witness: RawS3, keys: tuple[str, ...]) -> None:
    digest = sha256(b"x").hexdigest()
    connection = http.client.HTTPConnection(witness.place.netloc, timeout=60)
    for key in keys:
        path = witness.path(key)
        headers = witness.signed("PUT", path, "", {}, digest)
        connection.request("PUT", path, b"x", headers)
        answer = connection.getresponse()
        said = answer.read()
        assert answer.status == 200, json.dumps([key, answer.status, said.decode()])
    connection.close()
