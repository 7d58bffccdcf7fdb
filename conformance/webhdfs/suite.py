"""WebHDFS by raw HTTP, by Hadoop's own client and by Python's, at Forebay or at real HDFS.

    .venv/bin/python conformance/run.py webhdfs --target hdfs        the reference: all must pass
    .venv/bin/python conformance/run.py webhdfs --origin versitygw   Forebay's door

At Forebay nothing is ok unless the origin has the same bytes, asked by S3 through a witness.
"""

import argparse
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path

from conformance.support.servers import ORIGINS
from conformance.webhdfs.forebay import running_forebay
from conformance.webhdfs.minicluster import running_hdfs
from conformance.webhdfs.scorecard import Row, Scorecard, write
from conformance.webhdfs.target import FOREBAY, HDFS, Target

_ROOT = Path(__file__).resolve().parents[2]
PARTS = {
    "raw": "conformance.webhdfs.raw:run",
    "shell": "conformance.webhdfs.shell:run",
    "who": "conformance.webhdfs.who:run",
    "kerberos": "conformance.webhdfs.kerberos:run",
    "distcp": "conformance.webhdfs.distcp:run",
    "open": "conformance.webhdfs.opening:run",
    "listing": "conformance.webhdfs.long_listing:run",
    "contract": "conformance.webhdfs.contract:run",
    "hdfscli": "conformance.webhdfs.hdfscli.suite:run",
    "fsspec": "conformance.webhdfs.python_clients:fsspec",
    "pyarrow": "conformance.webhdfs.python_clients:pyarrow",
    "opendal": "conformance.webhdfs.python_clients:opendal",
}
"""Each is `run(target) -> rows`, imported when it is asked for."""


def main(words: Sequence[str]) -> int:
    """Run the parts chosen; exit code 1 if anything is wrong."""
    chosen = _parser().parse_args(words)
    card = Scorecard(chosen.target, chosen.origin if chosen.target == FOREBAY else HDFS)
    with _running(chosen) as target:
        for part in chosen.part or PARTS:
            for row in _rows(part, target):
                card.take(row)
    path = write(card, chosen.out)
    print(f"\n{card.target}, {card.origin}: {card.summary()}\n{path}")
    return 0 if card.is_clean else 1


def _rows(part: str, target: Target) -> Iterator[Row]:
    module, _, function = PARTS[part].partition(":")
    run: Callable[[Target], Iterator[Row]] = getattr(import_module(module), function)
    return run(target)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="conformance/run.py webhdfs", description=__doc__)
    parser.add_argument("--target", choices=(FOREBAY, HDFS), default=FOREBAY)
    parser.add_argument("--origin", choices=ORIGINS, default="embedded")
    parser.add_argument("--part", action="append", choices=sorted(PARTS), help="may repeat")
    parser.add_argument("--out", type=Path, default=_ROOT / "conformance/results")
    return parser


@contextmanager
def _running(chosen: argparse.Namespace) -> Iterator[Target]:
    with tempfile.TemporaryDirectory(prefix="forebay-webhdfs-") as name:
        folder = Path(name)
        if chosen.target == HDFS:
            with running_hdfs(folder) as target:
                yield target
        else:
            with running_forebay(chosen.origin, folder) as target:
                yield target
