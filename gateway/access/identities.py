"""Who may use Forebay, found by access key; replaced whole on reload, never changed."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Protocol

from gateway.access.policy import Policy
from gateway.model.rates import UNLIMITED, Allowance
from gateway.model.voices import FOREBAY, Voice


@dataclass(frozen=True, slots=True)
class Identity:
    """A name, the key pair that it signs with, what it may do, and who it is at the origin."""

    name: str
    access_key: str
    """'' is who signs nothing."""
    secret_key: str = field(repr=False)
    policy: Policy
    sessions_from: datetime | None = None
    """Temporary credentials that were issued before this moment are void; None: none are."""
    voice: Voice = FOREBAY
    """Who asks the origin for it."""
    allowance: Allowance = UNLIMITED
    """How much it may use of all workers together."""
    groups: tuple[str, ...] = ()
    """Those that it is in, by name, for the modes of files."""


def secret_mark(secret_key: str) -> str:
    """Return what tells one secret from the next; the secret cannot be had from it."""
    return sha256(b"forebay session\0" + secret_key.encode()).hexdigest()[:32]


class KnownIdentities(Protocol):
    """Tells who signs with a key as of now: asked anew for every request."""

    def find(self, access_key: str) -> Identity | None:
        """Return who may sign with `access_key` now; the same object while nothing changed."""

    def find_name(self, name: str) -> Identity | None:
        """Return who is called `name` now, if they may be used."""

    @property
    def anonymous(self) -> Identity | None:
        """Return whose rights unsigned requests have; None: they are refused."""


class Identities:
    """The identities of one reading of the settings."""

    __slots__ = ("_by_access_key", "_by_name", "anonymous")

    def __init__(self, identities: Iterable[Identity] = ()) -> None:
        """Keep the identities; settings refuse one key or one name for two."""
        kept = tuple(identities)
        self.anonymous = next((one for one in kept if not one.access_key), None)
        """Whose rights unsigned requests have; None: they are refused."""
        self._by_access_key = {one.access_key: one for one in kept if one.access_key}
        self._by_name = {one.name: one for one in kept}

    def __iter__(self) -> Iterator[Identity]:
        """Yield every identity."""
        return iter(self._by_name.values())

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._by_name)

    def find(self, access_key: str) -> Identity | None:
        """Return who signs with `access_key`, if anybody does."""
        return self._by_access_key.get(access_key)

    def find_name(self, name: str) -> Identity | None:
        """Return who is called `name`, if anybody is."""
        return self._by_name.get(name)


@dataclass(frozen=True, slots=True)
class Written:
    """What settings say of access: identities, and the groups that kept identities may be in."""

    identities: Identities = field(default_factory=Identities)
    groups: Mapping[str, Policy] = field(default_factory=dict)
