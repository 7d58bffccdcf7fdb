"""The performance suite: runs the rows named, prints a table, writes JSON and Markdown.

Figures are ratios taken side by side in one run, in turns, since these machines are shared. Each
row is written down as soon as it is done, so that a run that ends early keeps what it has; a row
that fails is written down as failed, and the next one begins.
"""

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from conformance.performance import (
    batches,
    cold,
    growth,
    hit_ratio,
    memory,
    parquet,
    sealed,
    small_objects,
    snapshots,
    strict,
    uploads,
    warm,
    warming,
)
from conformance.performance.caches import Cache, CacheTroubleError, find_varnish, read_cache
from conformance.performance.measurement import Measurement, row_order, take
from conformance.performance.report import (
    draw_chart,
    ids_measured_here,
    print_outcome,
    write_report,
)
from conformance.performance.workplace import workplace

MEASUREMENTS: dict[str, Measurement] = {
    "P1": Measurement(warm.small_gets, "versitygw minio nginx wrk"),
    "P2": Measurement(strict.hot_key, "versitygw wrk"),
    "P3": Measurement(warm.large_stream, "versitygw minio nginx"),
    "P4": Measurement(cold.one_stream, "versitygw", seconds_max=420),
    "P5": Measurement(cold.random_starts, "versitygw"),
    "P6": Measurement(small_objects.epoch, "versitygw wrk", seconds_max=420),
    "P7": Measurement(cold.first_bytes, "versitygw"),
    "P8": Measurement(uploads.writes, "versitygw"),
    "P9": Measurement(parquet.table, "versitygw"),
    "P10": Measurement(memory.readers, "versitygw"),
    "P11": Measurement(growth.growth, "wrk", seconds_max=600),
    "P12": Measurement(hit_ratio.ratios),
    "P13": Measurement(strict.first_byte, "versitygw"),
    "C2": Measurement(batches.many_keys, "wrk"),
    "C3": Measurement(snapshots.snapshot, "versitygw wrk", seconds_max=420),
    "C7": Measurement(sealed.warm_reads, "versitygw wrk"),
    "C9": Measurement(warming.job, "versitygw"),
    "A1": Measurement(warm.model_file, "versitygw"),
    "A5": Measurement(cold.crowd, "versitygw wrk"),
}
"""Row -> what takes it and the programs it needs beside curl. A row is one line here."""


def main(argv: Sequence[str]) -> int:
    """Measure; 0 when every bar was met, 1 when one was not, 2 when a row could not be taken."""
    options = _options(argv)
    if options.list:
        for name in sorted(MEASUREMENTS, key=row_order):
            print(f"{name:5} {MEASUREMENTS[name].title}  [{MEASUREMENTS[name].needs}]")
        return 0
    names = sorted(set(options.rows or MEASUREMENTS), key=row_order)
    if options.resume:
        names = [name for name in names if name not in ids_measured_here()]
    caches = tuple(cache for cache in (find_varnish(),) if cache) + tuple(options.peer)
    outcomes = []
    for name in names:
        with workplace(is_quick=options.quick, caches=caches) as place:
            outcomes.append(take(name, MEASUREMENTS[name], place))
        print_outcome(outcomes[-1])
        if not options.quick:
            write_report([outcomes[-1]])
    if outcomes and not options.quick:
        draw_chart()
    if any(one.error for one in outcomes):
        return 2
    return 0 if all(bar.holds is not False for one in outcomes for bar in one.bars) else 1


def _options(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="conformance/run.py performance", description=__doc__)
    known = ", ".join(sorted(MEASUREMENTS, key=row_order))
    parser.add_argument("rows", nargs="*", metavar="ID", help=f"all by default: {known}")
    parser.add_argument(
        "--quick", action="store_true", help="small and few: a look, not a figure; writes nothing"
    )
    parser.add_argument("--list", action="store_true", help="say what each row is, and end")
    parser.add_argument(
        "--resume",
        action="store_true",
        help="leave out rows that have figures of this very code",
    )
    parser.add_argument(
        "--peer",
        action="append",
        default=[],
        type=_peer,
        metavar="NAME=PATH",
        help="a cache to stand beside, as the TOML at PATH tells (docs/PERFORMANCE.md)",
    )
    options = parser.parse_args(argv)
    unknown = [name for name in options.rows if name not in MEASUREMENTS]
    if unknown:
        parser.error(f"unknown row {unknown[0]}; known are {known}")
    return options


def _peer(word: str) -> Cache:
    name, _, path = word.partition("=")
    if not re.fullmatch(r"[A-Za-z][\w .-]{0,30}", name) or not path:
        raise argparse.ArgumentTypeError(f"{word} is not NAME=PATH")
    try:
        return read_cache(name, Path(path).expanduser())
    except CacheTroubleError as trouble:
        raise argparse.ArgumentTypeError(str(trouble)) from trouble


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
