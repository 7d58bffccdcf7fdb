"""What `forebay simulate` accepts."""

import argparse
from pathlib import Path
from typing import Final

POLICIES: Final = ("s3-fifo", "clock")


def fill_simulate(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("--trace", type=Path, required=True, metavar="FILE", help="what was read")
    parser.add_argument(
        "--size", nargs="+", metavar="SIZE", help="flash sizes to try (default: flash.size)"
    )
    parser.add_argument(
        "--policy",
        nargs="+",
        choices=POLICIES,
        default=["s3-fifo"],
        metavar="NAME",
        help="s3-fifo, which the gateway goes by, or clock, to compare",
    )
    parser.add_argument(
        "--warm-up",
        type=int,
        default=0,
        metavar="N",
        help="leave the first N requests out of the figures",
    )
    parser.add_argument("--json", action="store_true", help="print JSON in place of a table")
