"""Delegation tokens: an identity lends its rights to jobs for a while, and may take them back.

A token is a bearer's: whoever has the text is whom it stands for, until it expires, is cancelled,
or its identity is disabled or gets another secret. It is proven by a key that every worker has and
kept in the state that they share; each asks the state's moment (state/store) at each use, so that a
token is good, and void, everywhere at once.

As in Hadoop a token gets no token, and is renewed by its renewer alone, never beyond its end.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Final

from gateway.access.authentication import Principal
from gateway.access.identities import Identity, secret_mark
from gateway.access.lent_tokens import LentToken, decode_lent, row_key, short_name
from gateway.model.failures import AccessDenied, InvalidRequest, NotSupported, Overloaded
from gateway.protocol.webhdfs.tokens import (
    KIND,
    Token,
    decode_identifier,
    decode_token,
    invalid_token,
)
from gateway.state.sealing import Prover
from gateway.state.store import Store, Writing

PURPOSE: Final = "delegation tokens"
ROWS: Final = "delegation_tokens"
TOKENS_MAX: Final = 100_000
"""Rows in the state; beyond it no token is given until some end."""
SWEPT_MAX: Final = 1000
"""Rows that are looked at under one hold of the state."""
_REMEMBERED_MAX: Final = 2048
_RENEWER_LETTERS_MAX: Final = 256
_SEQUENCE: Final = b"latest delegation token"
_SEQUENCE_MAX: Final = 2**31 - 1
_NO_KEY: Final = (
    "Delegation tokens are proven with a key, and this Forebay has none: its operator should set "
    "state.key_file (or state.key)."
)


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """How long tokens hold, in seconds."""

    renewed_seconds: float = 86_400.0
    """From when they are given or renewed."""
    seconds_max: float = 604_800.0
    """From when they are given, however often they are renewed."""


class DelegationTokens:
    """Gives, opens, renews and cancels tokens."""

    def __init__(
        self,
        store: Store | None,
        prover: Prover | None,
        lifetimes: Lifetimes,
        clock: Callable[[], datetime],
    ) -> None:
        """Take the state and what proves; without either no token is given, and none is good."""
        self._store = store
        self.prover = prover
        self.lifetimes = lifetimes
        self._clock = clock
        self._remembered: dict[int, tuple[int, bytes | None]] = {}

    def give(
        self,
        principal: Principal,
        user: str,
        renewer: str,
        identity: Identity | None,
        *,
        trusted_from: str = "",
        kind: str = KIND,
        service: str = "",
    ) -> str:
        """Return a token that stands for a user; it is on the disk before it is given.

        `identity` is the principal's, as it is now; `trusted_from` is `LentToken`'s.

        Raises AccessDenied to a session and to who signs nothing, NotSupported without a key,
        Overloaded, StateError.
        """
        store, prover = self._at_hand()
        if principal.session is not None or identity is None:
            raise AccessDenied(
                "A delegation token is given to an identity that shows its own credentials."
            )
        if len(renewer) > _RENEWER_LETTERS_MAX:
            raise InvalidRequest(f"renewer has more than {_RENEWER_LETTERS_MAX} letters")
        moment, lifetimes = self._clock().timestamp(), self.lifetimes
        max_ms = int((moment + lifetimes.seconds_max) * 1000)
        lent = LentToken(
            sequence=0,
            user=user,
            renewer=short_name(renewer),
            identity=identity.name,
            identity_key=identity.access_key,
            secret_mark=secret_mark(identity.secret_key),
            issued_us=int(moment * 1_000_000),
            max_ms=max_ms,
            expires_ms=min(max_ms, int((moment + lifetimes.renewed_seconds) * 1000)),
            trusted_from=trusted_from,
        )
        kept = store.write(lambda writing: _kept(writing, lent))
        identifier = kept.identifier(prover.number).encoded()
        return Token(identifier, prover.proof(identifier), kind, service).encoded()

    def open(self, text: str) -> LentToken:
        """Return what a token stands for now, if it is proven, kept and not expired.

        Raises AuthenticationFailed (InvalidToken), StateError.
        """
        return self._valid(self._find(self._sequence(text)))

    def find(self, sequence: int) -> LentToken:
        """Return a token that was opened; raises as `open` where it ended since."""
        return self._valid(self._find(sequence))

    def renew(self, lent: LentToken) -> int:
        """Let a token hold on; return until when it does, in milliseconds since 1970.

        Whether it may be was judged before. Raises as `open`.
        """
        store, _ = self._at_hand()
        key = row_key(lent.sequence)

        def change(writing: Writing) -> int:
            now = self._valid(writing.find(ROWS, key))
            renewed_ms = self._now_ms() + int(self.lifetimes.renewed_seconds * 1000)
            renewed = replace(now, expires_ms=min(now.max_ms, renewed_ms))
            writing.put(ROWS, key, renewed.row())
            return renewed.expires_ms

        return store.write(change)

    def cancel(self, lent: LentToken) -> None:
        """Make a token void everywhere, once this returns."""
        store, _ = self._at_hand()
        store.write(lambda writing: writing.delete(ROWS, row_key(lent.sequence)))

    def sweep(self) -> int:
        """Remove the rows of what has expired, and return how many; raises StateError."""
        if self._store is None:
            return 0
        store, gone = self._store, 0
        start: bytes | None = b""
        while start is not None:
            ended, start = self._ended(store, start)
            if ended:
                gone += store.write(partial(self._removed, ended))
        return gone

    def _ended(self, store: Store, start: bytes) -> tuple[list[bytes], bytes | None]:
        """Return some rows' keys that have expired, and where to look on."""
        ended: list[bytes] = []
        with store.read() as reading:
            for number, (key, row) in enumerate(reading.rows(ROWS, start)):
                if number >= SWEPT_MAX:
                    return ended, key
                if self._is_over(row):
                    ended.append(key)
        return ended, None

    def _removed(self, keys: list[bytes], writing: Writing) -> int:
        """Remove the rows that are still over: one may have been renewed in between."""
        rows = [(key, writing.find(ROWS, key)) for key in keys]
        over = [key for key, row in rows if row is not None and self._is_over(row)]
        for key in over:
            writing.delete(ROWS, key)
        return len(over)

    def _is_over(self, row: bytes) -> bool:
        return self._now_ms() >= decode_lent(row).expires_ms

    def _sequence(self, text: str) -> int:
        """Return the number of a token that this Forebay wrote."""
        if self.prover is None:
            raise invalid_token()
        token = decode_token(text)
        identifier = decode_identifier(token.identifier)
        if not self.prover.is_proof(token.password, token.identifier, identifier.key_number):
            raise invalid_token("The delegation token is not one of this Forebay's.")
        return identifier.sequence

    def _valid(self, row: bytes | None) -> LentToken:
        lent = None if row is None else decode_lent(row)
        if lent is None or self._now_ms() >= lent.expires_ms:
            raise invalid_token("The delegation token was cancelled, or has expired.")
        return lent

    def _find(self, sequence: int) -> bytes | None:
        """Return the row of a number as the state has it now."""
        store, _ = self._at_hand()
        remembered = self._remembered.get(sequence)
        if remembered is not None and remembered[0] == store.moment():
            return remembered[1]
        with store.read() as reading:
            moment, row = reading.moment, reading.find(ROWS, row_key(sequence))
        if len(self._remembered) >= _REMEMBERED_MAX:
            self._remembered.clear()
        self._remembered[sequence] = moment, row
        return row

    def _at_hand(self) -> tuple[Store, Prover]:
        if self._store is None or self.prover is None:
            raise NotSupported(_NO_KEY)
        return self._store, self.prover

    def _now_ms(self) -> int:
        return int(self._clock().timestamp() * 1000)


def _kept(writing: Writing, lent: LentToken) -> LentToken:
    """Write a token under the next number, which no token had before."""
    if writing.count(ROWS) >= TOKENS_MAX:
        raise Overloaded(f"{TOKENS_MAX} delegation tokens are in use", retry_seconds=60.0)
    latest = writing.find("meta", _SEQUENCE)
    sequence = 1 if latest is None else int(latest) + 1
    if sequence > _SEQUENCE_MAX:
        raise Overloaded("no numbers of delegation tokens are left")
    kept = replace(lent, sequence=sequence)
    writing.put("meta", _SEQUENCE, str(sequence).encode())
    writing.put(ROWS, row_key(sequence), kept.row())
    return kept
