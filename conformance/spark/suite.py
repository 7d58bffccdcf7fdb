"""Spark on s3a, end to end: committers, tables, faults, scans; at the origin and through Forebay.

Spark, Hadoop's s3a and the tables are the published ones; origin and gateway are real processes on
loopback. Nothing is called ok whose rows were not compared, at the origin too and without Spark.
"""

import argparse
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from conformance.spark.bench import Bench
from conformance.spark.environment import Installed, install
from conformance.spark.faults import faults
from conformance.spark.plain import committers, speculation, tables
from conformance.spark.scan import scan
from conformance.spark.scorecard import Row, Scorecard, write
from conformance.spark.webhdfs import webhdfs
from conformance.support.servers import ORIGINS

_ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the suite."""

    play: Callable[[Bench], None]
    says: str


PARTS = {
    "committers": Part(committers, "Parquet by four committers: write, overwrite, append"),
    "speculation": Part(speculation, "a task that hangs, and a second attempt that overtakes it"),
    "tables": Part(tables, "Delta and Iceberg: changes, time travel, two writers at once"),
    "faults": Part(faults, "workers killed, an origin that stumbles, answers lost, in mid-job"),
    "scan": Part(scan, "TPC-H: Q1, Q3, Q6, every column: directly, cold and warm, in turns"),
    "webhdfs": Part(webhdfs, "the same files over s3a and webhdfs"),
}


def main(words: Sequence[str]) -> int:
    """Run the parts; 1 where anything is lost or wrong, 2 where Spark cannot be had."""
    chosen = _parser().parse_args(words)
    try:
        installed = install()
    except LookupError as missing:
        print(f"Spark cannot be had: {missing}")
        return 2
    cards = [_play(name, chosen, installed) for name in chosen.part or PARTS]
    rows = [row for card in cards for row in card.rows]
    print(f"{chosen.origin}: {Scorecard(chosen.origin, rows=rows).summary()}")
    return int(any(row.is_bad for row in rows))


def _play(name: str, chosen: argparse.Namespace, installed: Installed) -> Scorecard:
    """Play one part, and write it down at once: a run that ends early keeps what it has."""
    card = Scorecard(chosen.origin)
    with tempfile.TemporaryDirectory(prefix="forebay-spark-") as folder:
        scale, is_quick = chosen.scale, chosen.quick
        bench = Bench(card, installed, Path(folder), chosen.origin, is_quick, scale)
        try:
            PARTS[name].play(bench)
        except Exception as failure:
            card.take(Row(name, "the part itself", "", "FAILED", repr(failure)))
            if chosen.debug:
                raise
    if not chosen.quick:
        print(write(card, chosen.out))
    return card


def _parser() -> argparse.ArgumentParser:
    says = "\n".join(f"  {name}: {part.says}" for name, part in PARTS.items())
    parser = argparse.ArgumentParser(
        prog="conformance/run.py spark",
        description=f"{__doc__}\n{says}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("part", nargs="*", metavar="PART", help=f"all by default: {list(PARTS)}")
    parser.add_argument("--origin", choices=ORIGINS, default="embedded")
    parser.add_argument("--quick", action="store_true", help="small: a look; writes nothing")
    parser.add_argument("--scale", type=float, help="of TPC-H: 1, or 0.02 if quick")
    parser.add_argument("--debug", action="store_true", help="end with the trace of what broke")
    parser.add_argument("--out", type=Path, default=_ROOT / "conformance/results")
    return parser
