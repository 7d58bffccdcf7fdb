"""Who is believed when they say who they are: networks, and whom their users are (pure).

Hadoop calls it pseudo authentication: `user.name` proves nothing. It is taken only from networks
that the settings name, by the address of the connection's peer, and never makes more of a user than
the identity that stands there.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final

Network = IPv4Network | IPv6Network
Peer = IPv4Address | IPv6Address

_USER: Final = re.compile(r"[A-Za-z_][A-Za-z0-9._@+=,-]{0,127}\$?").fullmatch
"""Hadoop's own pattern (dfs.webhdfs.user.provider.user.pattern), and what IAM's names may hold."""


@dataclass(frozen=True, slots=True)
class Trust:
    """Whom the users of some networks are."""

    networks: tuple[Network, ...]
    users: Mapping[str, str] = field(default_factory=dict)
    """Identities by the names of users."""
    identity: str | None = None
    """Who all the others are; None: nobody."""

    def find(self, peer: Peer, user: str) -> str | None:
        """Return the identity that a user is who speaks from `peer`."""
        if not any(peer in network for network in self.networks):
            return None
        return self.users.get(user, self.identity)


class Trusts:
    """The trusts of one reading of the settings, asked in their order."""

    __slots__ = ("_trusts",)

    def __init__(self, trusts: Iterable[Trust] = ()) -> None:
        """Keep them."""
        self._trusts = tuple(trusts)

    def __bool__(self) -> bool:
        """Return whether anybody is believed at all."""
        return bool(self._trusts)

    def find(self, remote: str, user: str) -> str | None:
        """Return the identity of a user who speaks from the address `remote`, if there is one."""
        peer = find_peer(remote)
        if peer is None or not is_user(user):
            return None
        found = (trust.find(peer, user) for trust in self._trusts)
        return next((name for name in found if name is not None), None)


def is_user(name: str) -> bool:
    """Return whether a name may be a user's."""
    return _USER(name) is not None


def is_loopback(remote: str) -> bool:
    """Return whether the connection's peer is on this machine."""
    peer = find_peer(remote)
    return peer is not None and peer.is_loopback


def find_peer(remote: str) -> Peer | None:
    """Return the address of a peer; one of IPv4 behind a socket of both kinds is IPv4 again."""
    try:
        peer = ip_address(remote.partition("%")[0])
    except ValueError:
        return None
    mapped = peer.ipv4_mapped if isinstance(peer, IPv6Address) else None
    return peer if mapped is None else mapped
