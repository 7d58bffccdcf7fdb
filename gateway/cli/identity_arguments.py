"""What `forebay identity` accepts, and the help that teaches it."""

import argparse
from collections.abc import Callable
from typing import Final

from gateway.settings.values import parse_size

TEXT: Final = """\
Identities are kept in the state (state.path), their secrets sealed with the key in
state.key_file. A change holds from the next request on, also in a gateway that runs.

  (umask 077; openssl rand -base64 32 > state.key)      then state.key_file = "state.key" in [state]
  forebay identity add ann --policy read-only
  forebay identity change ann --policy admin --bytes-per-second 20MiB
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
IDENTITY_COMMANDS: Final = ("add", "change", *_ABOUT_ONE, *_ABOUT_ALL)


def fill_identity(
    identity: argparse.ArgumentParser,
    add: Callable[[str, str], argparse.ArgumentParser],
) -> None:
    """Add the subcommands; `add` makes one of a name and a line of help, with `--config`."""
    identity.epilog = TEXT
    adding = add("add", "let somebody use Forebay, and print their keys, once")
    _add_rights(adding, none="")
    other = add("change", "give an identity another policy, other groups or rates")
    _add_rights(other, none="; none takes it away")
    changing = [adding, other, *(add(name, line) for name, line in _ABOUT_ONE.items())]
    for parser in changing:
        parser.add_argument("name", metavar="NAME", help="whom")
        if parser.prog.endswith((" add", " rotate")):
            _add_keys(parser)
    for parser in (*changing, *(add(name, line) for name, line in _ABOUT_ALL.items())):
        parser.add_argument("--json", action="store_true", help="print JSON")


def _add_rights(parser: argparse.ArgumentParser, *, none: str) -> None:
    parser.add_argument(
        "--policy",
        metavar="POLICY",
        help=f"admin, read-only, a file with an IAM policy, or its JSON{none}",
    )
    parser.add_argument(
        "--group",
        metavar="GROUP",
        action="append",
        default=[],
        help=f"a group of the settings, whose policy counts as well; may be repeated{none}",
    )
    unbound = "; 0 takes the bound away" if none else ""
    parser.add_argument(
        "--requests-per-second",
        type=float,
        metavar="N",
        help=f"requests a second on all workers together; more are refused{unbound}",
    )
    parser.add_argument(
        "--bytes-per-second",
        type=_size,
        metavar="SIZE",
        help=f"body bytes a second (20MiB), up and down; faster ones are slowed down{unbound}",
    )


def _size(text: str) -> int:
    try:
        return parse_size(int(text) if text.isdigit() else text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _add_keys(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--keys",
        choices=("stdin", "env"),
        help="use keys of your own: two lines on standard input (access key, secret key), or "
        "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment",
    )
