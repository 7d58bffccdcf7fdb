"""A state with identities for tests: ledger and lookup over one store, under keys of their own."""

from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

from gateway.access.identities import Identities, Identity, Written
from gateway.access.identity_ledger import IdentityLedger
from gateway.access.identity_lookup import IdentityLookup
from gateway.access.kept_identities import PURPOSE
from gateway.access.policy import compile_policy
from gateway.state.sealing import Sealer
from gateway.state.store import Store

KEY = bytes(range(32))
OTHER_KEY = bytes(range(1, 33))
READERS = compile_policy(
    [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "a/*"}], 'group "readers", '
)
SETTLED = Identity("settled", "settled-key", "settled-secret", compile_policy("admin"))
WRITTEN = Written(Identities([SETTLED]), {"readers": READERS})
BY = "a test"


@dataclass
class Clock:
    """A clock that moves a second each time it is asked."""

    now: datetime = field(default_factory=lambda: datetime(2026, 11, 21, tzinfo=UTC))

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


class Kept:
    """Opens a state, closes it, and opens it again."""

    def __init__(
        self, path: Path, *, written: Written = WRITTEN, keys: tuple[bytes, ...] = (KEY,)
    ) -> None:
        self._path = path
        self.written = written
        self.keys = keys
        self.clock = Clock()

    def __enter__(self) -> Self:
        self._stack = ExitStack()
        self.store = self._stack.enter_context(Store(self._path))
        sealer = Sealer(self.keys, PURPOSE)
        self.ledger = IdentityLedger(self.store, sealer, self.written, self.clock)
        self.lookup = IdentityLookup(self.written, self.store, sealer)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()
