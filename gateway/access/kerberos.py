"""Kerberos: whose ticket a client shows (SPNEGO), and whom the settings say that is.

The library is an extra (`pip install forebay[kerberos]`), and it may block (it reads the keytab,
and notes each ticket on disk so that none is shown twice), so it is asked in a thread.
https://www.rfc-editor.org/rfc/rfc4559
"""

import asyncio
import binascii
import re
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Final, Protocol

from gateway.access.lent_tokens import short_name
from gateway.model.failures import AuthenticationFailed, InvalidRequest

NEGOTIATE: Final = "Negotiate"
TOKEN_LETTERS_MAX: Final = 64 * 1024
"""Of a ticket; those of Windows domains hold a user's groups, and are long."""
_ANY: Final = "*"
_NAME: Final = re.compile(r"\*|[^@/*\"\s]+(?:/[^@/*\"\s]+)?").fullmatch
_REALM: Final = re.compile(r"[^@/*\"\s]+").fullmatch
"""A quote is no letter of either: TOML's own, written twice, would name nobody."""


class Ticket(Protocol):
    """A ticket that was proven."""

    @property
    def principal(self) -> str:
        """Return whose it is, `alice@REALM` or `yarn/host@REALM`."""
        ...

    @property
    def reply(self) -> str:
        """Return what proves us to the client, in base64; '' where nothing does."""
        ...


class AcceptsTickets(Protocol):
    """Proves tickets."""

    async def accept(self, token: str) -> Ticket:
        """Return the ticket in a token (base64); raises AuthenticationFailed, InvalidRequest."""
        ...


@dataclass(frozen=True, slots=True)
class Accepted:
    """A ticket that was proven."""

    principal: str
    reply: str


class KerberosUnavailableError(Exception):
    """The library is not there, or the keytab cannot be used; the message is one sentence."""


class KerberosAcceptor:
    """Proves tickets by the keys in a keytab."""

    def __init__(self, keytab: Path) -> None:
        """Read the keytab; raises KerberosUnavailableError."""
        try:
            self._gssapi: Any = import_module("gssapi")
        except ImportError as error:  # also where the C library of the machine is missing
            raise KerberosUnavailableError(
                f"webhdfs.kerberos_keytab needs the extra forebay[kerberos]: {error}"
            ) from None
        self._store = {"keytab": f"FILE:{keytab}"}
        try:
            self._gssapi.Credentials(usage="accept", store=self._store)
        except self._gssapi.exceptions.GSSError as error:
            raise KerberosUnavailableError(
                f"webhdfs.kerberos_keytab {keytab} cannot be used: {error}"
            ) from None

    async def accept(self, token: str) -> Accepted:
        """Return the ticket in a token; raises AuthenticationFailed, InvalidRequest."""
        try:
            if len(token) > TOKEN_LETTERS_MAX:
                raise InvalidRequest("The Negotiate token is too long.")
            raw = b64decode(token, validate=True)
        except (binascii.Error, ValueError):
            raise InvalidRequest("The Negotiate token is no base64.") from None
        return await asyncio.to_thread(self._accepted, raw)

    def _accepted(self, raw: bytes) -> Accepted:
        gssapi = self._gssapi
        try:
            # Read anew, so that a key that was replaced in the keytab is in use at once.
            keys = gssapi.Credentials(usage="accept", store=self._store)
            context = gssapi.SecurityContext(creds=keys, usage="accept")
            reply = context.step(raw)
            if not context.complete:
                raise _refused("it takes more than one step, which only NTLM does")
            return Accepted(str(context.initiator_name), b64encode(reply or b"").decode())
        except gssapi.exceptions.GSSError as error:
            raise _refused(str(error)) from None


class KerberosNames:
    """Which identity a Kerberos name is (pure)."""

    __slots__ = ("_identities",)

    def __init__(self, identities: Mapping[str, str]) -> None:
        """Take identities by names, `alice@REALM`; `*@REALM` is everybody else of a realm.

        The identity `*` is the one that is called like the user. Raises ValueError for what is no
        name.
        """
        for name in identities:
            user, _, realm = name.rpartition("@")
            if not _NAME(user) or not _REALM(realm):
                raise ValueError(f'"{name}" is no Kerberos name: write "alice@EXAMPLE.COM"')
        self._identities = dict(identities)

    def find(self, principal: str) -> str | None:
        """Return the identity of a principal; a service's (`yarn/host@REALM`) by its whole name."""
        named = self._identities.get(principal)
        if named is None and "/" not in principal:
            named = self._identities.get(f"{_ANY}@{principal.rpartition('@')[2]}")
        return short_name(principal) if named == _ANY else named


NO_NAMES: Final = KerberosNames({})


def _refused(why: str) -> AuthenticationFailed:
    return AuthenticationFailed(f"The Kerberos ticket is not taken: {why}")
