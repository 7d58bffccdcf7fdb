"""What `forebay cache` accepts, and the help that teaches it."""

import argparse
from collections.abc import Callable
from typing import Final

from gateway.model.rates import BYTES_MIN
from gateway.settings.values import parse_size

CACHE_TEXT: Final = """\
Works on the flash folder of the settings, whether a gateway runs or not. What is taken out is
fetched again when it is next read; nothing of the bucket is touched.

A path is a prefix. warm also takes globs in quotes ("s3://models/**/*.safetensors": * ends at a /,
** does not) and a manifest, one object a line: s3://bucket/key, bucket,key (CSV) or
{"bucket": ..., "key": ...}. Killed and run again, it fetches what is missing.

  forebay cache status
  forebay cache ls s3://models/prod/
  forebay cache stat s3://models/prod/weights.bin
  forebay cache warm s3://models/prod/ --bandwidth 500MB/s
  forebay cache warm --manifest epoch-7.txt --concurrency 32
  forebay cache verify s3://models/prod/
  forebay cache pin s3://models/prod/
  forebay cache drop s3://models/old/
"""
_JOBS: Final = frozenset({"warm", "verify"})
_LINES: Final = {
    "status": "show how full flash is, and of what",
    "ls": "list the objects under a prefix, and how much of each is on flash",
    "stat": "show all that is known of one object",
    "warm": "bring objects onto flash before they are read, and tell what is there in the end",
    "verify": "read what is held against its checksums, and ask whether it is still current",
    "pin": "keep a prefix from eviction, or list what is kept so",
    "drop": "take the objects under a prefix out of flash, or one object",
}
CACHE_COMMANDS: Final = tuple(_LINES)
WARM_LINE: Final = _LINES["warm"]
LIMIT: Final = 1000
CONCURRENCY: Final = 16
_CONCURRENCY_MAX: Final = 1024


def fill_cache(add: Callable[[str, str], argparse.ArgumentParser]) -> None:
    """Add the subcommands; `add` makes one of a name and a line of help, with `--config`."""
    made = {name: add(name, line) for name, line in _LINES.items()}
    for name, parser in made.items():
        words = "print JSON" if name not in _JOBS else "print JSON, one event a line"
        parser.add_argument("--json", action="store_true", help=words)
    everything = "s3://bucket/prefix (default: everything)"
    made["ls"].add_argument("path", nargs="?", default="s3://", metavar="PATH", help=everything)
    made["ls"].add_argument(
        "--limit", type=int, default=LIMIT, metavar="N", help=f"at most so many lines ({LIMIT})"
    )
    made["stat"].add_argument("path", metavar="PATH", help="s3://bucket/key")
    _fill_warm(made["warm"])
    made["verify"].add_argument("path", metavar="PATH", help="s3://bucket/prefix")
    made["verify"].add_argument(
        "--offline", action="store_true", help="read the bytes only, and ask the origin nothing"
    )
    made["pin"].add_argument(
        "path", nargs="?", metavar="PATH", help="s3://bucket/prefix (default: list the pins)"
    )
    made["pin"].add_argument("--remove", action="store_true", help="let it be evicted again")
    which = made["drop"].add_mutually_exclusive_group(required=True)
    which.add_argument("path", nargs="?", metavar="PATH", help="s3://bucket/prefix")
    which.add_argument("--all", action="store_true", help="everything")


def fill_warm(parser: argparse.ArgumentParser) -> None:
    """Add what warming accepts, `--json` included."""
    parser.add_argument("--json", action="store_true", help="print JSON, one event a line")
    _fill_warm(parser)


def _fill_warm(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "paths", nargs="*", metavar="PATH", help='s3://bucket/prefix, or "s3://bucket/*.bin"'
    )
    parser.add_argument("--manifest", metavar="FILE", help="a file that names objects; - is stdin")
    parser.add_argument(
        "--bandwidth", type=_bandwidth, metavar="RATE", help="at most so much, such as 500MB/s"
    )
    parser.add_argument(
        "--concurrency",
        type=_concurrency,
        default=CONCURRENCY,
        metavar="N",
        help=f"requests to the origin at a time ({CONCURRENCY})",
    )


def _bandwidth(text: str) -> int:
    try:
        rate = parse_size(text.removesuffix("/s"))
    except ValueError:
        rate = 0
    if rate < BYTES_MIN:
        raise argparse.ArgumentTypeError(f'{text!r} is no rate: write "500MB/s", at least 64KiB/s')
    return rate


def _concurrency(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= _CONCURRENCY_MAX:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 to {_CONCURRENCY_MAX}")
    return int(text)
