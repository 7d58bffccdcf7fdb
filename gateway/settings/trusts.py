"""The settings of pseudo authentication: which networks are believed, and who their users are."""

from collections.abc import Mapping
from ipaddress import ip_network
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from gateway.access.trusts import Trust, is_user
from gateway.settings.fields import Section, refuse, setting
from gateway.settings.values import Words


def _check_networks(networks: tuple[str, ...]) -> tuple[str, ...]:
    for network in networks:
        try:
            ip_network(network)
        except ValueError:
            raise ValueError(
                f'"{network}" is no network: write "10.1.0.0/16", "127.0.0.1/32" or "fd00::/8"'
            ) from None
    return networks


def _check_users(users: Mapping[str, str]) -> Mapping[str, str]:
    for user in users:
        if not is_user(user):
            raise ValueError(f'"{user}" is no user\'s name')
    return users


class TrustSettings(Section):
    """A network whose clients are believed to be who they say (`user.name`), without any proof."""

    networks: Annotated[Words, Field(min_length=1), AfterValidator(_check_networks)] = setting(
        "Addresses of peers, as CIDRs; one or a list. It is the connection's own address, and no "
        "header: a proxy in such a network makes all its clients trusted.",
        unit="networks",
    )
    identity: str | None = setting(
        "The identity that every user from there is whom `users` does not name. Without it the "
        "others are refused.",
        None,
        min_length=1,
    )
    users: Annotated[Mapping[str, str], AfterValidator(_check_users)] = setting(
        'Identities by the names of users: `{ alice = "alice", hdfs = "operator" }`.',
        {},
        unit="identities",
    )

    @model_validator(mode="after")
    def _check_whom(self) -> Self:
        if self.identity is None and not self.users:
            refuse("webhdfs.trusts names networks and nobody: add identity or users")
        return self

    def as_trust(self) -> Trust:
        """Return the trust that requests are judged by."""
        networks = tuple(ip_network(one) for one in self.networks)
        return Trust(networks, dict(self.users), self.identity)
