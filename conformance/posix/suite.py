"""The POSIX-style door on a real mount, beside other mounts of a bucket.

    .venv/bin/python conformance/run.py posix programs
    .venv/bin/python conformance/run.py posix pjdfstest --pjdfstest ~/pjdfstest
    .venv/bin/python conformance/run.py posix speed --peer s3fs --peer geesefs --peer rclone
    .venv/bin/python conformance/run.py posix kills soak exercisers

Parts: pjdfstest (needs a checkout, autoconf, root), exercisers (fsx, fio), programs, speed (E4),
kills (E5), soak (E6). Each writes conformance/results/posix-PART.json and .md.
"""

import argparse
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from itertools import groupby
from pathlib import Path

from conformance.performance.machine import describe
from conformance.posix import exercisers, kills, pjdfstest, programs, soak, speed
from conformance.posix.mounts import MOUNTERS, PEERS, mounted, version_of
from conformance.posix.results import Row, print_row, write
from conformance.posix.stage import staged
from conformance.support.servers import ORIGINS


def main(words: Sequence[str]) -> int:
    """Run the parts; 1 where Forebay failed anything that no reason explains."""
    chosen = _parser().parse_args(words)
    failed = False
    with tempfile.TemporaryDirectory(prefix="forebay-posix-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # pjdfstest asks as other users
        for part in chosen.parts:
            rows = PARTS[part](chosen, folder / part)
            failed = failed or any(row.failures and row.mounter == "forebay" for row in rows)
            if not chosen.quick:
                about = {"origin": chosen.origin, **_versions(chosen), **describe()}
                write(part, rows, about)
            shutil.rmtree(folder / part, ignore_errors=True)
    return int(failed)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="conformance/run.py posix", description=__doc__)
    parser.add_argument(
        "parts", nargs="+", choices=sorted(PARTS), metavar="PART", help=str([*PARTS])
    )
    parser.add_argument("--origin", choices=ORIGINS, default="embedded")
    parser.add_argument("--mounter", choices=sorted(MOUNTERS), default="forebay")
    parser.add_argument("--peer", choices=PEERS, action="append", default=[])
    parser.add_argument("--pjdfstest", type=Path, help="a checkout of pjd/pjdfstest")
    parser.add_argument("--only", default="", help="a group or a program's name")
    parser.add_argument("--operations", type=int, default=1_000_000, help="of fsx")
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--seconds", type=float, default=600.0, help="of soak")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--quick", action="store_true", help="little work; writes nothing")
    return parser


def _each(chosen: argparse.Namespace) -> tuple[str, ...]:
    return (chosen.mounter, *chosen.peer)


def _pjdfstest(chosen: argparse.Namespace, folder: Path) -> list[Row]:
    if chosen.pjdfstest is None:
        sys.exit("conformance: pjdfstest needs --pjdfstest PATH, a checkout of pjd/pjdfstest")
    rows = []
    for name in _each(chosen):
        with staged(chosen.origin) as stage, mounted(name, stage, "pjd", folder / name) as mount:
            results = pjdfstest.run(chosen.pjdfstest, mount.path, chosen.only)
            for _, group in groupby(results, key=lambda one: one.group):
                rows += _told(pjdfstest.rows(list(group), name))
    return rows


def _exercisers(chosen: argparse.Namespace, folder: Path) -> list[Row]:
    rows = []
    for name in _each(chosen):
        with staged(chosen.origin) as stage, mounted(name, stage, "x", folder / name) as mount:
            operations = 2000 if chosen.quick else chosen.operations
            rows += _told([exercisers.fsx(mount, folder, operations, chosen.seed)])
            rows += _told(exercisers.fio(mount, folder))
    return rows


def _programs(chosen: argparse.Namespace, folder: Path) -> list[Row]:
    rows = []
    for name in _each(chosen):
        with staged(chosen.origin) as stage, mounted(name, stage, "p", folder / name) as mount:
            rows += _told(programs.run_programs(mount, folder / f"local-{name}", chosen.only))
    return rows


def _speed(chosen: argparse.Namespace, folder: Path) -> list[Row]:
    sizes = speed.Sizes.quick() if chosen.quick else speed.Sizes()
    rows = speed.warm(_each(chosen), chosen.origin, folder, sizes)
    rows += speed.cold(_each(chosen), chosen.origin, folder, sizes)
    return _told(rows)


def _kills(chosen: argparse.Namespace, folder: Path) -> list[Row]:
    count = 5 if chosen.quick else chosen.kills
    return _told([kills.kills(chosen.origin, folder, count, chosen.mounter)])


def _soak(chosen: argparse.Namespace, folder: Path) -> list[Row]:
    seconds = 30.0 if chosen.quick else chosen.seconds
    return _told([soak.soak(chosen.origin, folder, seconds, chosen.mounter)])


def _told(rows: list[Row]) -> list[Row]:
    for row in rows:
        print_row(row)
    return rows


def _versions(chosen: argparse.Namespace) -> dict[str, str]:
    return {name: version_of(name) for name in chosen.peer}


PARTS: dict[str, Callable[[argparse.Namespace, Path], list[Row]]] = {
    "pjdfstest": _pjdfstest,
    "exercisers": _exercisers,
    "programs": _programs,
    "speed": _speed,
    "kills": _kills,
    "soak": _soak,
}
