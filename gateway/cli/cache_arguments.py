"""What `forebay cache` accepts, and the help that teaches it."""

import argparse
from collections.abc import Callable
from typing import Final

CACHE_TEXT: Final = """\
Works on the flash folder of the settings, whether a gateway runs or not. What is taken out is
fetched again when it is next read; nothing of the bucket is touched.

  forebay cache status
  forebay cache ls s3://models/prod/
  forebay cache stat s3://models/prod/weights.bin
  forebay cache drop s3://models/old/
"""
_LINES: Final = {
    "status": "show how full flash is, and of what",
    "ls": "list the objects under a prefix, and how much of each is on flash",
    "stat": "show all that is known of one object",
    "drop": "take the objects under a prefix out of flash, or one object",
}
CACHE_COMMANDS: Final = tuple(_LINES)
LIMIT: Final = 1000


def fill_cache(add: Callable[[str, str], argparse.ArgumentParser]) -> None:
    """Add the subcommands; `add` makes one of a name and a line of help, with `--config`."""
    made = {name: add(name, line) for name, line in _LINES.items()}
    for parser in made.values():
        parser.add_argument("--json", action="store_true", help="print JSON")
    everything = "s3://bucket/prefix (default: everything)"
    made["ls"].add_argument("path", nargs="?", default="s3://", metavar="PATH", help=everything)
    made["ls"].add_argument(
        "--limit", type=int, default=LIMIT, metavar="N", help=f"at most so many lines ({LIMIT})"
    )
    made["stat"].add_argument("path", metavar="PATH", help="s3://bucket/key")
    which = made["drop"].add_mutually_exclusive_group(required=True)
    which.add_argument("path", nargs="?", metavar="PATH", help="s3://bucket/prefix")
    which.add_argument("--all", action="store_true", help="everything")
