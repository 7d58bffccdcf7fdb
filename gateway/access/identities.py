"""Who may use Forebay, found by access key; replaced whole on reload, never changed."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from gateway.access.policy import Policy


@dataclass(frozen=True, slots=True)
class Identity:
    """A name, the key pair that it signs with, and what it may do."""

    name: str
    access_key: str
    secret_key: str = field(repr=False)
    policy: Policy


class Identities:
    """The identities of one reading of the settings."""

    __slots__ = ("_by_access_key",)

    def __init__(self, identities: Iterable[Identity] = ()) -> None:
        """Keep the identities by access key; settings refuse one key for two."""
        self._by_access_key = {one.access_key: one for one in identities}

    def __iter__(self) -> Iterator[Identity]:
        """Yield every identity."""
        return iter(self._by_access_key.values())

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._by_access_key)

    def find(self, access_key: str) -> Identity | None:
        """Return who signs with `access_key`, if anybody does."""
        return self._by_access_key.get(access_key)
