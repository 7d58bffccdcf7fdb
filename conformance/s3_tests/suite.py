"""ceph/s3-tests, brought by the user: at the origin itself, then through Forebay before it.

    .venv/bin/python conformance/run.py s3-tests --suite PATH --origin versitygw [--https] [--wide]
    ... --origin rgw --rgw-scripts DIR --rgw-root DIR
    ... --endpoint http://127.0.0.1:PORT --users s3tests.conf

A test that passes directly and fails through Forebay is lost, and fails the run unless it stands
in known_gaps.toml with its reason; one that stands there and passes fails the run too.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from conformance.s3_tests.gaps import read_gaps
from conformance.s3_tests.places import Side, known_side, running_rgw, running_sides, running_single
from conformance.s3_tests.runner import WIDE, Outcome, Selection, Suite, make_environment
from conformance.s3_tests.scorecard import Scorecard, compare, with_unsteady, write
from conformance.s3_tests.users import read_users

_HERE = Path(__file__).resolve().parent
_RESULTS = _HERE.parent / "results"
_CORE = _HERE / "core.txt"
_CACHE = Path.home() / ".cache/forebay"
_REPEATS = 40
"""How often the origin is asked again for a test that is lost."""
_ABORTING = {"rgw": ("test_upload_part_copy_percent_encoded_key",)}
"""Origin -> tests that end the origin itself: radosgw 16 aborts."""


def main(words: Sequence[str]) -> int:
    """Run the suite; exit code 1 if anything is lost, or passes that is said not to."""
    chosen = _parser().parse_args(words)
    name = chosen.name or ("endpoint" if chosen.endpoint else chosen.origin)
    suite = Suite(
        chosen.suite.resolve(),
        make_environment(chosen.suite.resolve(), chosen.venv),
        chosen.jobs,
    )
    with (
        tempfile.TemporaryDirectory(prefix="forebay-s3-tests-") as folder,
        # One for each side: what some tests leave to the users (a policy) the other must not meet.
        _running_chosen(chosen, Path(folder) / "direct") as origin,
        _running_chosen(chosen, Path(folder) / "behind") as behind,
        running_sides(origin, behind, Path(folder), is_secure=chosen.https) as sides,
    ):
        card = _play(suite, sides, chosen, name)
    path = write(card, chosen.out)
    for row in card.rows:
        if row.verdict in ("LOST", "passes unexpectedly"):
            sys.stdout.write(f"{row.verdict}: {row.test}: {row.forebay.words[:500]}\n")
    sys.stdout.write(f"{name} by {card.scheme}: {card.summary()}\n{path}\n")
    return int(card.is_failing)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="conformance/run.py s3-tests", description=__doc__)
    parser.add_argument("--suite", type=Path, required=True, help="a checkout of ceph/s3-tests")
    parser.add_argument("--origin", choices=("minio", "rgw", "versitygw"), default="versitygw")
    parser.add_argument("--rgw-scripts", type=Path, help="the folder of rgw-up.sh")
    parser.add_argument("--rgw-root", type=Path, default=_CACHE / "rgw/root", help="unpacked")
    parser.add_argument("--endpoint", help="an origin that runs already")
    parser.add_argument("--users", type=Path, help="its users, in the form of s3tests.conf")
    parser.add_argument("--name", default="", help="what the scorecard calls the origin")
    parser.add_argument("--https", action="store_true", help="by https in place of http")
    parser.add_argument("--wide", action="store_true", help=f"all tests with: {WIDE}")
    parser.add_argument("-k", dest="expression", default="", help="pytest's -k")
    parser.add_argument("--jobs", type=int, default=1, help="tests at a time")
    parser.add_argument("--venv", type=Path, default=_CACHE / "s3tests-venv")
    parser.add_argument("--gaps", type=Path, default=_HERE / "known_gaps.toml")
    parser.add_argument("--out", type=Path, default=_RESULTS)
    return parser


@contextmanager
def _running_chosen(chosen: argparse.Namespace, folder: Path) -> Iterator[Side]:
    """Run the chosen origin, or take the one that runs."""
    folder.mkdir()
    if chosen.endpoint:
        yield known_side(chosen.endpoint, read_users(chosen.users))
    elif chosen.origin == "rgw":
        with running_rgw(chosen.rgw_scripts, chosen.rgw_root, folder) as side:
            yield side
    else:
        with running_single(chosen.origin) as side:
            yield side


def _play(suite: Suite, sides: dict[str, Side], chosen: argparse.Namespace, name: str) -> Scorecard:
    """Run the selection on both sides, one after the other, and compare."""
    selection = Selection(
        names=None if chosen.wide else _CORE,
        markers=WIDE if chosen.wide else "",
        expression=chosen.expression,
        excluded=_ABORTING.get(chosen.origin, ()) if not chosen.endpoint else (),
    )
    scheme = "https" if chosen.https else "http"
    kind = ("wide" if chosen.wide else "core") + ("-part" if chosen.expression else "")
    outcomes: dict[str, dict[str, Outcome]] = {}
    seconds = {}
    for side, place in sides.items():
        begun = time.monotonic()
        folder = chosen.out / f"local/s3-tests-{kind}-{name}-{scheme}-{side}"
        outcomes[side] = suite.run(place, selection, folder)
        seconds[side] = round(time.monotonic() - begun, 1)
        passed = sum(one.outcome == "passed" for one in outcomes[side].values())
        sys.stdout.write(f"{side}: {passed} of {len(outcomes[side])} in {seconds[side]} s\n")
        sys.stdout.flush()
    rows = compare(outcomes["direct"], outcomes["forebay"], read_gaps(chosen.gaps).reasons(name))
    lost = [row.test.rpartition("::")[2] for row in rows if row.verdict == "LOST"]
    if lost:
        # Chance at the origin (versitygw lists tags in any order) is no loss, but must be seen.
        again = replace(selection, expression=" or ".join(lost), repeats=_REPEATS)
        folder = chosen.out / f"local/s3-tests-{kind}-{name}-{scheme}-again"
        rows = with_unsteady(rows, suite.run(sides["direct"], again, folder))
    absent: tuple[str, ...] = ()
    if not chosen.wide and not chosen.expression:
        ran = {row.test.rpartition("::")[2].partition("[")[0] for row in rows}
        absent = tuple(
            test
            for test in _CORE.read_text("utf-8").split()
            if test not in ran and test not in selection.excluded
        )
    return Scorecard(name, scheme, kind, rows, absent, selection.excluded, seconds)
