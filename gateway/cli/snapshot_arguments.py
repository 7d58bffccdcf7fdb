"""What `forebay snapshot` accepts, and the help that teaches it."""

import argparse
from collections.abc import Callable
from typing import Final

from gateway.settings.values import parse_seconds

SNAPSHOT_TEXT: Final = """\
A snapshot is a read-only bucket of its own name over what was under a prefix at one moment. It
lists from its record and reads with the rights on the source bucket; an object overwritten since
reads as it was, or fails in words where the origin has that version no more. It holds no bytes.

  forebay snapshot create s3://data/imagenet/ --as imagenet-2026-11 --expires 30d
  aws --endpoint-url http://127.0.0.1:9000 s3 ls s3://imagenet-2026-11/imagenet/
  forebay snapshot list
  forebay snapshot remove imagenet-2026-11
"""
_LINES: Final = {
    "create": "record what is under a prefix now, as a bucket of its own",
    "list": "print all snapshots",
    "show": "print what is known of a snapshot, and whether the origin uses its name",
    "remove": "forget a snapshot, from the next request on",
}
SNAPSHOT_COMMANDS: Final = tuple(_LINES)


def fill_snapshot(add: Callable[[str, str], argparse.ArgumentParser]) -> None:
    """Add the subcommands; `add` makes one of a name and a line of help, with `--config`."""
    made = {name: add(name, line) for name, line in _LINES.items()}
    for name, parser in made.items():
        parser.add_argument("--json", action="store_true", help="print JSON")
        if name in {"show", "remove"}:
            parser.add_argument("name", metavar="NAME", help="which snapshot")
    made["create"].add_argument("path", metavar="PATH", help="s3://bucket/prefix")
    made["create"].add_argument(
        "--as", dest="name", required=True, metavar="NAME", help="the bucket it appears as"
    )
    made["create"].add_argument(
        "--expires", type=_seconds, metavar="TIME", help="after how long it is gone (7d, 12h)"
    )


def _seconds(text: str) -> float:
    try:
        seconds = float(parse_seconds(text))
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    if seconds <= 0:
        raise argparse.ArgumentTypeError("it would be gone at once")
    return seconds
