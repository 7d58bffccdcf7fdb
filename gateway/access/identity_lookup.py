"""Who signs with a key as of this very request: the settings' identities, then the state's.

The state may be changed by another process between any two requests. Each look-up therefore asks
for the state's moment (state/store), and while it stands still answers from memory. Once it moved,
the identity that is asked for is read again, and only that one; where its row is what it was, its
secret is not unsealed and its policy not compiled anew. So a change holds from the next request on,
and costs each identity in use one read.
"""

import logging
from collections import OrderedDict
from typing import Final

from gateway.access.identities import Identity, Written
from gateway.access.kept_identities import (
    ACCESS_KEYS,
    ROWS,
    KeptIdentity,
    compile_access,
    decode_kept,
    find_kept,
    is_name,
    opened,
)
from gateway.access.policy import Policy
from gateway.model.failures import Failure
from gateway.state.sealing import Sealer, SealError
from gateway.state.store import Store

REMEMBERED_MAX: Final = 2048
"""Identities that are kept unsealed and compiled; beyond it the one longest unused goes."""
POLICIES_MAX: Final = 512
"""Compiled policies that identities share; beyond it all are compiled anew."""
_ACCESS_KEY_LETTERS_MAX: Final = 128

_log = logging.getLogger(__name__)


class _Remembered:
    """A row as it was at a moment, and what was made of it; None: nobody may use it."""

    __slots__ = ("identity", "moment", "row")

    def __init__(self, row: bytes, identity: Identity | None, moment: int) -> None:
        self.row = row
        self.identity = identity
        self.moment = moment


class IdentityLookup:
    """Answers for one reading of the settings; a reload makes another."""

    def __init__(
        self, written: Written, store: Store | None = None, sealer: Sealer | None = None
    ) -> None:
        """Take the settings' side, and the state with the sealer of its secrets, if there is one.

        The sealer is one for `kept_identities.PURPOSE`.
        """
        self._written = written
        self._store = store
        self._sealer = sealer
        self._remembered: OrderedDict[str, _Remembered] = OrderedDict()
        self._policies: dict[tuple[str, tuple[str, ...]], Policy] = {}
        self._keys: dict[str, str] = {}
        """The access keys that names had when they were last looked up."""

    @property
    def anonymous(self) -> Identity | None:
        """Return whose rights unsigned requests have; only the settings name somebody."""
        return self._written.identities.anonymous

    def find(self, access_key: str) -> Identity | None:
        """Return who may sign with `access_key` now; the same object while nothing changed.

        Raises StateError.
        """
        identity = self._written.identities.find(access_key)
        if identity is not None or self._store is None or self._sealer is None:
            return identity
        remembered = self._remembered.get(access_key)
        if remembered is not None and remembered.moment == self._store.moment():
            return remembered.identity
        return self._read(access_key, self._store, self._sealer)

    def find_name(self, name: str) -> Identity | None:
        """Return who is called `name` now; only who may be used.

        Raises StateError.
        """
        identity = self._written.identities.find_name(name)
        if identity is not None or self._store is None:
            return identity
        access_key = self._keys.get(name)
        identity = self.find(access_key) if access_key is not None else None
        if identity is not None and identity.name == name:
            return identity
        with self._store.read() as reading:
            kept = find_kept(reading, name) if is_name(name) else None
        if kept is None:
            return None
        if len(self._keys) >= REMEMBERED_MAX:
            self._keys.clear()
        self._keys[name] = kept.access_key
        return self.find(kept.access_key)

    def _read(self, access_key: str, store: Store, sealer: Sealer) -> Identity | None:
        """Read one identity again, all of it in one snapshot."""
        if not access_key.isascii() or not 0 < len(access_key) <= _ACCESS_KEY_LETTERS_MAX:
            return None
        with store.read() as reading:
            moment = reading.moment
            name = reading.find(ACCESS_KEYS, access_key.encode())
            row = reading.find(ROWS, name) if name is not None else None
        remembered = self._remembered.get(access_key)
        if row is None:
            self._remembered.pop(access_key, None)
            return None
        if remembered is None or remembered.row != row:
            remembered = _Remembered(row, self._made(decode_kept(row), sealer), moment)
            self._remembered[access_key] = remembered
            if len(self._remembered) > REMEMBERED_MAX:
                self._remembered.popitem(last=False)
        remembered.moment = moment
        self._remembered.move_to_end(access_key)
        return remembered.identity

    def _made(self, kept: KeptIdentity, sealer: Sealer) -> Identity | None:
        """Return the identity of a row; one that cannot be judged as it was meant may do nothing.

        It is checked when it is added and at every start, so here it was added beside this gateway,
        under a key or a group that this gateway does not know.
        """
        if not kept.is_enabled:
            return None
        try:
            return opened(kept, self._policy(kept), sealer)
        except (Failure, SealError) as error:
            _log.error("the identity %s of the state is refused: %s", kept.name, error)
            return None

    def _policy(self, kept: KeptIdentity) -> Policy:
        """Return what it may do; identities with the same policy share what it was compiled to."""
        written = repr(kept.policy), kept.groups
        policy = self._policies.get(written)
        if policy is None:
            if len(self._policies) >= POLICIES_MAX:
                self._policies.clear()
            policy = compile_access(kept.policy, kept.groups, self._written.groups)
            self._policies[written] = policy
        return policy
