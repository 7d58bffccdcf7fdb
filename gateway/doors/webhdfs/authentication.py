"""Who asks at the WebHDFS door: what a request claims, in the order in which it is believed.

A claim that is made is judged, and no other beside it: who sends a wrong secret is not taken for
the user that the network would be believed to be. All end at an identity as it is now, so that one
that was disabled or renewed is refused from the next request on.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

from gateway.access.authentication import Authentication, Principal
from gateway.access.trusts import Trusts, is_loopback, is_user
from gateway.model.failures import AccessDenied, AuthenticationFailed, InvalidRequest
from gateway.protocol.http.basic import CHALLENGE, read_basic
from gateway.protocol.http.head import RequestHead

USER: Final = "user.name"
SESSION_TOKEN: Final = "X-Amz-Security-Token"  # noqa: S105 - a header's name
_PSEUDO: Final = "PseudoAuth"
"""Hadoop's own challenge where user.name would do; every 401 must have one (RFC 9110 15.5.2)."""


class Who(NamedTuple):
    """Who was proven to ask."""

    principal: Principal
    user: str
    """The user's name, as owners are written."""
    groups: frozenset[str]


class WebHdfsAuthentication:
    """Judges claims; `trusts` are replaced whole on reload, between requests."""

    def __init__(self, authentication: Authentication, trusts: Trusts) -> None:
        """Take who knows the identities, and the networks that are believed."""
        self._authentication = authentication
        self.trusts = trusts

    def identify(self, head: RequestHead, remote: str, parameters: Mapping[str, str]) -> Who:
        """Return who asks; `remote` is the connection's peer, `parameters` the query, decoded.

        Raises AuthenticationFailed, InvalidRequest for a claim that is malformed, and AccessDenied
        for one who wants to act for another (`doas`).
        """
        who = self._proven(head, remote, parameters)
        if parameters.get("doas", who.user) != who.user:
            raise AccessDenied(f'{who.user} may not act for another user: leave out "doas"')
        return who

    def challenges(self, head: RequestHead, remote: str) -> tuple[str, ...]:
        """Return what a 401 has in WWW-Authenticate: what would be taken on this connection."""
        return (CHALLENGE,) if _is_private(head, remote) else (_PSEUDO,)

    def _proven(self, head: RequestHead, remote: str, parameters: Mapping[str, str]) -> Who:
        pair = read_basic(head)
        if pair is not None:
            if not _is_private(head, remote):
                raise AuthenticationFailed(
                    "HTTP Basic sends the secret itself, so it is taken over TLS and from this "
                    "machine only: use https (swebhdfs://), and a new secret."
                )
            token = head.headers.get(SESSION_TOKEN)
            return _itself(self._authentication.identify_pair(pair.name, pair.secret, token))
        if head.headers.get("Authorization"):
            raise InvalidRequest(
                "This Authorization is not understood here: use Basic.",
                code="AuthorizationHeaderMalformed",
            )
        user = parameters.get(USER)
        if user:
            return self._believed(user, remote)
        return _itself(self._authentication.identify_nobody())

    def _believed(self, user: str, remote: str) -> Who:
        """Return whom a user is who only says so."""
        if not is_user(user):
            raise InvalidRequest(f"{user[:128]!r} is no user's name.")
        name = self.trusts.find(remote, user)
        if name is None:
            raise AuthenticationFailed(
                f"user.name={user} proves nothing: no [[webhdfs.trusts]] believes it from {remote}."
            )
        identity = self._authentication.identities.find_name(name)
        if identity is None:
            raise AuthenticationFailed(f"The user {user} has no identity that may be used now.")
        principal = self._authentication.principal_of(identity.access_key)
        return Who(principal, user, principal.groups)


def _itself(principal: Principal) -> Who:
    return Who(principal, principal.name, principal.groups)


def _is_private(head: RequestHead, remote: str) -> bool:
    """Return whether nobody on the way reads what is sent."""
    return head.secure or is_loopback(remote)
