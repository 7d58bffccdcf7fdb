"""The performance suite: runs the measurements named, prints a table, writes JSON and Markdown.

Figures are ratios taken side by side in one run, in turns, since these machines are shared.
"""

import argparse
import sys
from collections.abc import Callable, Sequence

from conformance.performance import cold, memory, uploads, warm
from conformance.performance.figures import Outcome
from conformance.performance.report import print_outcome, write_report
from conformance.performance.workplace import Workplace, workplace

MEASUREMENTS: dict[str, Callable[[Workplace], Outcome]] = {
    "P1": warm.small_gets,
    "P3": warm.large_stream,
    "P4": cold.one_stream,
    "P5": cold.random_starts,
    "P7": cold.first_bytes,
    "P8": uploads.writes,
    "P10": memory.readers,
    "A1": warm.model_file,
    "A5": cold.crowd,
}


def main(argv: Sequence[str]) -> int:
    """Measure; 0 when every bar was met, 1 when one was not, 2 for what cannot be measured."""
    options = _options(argv)
    outcomes = []
    for name in options.measurements or MEASUREMENTS:
        with workplace(is_quick=options.quick) as place:
            try:
                outcomes.append(MEASUREMENTS[name](place))
            except FileNotFoundError as missing:
                print(f"{name}: {missing}", file=sys.stderr)
                return 2
        print_outcome(outcomes[-1])
    if not options.quick:
        write_report(outcomes)
    return 0 if all(bar.holds is not False for one in outcomes for bar in one.bars) else 1


def _options(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="conformance/run.py performance", description=__doc__)
    parser.add_argument(
        "measurements",
        nargs="*",
        metavar="ID",
        help=f"which to take, all by default: {', '.join(MEASUREMENTS)}",
    )
    parser.add_argument(
        "--quick", action="store_true", help="small and few: a look, not a figure; writes nothing"
    )
    options = parser.parse_args(argv)
    unknown = [name for name in options.measurements if name not in MEASUREMENTS]
    if unknown:
        parser.error(f"unknown measurement {unknown[0]}; known are {', '.join(MEASUREMENTS)}")
    return options


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
