"""`forebay identity`: who may use Forebay, changed while it runs; it works on the state itself.

What these commands change holds from the next request on, whether a gateway runs or not. Secrets
come in by standard input or the environment, never by argv, which every user of the machine reads.
"""

import argparse
import json
import os
import pwd
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from rich import box
from rich.console import Console
from rich.table import Table

from gateway.access.identity_ledger import IdentityLedger, Wanted
from gateway.access.kept_identities import KeyPair
from gateway.access.policy import PolicyError, compile_policy
from gateway.access.policy_parsing import parse_json
from gateway.assembly.state import make_ledger, open_store
from gateway.model.failures import Failure
from gateway.settings.reading import SettingsError
from gateway.settings.tree import Settings
from gateway.state.sealing import SealError
from gateway.telemetry import application_log

_ENVIRONMENT: Final = "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"
_CELL_LETTERS_MAX: Final = 24
_ONCE: Final = "this is the only time that the secret key is shown"

Shown = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Desk:
    """What a command works with."""

    settings: Settings
    ledger: IdentityLedger
    arguments: argparse.Namespace

    @property
    def name(self) -> str:
        """Return the identity that the command is about."""
        return str(self.arguments.name)

    def tell(self, shown: Shown, sentence: str) -> None:
        """Print JSON for programs where it was asked for, else a sentence for people."""
        as_json = self.arguments.json
        sys.stdout.write((json.dumps(shown, indent=2) if as_json else sentence) + "\n")


def change_identities(settings: Settings, arguments: argparse.Namespace) -> int:
    """Do what the subcommand says; raises SettingsError with one sentence where it cannot."""
    form = "text" if sys.stderr.isatty() else settings.log.format
    application_log.configure(settings.log.level, form, "cli")
    with _in_words(), open_store(settings) as store:
        desk = _Desk(settings, make_ledger(settings, store), arguments)
        _COMMANDS[arguments.subcommand](desk)
    return 0


@contextmanager
def _in_words() -> Iterator[None]:
    try:
        yield
    except Failure as failure:
        raise SettingsError(failure.message) from None
    except SealError as error:
        raise SettingsError(f"a secret of the state cannot be opened: {error}") from None


def _add(desk: _Desk) -> None:
    wanted = Wanted(
        desk.name,
        _policy(desk.arguments.policy),
        tuple(dict.fromkeys(desk.arguments.group)),
        _keys(desk.arguments.keys),
        desk.arguments.requests_per_second,
        desk.arguments.bytes_per_second,
    )
    kept, keys = desk.ledger.add(wanted, by=_who())
    _tell_keys(desk, kept.shown(), keys, "added")


def _change(desk: _Desk) -> None:
    given = desk.arguments
    changes: Shown = {}
    if given.policy is not None:
        changes["policy"] = None if given.policy == "none" else _policy(given.policy)
    if given.group:
        changes["groups"] = tuple(one for one in dict.fromkeys(given.group) if one != "none")
    for name, value in (
        ("requests_per_second_max", given.requests_per_second),
        ("bytes_per_second_max", given.bytes_per_second),
    ):
        if value is not None:
            changes[name] = value or None
    if not changes:
        raise SettingsError("there is nothing to change: give --policy, --group or a rate")
    shown = desk.ledger.change(desk.name, changes, by=_who()).shown()
    desk.tell(shown, f'identity "{desk.name}" is changed, from the next request on')


def _rotate(desk: _Desk) -> None:
    kept, keys = desk.ledger.rotate(desk.name, _keys(desk.arguments.keys), by=_who())
    _tell_keys(desk, kept.shown(), keys, "has new keys, and the old ones are void")


def _tell_keys(desk: _Desk, shown: Shown, keys: KeyPair, what: str) -> None:
    """Show the secret, once, and not where it came from the caller."""
    if desk.arguments.keys is not None:
        desk.tell(shown, f'identity "{desk.name}" {what}: access key {keys.access_key}')
        return
    desk.tell(
        shown | {"secret_key": keys.secret_key},
        f'identity "{desk.name}" {what}; {_ONCE}\n'
        f"access key  {keys.access_key}\nsecret key  {keys.secret_key}",
    )


def _disable(desk: _Desk) -> None:
    shown = desk.ledger.disable(desk.name, by=_who()).shown()
    desk.tell(shown, f'identity "{desk.name}" is disabled, its sessions too')


def _enable(desk: _Desk) -> None:
    shown = desk.ledger.enable(desk.name, by=_who()).shown()
    desk.tell(shown, f'identity "{desk.name}" is enabled')


def _remove(desk: _Desk) -> None:
    shown = desk.ledger.remove(desk.name, by=_who()).shown()
    desk.tell(shown, f'identity "{desk.name}" is removed, its sessions too')


def _reseal(desk: _Desk) -> None:
    count = desk.ledger.reseal(by=_who())
    words = f"{count} secrets were sealed anew with the first key; the other keys may go"
    desk.tell({"resealed": count}, words)


def _list(desk: _Desk) -> None:
    identities = [*_of_state(desk), *_of_settings(desk)]
    if desk.arguments.json:
        desk.tell({"identities": identities}, "")
    else:
        Console().print(_table(identities))


def _show(desk: _Desk) -> None:
    found = {one["name"]: one for one in _of_settings(desk)}.get(desk.name)
    shown = found or desk.ledger.get(desk.name).shown() | {"source": "state"}
    lines = (f"{key + ':':<12}{_written(value)}" for key, value in shown.items())
    desk.tell(shown, "\n".join(lines))


def _of_state(desk: _Desk) -> Iterator[Shown]:
    return (one.shown() | {"source": "state"} for one in desk.ledger.all())


def _of_settings(desk: _Desk) -> Iterator[Shown]:
    for one in desk.settings.identities:
        yield {
            "name": one.name,
            "access_key": one.access_key,
            "policy": one.policy,
            "groups": list(one.groups),
            "enabled": True,
            "created": None,
            "rotated": None,
            "requests_per_second_max": one.requests_per_second_max,
            "bytes_per_second_max": one.bytes_per_second_max,
            "source": "settings",
        }


def _table(identities: list[Shown]) -> Table:
    table = Table(box=box.SIMPLE, pad_edge=False)
    for column in ("name", "access key", "policy", "groups", "enabled", "since", "source"):
        table.add_column(column, overflow="fold", no_wrap=column == "access key")
    for one in identities:
        policy = one["policy"]
        table.add_row(
            one["name"],
            one["access_key"],
            _shortened(policy if isinstance(policy, str) else "IAM" if policy else "-"),
            _shortened(_written(one["groups"])),
            _written(one["enabled"]),
            _written(one["rotated"] or one["created"])[:10],
            one["source"],
            style="" if one["enabled"] else "dim",
        )
    return table


def _written(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return ", ".join(value) or "-"
    if isinstance(value, str):
        return value
    return "-" if value is None else json.dumps(value)


def _shortened(text: str) -> str:
    return text if len(text) <= _CELL_LETTERS_MAX else f"{text[: _CELL_LETTERS_MAX - 3]}..."


def _policy(given: str | None) -> object:
    """Return the policy that is named, written out, or in a file; raises SettingsError."""
    if given is None:
        return None
    is_json = given.lstrip().startswith(("{", "["))
    try:
        if not is_json and not Path(given).is_file():
            compile_policy(given)
            return given
        return parse_json(given if is_json else Path(given).read_text("utf-8"))
    except PolicyError as error:
        raise SettingsError(
            f"--policy cannot be used: {error}" + ("" if is_json else ", or name a file with one")
        ) from None


def _keys(source: str | None) -> KeyPair | None:
    """Return the keys that the caller brings; None: make a pair."""
    if source is None:
        return None
    if source == "env":
        found = [os.environ.get(name, "") for name in _ENVIRONMENT]
        where = " and ".join(_ENVIRONMENT)
    else:
        found = [sys.stdin.readline().strip() for _ in range(2)]
        where = "two lines on standard input, access key and secret key"
    if not all(found):
        raise SettingsError(f"--keys {source} needs {where}")
    return KeyPair(*found)


def _who() -> str:
    """Return who runs this, as the log tells it."""
    try:
        return f"cli (user {pwd.getpwuid(os.getuid()).pw_name})"
    except KeyError:
        return f"cli (user {os.getuid()})"


_COMMANDS: Final[Mapping[str, Callable[[_Desk], None]]] = {
    "add": _add,
    "list": _list,
    "show": _show,
    "change": _change,
    "rotate": _rotate,
    "disable": _disable,
    "enable": _enable,
    "remove": _remove,
    "reseal": _reseal,
}
