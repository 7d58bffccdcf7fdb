"""What `forebay identity` accepts, and the help that teaches it."""

import argparse
from collections.abc import Callable
from typing import Final

TEXT: Final = """\
Identities are kept in the state (state.path), their secrets sealed with the key in
state.key_file. A change holds from the next request on, also in a gateway that runs.

  openssl rand -base64 32 > state.key      then state.key_file = "state.key" in [state]
  forebay identity add ann --policy read-only
  forebay identity rotate ann
  forebay identity disable ann
"""

_ABOUT_ONE: Final = {
    "show": "print what is known of an identity, and no secret",
    "rotate": "give an identity new keys; the old ones are void at once",
    "disable": "refuse an identity until it is enabled, and end its sessions for good",
    "enable": "take an identity again that was disabled",
    "remove": "forget an identity, and end its sessions",
}
_ABOUT_ALL: Final = {
    "list": "print all identities, those of the settings too",
    "reseal": "seal all secrets with the first key of state.key_file, so that others may go",
}
IDENTITY_COMMANDS: Final = ("add", *_ABOUT_ONE, *_ABOUT_ALL)


def fill_identity(
    identity: argparse.ArgumentParser,
    add: Callable[[str, str], argparse.ArgumentParser],
) -> None:
    """Add the subcommands; `add` makes one of a name and a line of help, with `--config`."""
    identity.epilog = TEXT
    adding = add("add", "let somebody use Forebay, and print their keys, once")
    adding.add_argument(
        "--policy",
        metavar="POLICY",
        help="admin, read-only, a file with an IAM policy, or its JSON",
    )
    adding.add_argument(
        "--group",
        metavar="GROUP",
        action="append",
        default=[],
        help="a group of the settings, whose policy counts as well; may be repeated",
    )
    changing = [adding, *(add(name, line) for name, line in _ABOUT_ONE.items())]
    for parser in changing:
        parser.add_argument("name", metavar="NAME", help="whom")
        if parser.prog.endswith((" add", " rotate")):
            _add_keys(parser)
    for parser in (*changing, *(add(name, line) for name, line in _ABOUT_ALL.items())):
        parser.add_argument("--json", action="store_true", help="print JSON")


def _add_keys(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--keys",
        choices=("stdin", "env"),
        help="use keys of your own: two lines on standard input (access key, secret key), or "
        "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment",
    )
