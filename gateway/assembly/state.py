"""What identities stand on, built from settings: the state, its sealer, and the settings' side."""

import logging
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from gateway.access.identities import Identities, KnownIdentities, Written
from gateway.access.identity_ledger import IdentityLedger
from gateway.access.identity_lookup import IdentityLookup
from gateway.access.kept_identities import PURPOSE, ROWS, KeptIdentity, find_kept, is_name
from gateway.settings.entries import compiled
from gateway.settings.reading import SettingsError, read_state_keys
from gateway.settings.tree import Settings
from gateway.state.sealing import Sealer
from gateway.state.store import StateError, Store, has_state

NO_KEY: Final = (
    "no key is set that seals secrets: make one with `(umask 077; openssl rand -base64 32 > FILE)` "
    "and name the file in state.key_file"
)

_log = logging.getLogger(__name__)


@contextmanager
def open_store(settings: Settings) -> Iterator[Store | None]:
    """Yield the state, made where it is absent; None without a key, since none can be used then.

    Raises SettingsError.
    """
    if not read_state_keys(settings.state):
        yield None
        return
    with _opened(settings) as store:
        yield store


def written_of(settings: Settings) -> Written:
    """Return what the settings say of access."""
    identities = Identities(one.as_identity(settings.groups) for one in settings.identities)
    return Written(identities, compiled(settings.groups))


def make_lookup(settings: Settings, store: Store | None) -> IdentityLookup:
    """Return who is known, by the settings and in the state; raises SettingsError."""
    return IdentityLookup(written_of(settings), store, _sealer(settings))


def renewed_lookup(
    before: KnownIdentities, settings: Settings, store: Store | None
) -> KnownIdentities:
    """Return who is known by settings that were read again; `before` where the key's file went."""
    try:
        return make_lookup(settings, store)
    except SettingsError as error:  # the supervisor has just read it, so it is a matter of moments
        _log.error("the identities stay as they were: %s", error)
        return before


def make_ledger(settings: Settings, store: Store | None) -> IdentityLedger:
    """Return what changes the state's identities; raises SettingsError where no key is set."""
    sealer = _sealer(settings)
    if store is None or sealer is None:
        raise SettingsError(NO_KEY)
    return IdentityLedger(store, sealer, written_of(settings))


def refuse_unfit(settings: Settings, store: Store | None) -> None:
    """Raise SettingsError where the state's identities do not fit these settings.

    Of a key that others may read it warns: mounted secrets often are, and cannot be otherwise.
    """
    key_file = settings.state.key_file
    if key_file is not None and key_file.stat().st_mode & (stat.S_IROTH | stat.S_IWOTH):
        _log.warning(
            "every user of this machine may read or write state.key_file %s: chmod 600 it", key_file
        )
    if store is None:
        kept = count_kept(settings)
        if kept:
            raise SettingsError(
                f"the state at {settings.state.path} holds {kept} identities, and {NO_KEY}"
            )
        return
    for sentence in make_ledger(settings, store).refusals():
        raise SettingsError(sentence)


def count_kept(settings: Settings) -> int:
    """Return how many identities the state holds, which is not made where it is absent.

    For a process that has it not open. Raises SettingsError.
    """
    if not has_state(settings.state.path):
        return 0
    with _opened(settings) as store, store.read() as reading:
        return reading.count(ROWS)


def find_in_state(settings: Settings, name: str) -> KeptIdentity | None:
    """Return the state's identity of that name, for which no key is needed; as `count_kept`."""
    if not has_state(settings.state.path) or not is_name(name):
        return None
    with _opened(settings) as store, store.read() as reading:
        return find_kept(reading, name)


@contextmanager
def _opened(settings: Settings) -> Iterator[Store]:
    try:
        store = Store(settings.state.path)
    except StateError as error:
        raise SettingsError(error.message) from None
    with store:
        yield store


def _sealer(settings: Settings) -> Sealer | None:
    keys = read_state_keys(settings.state)
    return Sealer(keys, PURPOSE) if keys else None
