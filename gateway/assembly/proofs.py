"""The composition root's part for who asks at the WebHDFS door: trusts, tokens, passes."""

import asyncio
import logging
import os
import secrets
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from gateway.access.delegation import PURPOSE as TOKENS
from gateway.access.delegation import DelegationTokens, Lifetimes
from gateway.access.kerberos import KerberosAcceptor, KerberosNames, KerberosUnavailableError
from gateway.access.trusts import Trusts
from gateway.assembly.core import now
from gateway.doors.webhdfs.authentication import Proofs
from gateway.doors.webhdfs.passes import PURPOSE as PASSES
from gateway.doors.webhdfs.passes import Passes
from gateway.settings.reading import SettingsError, read_state_keys
from gateway.settings.tree import Settings
from gateway.settings.trusts import TrustSettings
from gateway.state.sealing import KEY_BYTES, Prover, Sealer
from gateway.state.store import StateError, Store

SWEEP_SECONDS: Final = 600.0
"""How long the row of an expired token may lie about; the token is void at once."""
_KEY_FILE: Final = "passes.key"

_log = logging.getLogger(__name__)


def make_proofs(
    settings: Settings,
    trusts: Iterable[TrustSettings],
    lifetimes: Lifetimes,
    store: Store | None,
    shared_folder: Path | None,
    *,
    keytab: Path | None = None,
    names: Mapping[str, str] | None = None,
) -> Proofs:
    """Return what claims are judged by besides the identities; raises SettingsError, OSError."""
    keys = read_state_keys(settings.state)
    prover = Prover(keys, TOKENS) if keys else None
    sealer = Sealer(keys or (_shared_key(shared_folder),), PASSES)
    return Proofs(
        _trusts(trusts),
        DelegationTokens(store, prover, lifetimes, now),
        Passes(sealer, now),
        _acceptor(keytab),
        KerberosNames(names or {}),
    )


def renew_proofs(
    proofs: Proofs, settings: Settings, trusts: Iterable[TrustSettings], lifetimes: Lifetimes
) -> None:
    """Put what was read again in force, between two requests."""
    proofs.trusts = _trusts(trusts)
    proofs.tokens.lifetimes = lifetimes
    try:
        keys = read_state_keys(settings.state)
    except SettingsError as error:  # the supervisor has just read it, so it is a matter of moments
        _log.error("the key of delegation tokens stays as it was: %s", error)
        return
    if keys:
        proofs.tokens.prover = Prover(keys, TOKENS)
        proofs.passes.sealer = Sealer(keys, PASSES)


async def keep_tokens_swept(tokens: DelegationTokens) -> None:
    """Remove the rows of expired tokens, every few minutes, for ever."""
    while True:
        await asyncio.sleep(SWEEP_SECONDS)
        try:
            gone = await asyncio.to_thread(tokens.sweep)
        except StateError as error:
            _log.warning("expired delegation tokens cannot be removed: %s", error)
        else:
            if gone:
                _log.info("%d delegation tokens have expired and are removed", gone)


def _acceptor(keytab: Path | None) -> KerberosAcceptor | None:
    try:
        return None if keytab is None else KerberosAcceptor(keytab)
    except KerberosUnavailableError as error:
        raise SettingsError(str(error)) from None


def _trusts(trusts: Iterable[TrustSettings]) -> Trusts:
    return Trusts(one.as_trust() for one in trusts)


def _shared_key(folder: Path | None) -> bytes:
    """Return the key that the workers of this run share where the operator gave none.

    It need not outlive them: passes hold for two minutes. Whichever worker is first makes it; it
    gets its name only when it is whole.
    """
    fresh = secrets.token_bytes(KEY_BYTES)
    if folder is None:
        return fresh
    draft = folder / f"{_KEY_FILE}.{os.getpid()}"
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        os.write(descriptor, fresh)
    finally:
        os.close(descriptor)
    with suppress(FileExistsError):
        (folder / _KEY_FILE).hardlink_to(draft)
    draft.unlink()
    return (folder / _KEY_FILE).read_bytes()
