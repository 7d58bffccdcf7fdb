"""Changing who may use Forebay while it runs: add, rotate, disable, enable, remove.

Each change is one transaction of the state, on the disk before it returns, and holds from the next
request on in every process (access/identity_lookup). A new secret is returned once, by the change
that made it, and kept only sealed.

A name or an access key stands either in the settings or in the state: whichever came second is
refused, here or when the settings are read.
"""

import logging
import secrets
import string
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Final

from gateway.access.identities import Written
from gateway.access.kept_identities import (
    ACCESS_KEYS,
    ROWS,
    KeptIdentity,
    KeyPair,
    check_keys,
    check_name,
    check_rates,
    compile_access,
    decode_kept,
    delete_kept,
    find_kept,
    is_name,
    put_kept,
)
from gateway.model.failures import InvalidRequest, NotFound
from gateway.state.sealing import Sealer, SealError
from gateway.state.store import Reading, Store, Writing

ACCESS_KEY_PREFIX: Final = "FBAK"
_ACCESS_KEY_LETTERS: Final = string.ascii_uppercase + "234567"
_RANDOM_LETTERS: Final = 16
_SECRET_BYTES: Final = 30
"""40 letters, as AWS's secrets have."""
_LATEST: Final = b"latest identity change"

_log = logging.getLogger(__name__)


def new_key_pair() -> KeyPair:
    """Return a key pair that looks like AWS's: 20 and 40 letters, 80 and 240 random bits."""
    letters = (secrets.choice(_ACCESS_KEY_LETTERS) for _ in range(_RANDOM_LETTERS))
    return KeyPair(ACCESS_KEY_PREFIX + "".join(letters), secrets.token_urlsafe(_SECRET_BYTES))


@dataclass(frozen=True, slots=True)
class Wanted:
    """An identity that is to be added; `policy` as for `KeptIdentity`."""

    name: str
    policy: object = None
    groups: tuple[str, ...] = ()
    keys: KeyPair | None = None
    """None: make a pair."""
    requests_per_second_max: float | None = None
    bytes_per_second_max: int | None = None


Changes = Mapping[str, object]
"""What an identity is to have otherwise: policy, groups, requests_per_second_max,
bytes_per_second_max; what is not in it stays."""


class IdentityLedger:
    """The state's identities, read and changed; `written` is replaced on reload."""

    def __init__(
        self,
        store: Store,
        sealer: Sealer,
        written: Written,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Take the state, the sealer for `kept_identities.PURPOSE`, and the settings' side."""
        self._store = store
        self._sealer = sealer
        self._now = now
        self.written = written

    def all(self) -> list[KeptIdentity]:
        """Return every identity, by name."""
        with self._store.read() as reading:
            return list(_every(reading))

    def page(self, after: str, count_max: int) -> list[KeptIdentity]:
        """Return up to `count_max` identities whose names come after `after`, by name."""
        with self._store.read() as reading:
            rows = reading.rows(ROWS, after.encode() + b"\0")
            return [decode_kept(row) for _, row in islice(rows, count_max)]

    def count(self) -> int:
        """Return how many there are."""
        with self._store.read() as reading:
            return reading.count(ROWS)

    def get(self, name: str) -> KeptIdentity:
        """Return the identity of that name; raises NotFound (NoSuchEntity)."""
        with self._store.read() as reading:
            return self._get(reading, name)

    def add(self, wanted: Wanted, *, by: str) -> tuple[KeptIdentity, KeyPair]:
        """Add an identity, and return it with its key pair; `by` tells the log who did it.

        Raises InvalidRequest: EntityAlreadyExists, ValidationError, NoSuchGroup,
        MalformedPolicyDocument.
        """
        check_name(wanted.name)
        keys = wanted.keys or new_key_pair()
        check_keys(keys)
        compile_access(wanted.policy, wanted.groups, self.written.groups)
        check_rates(wanted.requests_per_second_max, wanted.bytes_per_second_max)
        if self.written.identities.find_name(wanted.name) is not None:
            raise _taken(f'the name "{wanted.name}" stands in the settings')

        def change(writing: Writing) -> KeptIdentity:
            if find_kept(writing, wanted.name) is not None:
                raise _taken(f'there is an identity "{wanted.name}" already')
            self._refuse_taken_key(writing, keys)
            moment = self._moment(writing)
            kept = KeptIdentity(
                name=wanted.name,
                access_key=keys.access_key,
                sealed_secret=self._sealed(keys),
                policy=wanted.policy,
                groups=wanted.groups,
                is_enabled=True,
                created=moment,
                rotated=None,
                sessions_from=moment,
                requests_per_second_max=wanted.requests_per_second_max,
                bytes_per_second_max=wanted.bytes_per_second_max,
            )
            put_kept(writing, kept)
            return kept

        return self._told(self._store.write(change), "added", by), keys

    def change(self, name: str, changes: Changes, *, by: str) -> KeptIdentity:
        """Let an identity have other rights or rates, its keys and sessions staying as they are.

        Raises as `add` and `get`.
        """

        def change(writing: Writing) -> KeptIdentity:
            kept = replace(self._get(writing, name), **changes)  # type: ignore[arg-type]
            compile_access(kept.policy, kept.groups, self.written.groups)
            check_rates(kept.requests_per_second_max, kept.bytes_per_second_max)
            put_kept(writing, kept)
            return kept

        return self._told(self._store.write(change), "changed", by)

    def rotate(
        self, name: str, keys: KeyPair | None = None, *, by: str
    ) -> tuple[KeptIdentity, KeyPair]:
        """Give an identity a new key pair, and return both; the old pair is void at once.

        Raises as `add` and `get`.
        """
        fresh = keys or new_key_pair()
        check_keys(fresh)

        def change(writing: Writing) -> KeptIdentity:
            before = self._get(writing, name)
            self._refuse_taken_key(writing, fresh)
            moment = self._moment(writing)
            kept = replace(
                before,
                access_key=fresh.access_key,
                sealed_secret=self._sealed(fresh),
                rotated=moment,
                sessions_from=moment,
            )
            put_kept(writing, kept, before)
            return kept

        return self._told(self._store.write(change), "rotated", by), fresh

    def disable(self, name: str, *, by: str) -> KeptIdentity:
        """Refuse an identity from now on, until it is enabled; raises as `get`."""

        def change(writing: Writing) -> KeptIdentity:
            before = self._get(writing, name)
            kept = replace(before, is_enabled=False, sessions_from=self._moment(writing))
            put_kept(writing, kept)
            return kept

        return self._told(self._store.write(change), "disabled", by)

    def enable(self, name: str, *, by: str) -> KeptIdentity:
        """Take an identity that was disabled; raises as `get`."""

        def change(writing: Writing) -> KeptIdentity:
            kept = replace(self._get(writing, name), is_enabled=True)
            put_kept(writing, kept)
            return kept

        return self._told(self._store.write(change), "enabled", by)

    def remove(self, name: str, *, by: str) -> KeptIdentity:
        """Forget an identity; raises as `get`."""

        def change(writing: Writing) -> KeptIdentity:
            kept = self._get(writing, name)
            self._moment(writing)
            delete_kept(writing, kept)
            return kept

        return self._told(self._store.write(change), "removed", by)

    def reseal(self, *, by: str) -> int:
        """Seal with the first key whatever another key sealed; return how many that were.

        Raises SealError, and then nothing was changed.
        """

        def change(writing: Writing) -> int:
            old = [one for one in _every(writing) if not self._sealer.is_current(one.sealed_secret)]
            for kept in old:
                secret = self._sealer.open(kept.sealed_secret, kept.access_key)
                put_kept(
                    writing, replace(kept, sealed_secret=self._sealer.seal(secret, kept.access_key))
                )
            return len(old)

        count = self._store.write(change)
        _log.info("%d identities were sealed anew by %s", count, by)
        return count

    def refusals(self) -> Iterator[str]:
        """Yield, a sentence each, what keeps these identities from standing beside the settings'.

        What cannot be opened or judged is refused at the start and at a reload, in words, rather
        than at somebody's request.
        """
        written = self.written
        good: set[tuple[str, tuple[str, ...]]] = set()  # policies are shared by many: judged once
        for kept in self.all():
            where = f'the identity "{kept.name}" of the state'
            if written.identities.find_name(kept.name) is not None:
                yield f"{where} stands in the settings too: remove one of the two"
            elif written.identities.find(kept.access_key) is not None:
                yield f"{where} has an access key of the settings: remove one of the two"
            access = repr(kept.policy), kept.groups
            try:
                if access not in good:
                    compile_access(kept.policy, kept.groups, written.groups)
                    good.add(access)
                self._sealer.open(kept.sealed_secret, kept.access_key)
            except (InvalidRequest, SealError) as error:
                yield f"{where} cannot be used: {error}"

    def _get(self, reading: Reading, name: str) -> KeptIdentity:
        kept = find_kept(reading, name) if is_name(name) else None
        if kept is None:
            in_settings = self.written.identities.find_name(name) is not None
            remedy = ": it stands in the settings, change it there" if in_settings else ""
            raise NotFound(
                f'there is no identity "{name}" in the state{remedy}', code="NoSuchEntity"
            )
        return kept

    def _refuse_taken_key(self, writing: Writing, keys: KeyPair) -> None:
        if self.written.identities.find(keys.access_key) is not None:
            raise _taken(f'the access key "{keys.access_key}" stands in the settings')
        if writing.find(ACCESS_KEYS, keys.access_key.encode()) is not None:
            raise _taken(f'there is an identity with the access key "{keys.access_key}" already')

    def _sealed(self, keys: KeyPair) -> bytes:
        return self._sealer.seal(keys.secret_key.encode(), keys.access_key)

    def _moment(self, writing: Writing) -> datetime:
        """Return now, and never a moment that an earlier change had, whatever the clock does."""
        moment = self._now()
        latest = writing.find("meta", _LATEST)
        if latest is not None:
            later = datetime.fromisoformat(latest.decode()) + timedelta(microseconds=1)
            moment = max(moment, later)
        writing.put("meta", _LATEST, moment.isoformat().encode())
        return moment

    def _told(self, kept: KeptIdentity, what: str, by: str) -> KeptIdentity:
        _log.info("the identity %s (%s) was %s by %s", kept.name, kept.access_key, what, by)
        return kept


def _every(reading: Reading) -> Iterator[KeptIdentity]:
    return (decode_kept(row) for _, row in reading.rows(ROWS))


def _taken(sentence: str) -> InvalidRequest:
    return InvalidRequest(f"{sentence}: choose another", code="EntityAlreadyExists")
