"""Who asks at the WebHDFS door: what a request claims, in the order in which it is believed.

A claim that is made is judged, and no other beside it: who sends a wrong secret is not taken for
the user that the network would be believed to be. All end at an identity as it is now, so that one
that was disabled or renewed is refused from the next request on.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from gateway.access.authentication import Authentication, Principal
from gateway.access.delegation import DelegationTokens
from gateway.access.identities import secret_mark
from gateway.access.kerberos import NEGOTIATE, NO_NAMES, AcceptsTickets, KerberosNames
from gateway.access.lent_tokens import LentToken, short_name
from gateway.access.sessions import lender_of
from gateway.access.trusts import Trusts, is_loopback, is_user
from gateway.doors.webhdfs.passes import STEP_SECONDS, Passed, Passes, step_use
from gateway.model.failures import AccessDenied, AuthenticationFailed, InvalidRequest
from gateway.protocol.http.basic import CHALLENGE, read_basic
from gateway.protocol.http.head import RequestHead
from gateway.protocol.http.percent import decode
from gateway.protocol.webhdfs.tokens import invalid_token

USER: Final = "user.name"
DELEGATION: Final = "delegation"
STEP: Final = "forebay.step"
"""The parameter of a redirect's URL that holds the pass of the second step."""
SESSION_TOKEN: Final = "X-Amz-Security-Token"  # noqa: S105 - a header's name
COOKIE: Final = "hadoop.auth"
COOKIE_SECONDS: Final = 1800
_PSEUDO: Final = "PseudoAuth"
"""Hadoop's own challenge where user.name would do; every 401 must have one (RFC 9110 15.5.2)."""


class Who(NamedTuple):
    """Who was proven to ask."""

    principal: Principal
    user: str
    """The user's name, as owners are written."""
    groups: tuple[str, ...]
    token: LentToken | None = None
    """The delegation token that proved them, where it was one."""
    trusted_from: str = ""
    """The address that a trust believed them from, where that was all."""
    headers: Mapping[str, str] = {}
    """What the answer has to hold, whatever it is: the other half of SPNEGO, a cookie."""


@dataclass(slots=True)
class Proofs:
    """What claims are judged by besides the identities; replaced on reload, between requests."""

    trusts: Trusts
    tokens: DelegationTokens
    passes: Passes
    acceptor: AcceptsTickets | None = None
    """None: no Kerberos here."""
    names: KerberosNames = NO_NAMES

    def trusted(self, lent: LentToken) -> LentToken:
        """Return a token if its user would be believed now where they were when it was given.

        Raises AuthenticationFailed (InvalidToken).
        """
        believed = self.trusts.find(lent.trusted_from, lent.user) if lent.trusted_from else None
        if lent.trusted_from and believed != lent.identity:
            raise invalid_token("The delegation token's user is not trusted any more.")
        return lent


class WebHdfsAuthentication:
    """Judges claims."""

    def __init__(self, authentication: Authentication, proofs: Proofs) -> None:
        """Take who knows the identities, and what else proves somebody."""
        self._authentication = authentication
        self.proofs = proofs

    async def identify(self, head: RequestHead, remote: str, parameters: Mapping[str, str]) -> Who:
        """Return who asks; `remote` is the connection's peer, `parameters` the query, decoded.

        Raises AuthenticationFailed, InvalidRequest for a claim that is malformed, AccessDenied for
        one who wants to act for another (`doas`), NotSupported for a token where there is no key.
        """
        who = await self._proven(head, remote, parameters)
        if parameters.get("doas", who.user) != who.user:
            raise AccessDenied(f'{who.user} may not act for another user: leave out "doas"')
        return who

    def challenges(self, head: RequestHead, remote: str) -> tuple[str, ...]:
        """Return what a 401 has in WWW-Authenticate: what would be taken on this connection."""
        taken = (CHALLENGE,) if _is_private(head, remote) else ()
        if self.proofs.acceptor is not None:
            taken = (NEGOTIATE, *taken)
        return taken or (_PSEUDO,)

    def step(self, who: Who, operation: str, raw_path: str) -> str:
        """Return the value of `STEP` for the URL of an operation's second step on the same path.

        It names the operation as `op` will, and the path as it was sent.
        """
        passed = self._passed(who)
        return self.proofs.passes.seal(passed, step_use(operation, decode(raw_path)), STEP_SECONDS)

    async def _proven(self, head: RequestHead, remote: str, parameters: Mapping[str, str]) -> Who:
        if head.headers.get("Authorization"):
            return await self._shown(head, remote)
        if step := parameters.get(STEP):
            use = step_use(parameters.get("op", ""), decode(head.path))
            return self._resumed(self.proofs.passes.open(step, use))
        if token := parameters.get(DELEGATION):
            return self._lent(self.proofs.trusted(self.proofs.tokens.open(token)))
        if cookie := find_cookie(head, COOKIE):
            return self._resumed(self.proofs.passes.open(cookie, COOKIE))
        if user := parameters.get(USER):
            return self._believed(user, remote)
        return _itself(self._authentication.identify_nobody())

    async def _shown(self, head: RequestHead, remote: str) -> Who:
        """Return who shows credentials in the Authorization header."""
        scheme, _, ticket = head.headers["Authorization"].strip().partition(" ")
        if scheme.lower() == NEGOTIATE.lower():
            return await self._ticketed(ticket.strip(), head)
        pair = read_basic(head)
        if pair is None:
            raise InvalidRequest(
                "This Authorization is not understood here: use Basic or Negotiate.",
                code="AuthorizationHeaderMalformed",
            )
        if not _is_private(head, remote):
            raise AuthenticationFailed(
                "HTTP Basic sends the secret itself, so it is taken over TLS and from this "
                "machine only: use https (swebhdfs://), and a new secret."
            )
        token = head.headers.get(SESSION_TOKEN)
        return _itself(self._authentication.identify_pair(pair.name, pair.secret, token))

    async def _ticketed(self, token: str, head: RequestHead) -> Who:
        """Return who shows a Kerberos ticket.

        They get a cookie besides, for Hadoop's client shows its ticket in a request of its own and
        only the cookie in those that follow.
        """
        if self.proofs.acceptor is None:
            raise AuthenticationFailed(
                "Kerberos is not taken here: its operator should set webhdfs.kerberos_keytab."
            )
        ticket = await self.proofs.acceptor.accept(token)
        name = self.proofs.names.find(ticket.principal)
        if name is None:
            raise AuthenticationFailed(
                f"{ticket.principal} has no identity: webhdfs.kerberos_identities names none."
            )
        who = self._named(name, short_name(ticket.principal))
        passed = self.proofs.passes.seal(self._passed(who), COOKIE, COOKIE_SECONDS)
        rest = "; Secure" if head.secure else ""
        cookie = (
            f'{COOKIE}="{passed}"; Path=/webhdfs; Max-Age={COOKIE_SECONDS}; HttpOnly; '
            f"SameSite=Strict{rest}"
        )
        proof = f"{NEGOTIATE} {ticket.reply}".strip()
        return who._replace(headers={"WWW-Authenticate": proof, "Set-Cookie": cookie})

    def _believed(self, user: str, remote: str) -> Who:
        """Return whom a user is who only says so."""
        if not is_user(user):
            raise InvalidRequest(f"{user[:128]!r} is no user's name.")
        name = self.proofs.trusts.find(remote, user)
        if name is None:
            raise AuthenticationFailed(
                f"user.name={user} proves nothing: no [[webhdfs.trusts]] believes it from {remote}."
            )
        return self._named(name, user)._replace(trusted_from=remote)

    def _named(self, name: str, user: str) -> Who:
        """Return a user who is the identity of that name, as it is now."""
        identity = self._authentication.identities.find_name(name)
        if identity is None:
            raise AuthenticationFailed(f"The user {user} has no identity that may be used now.")
        return _as_user(self._authentication.principal_of(identity.access_key), user)

    def _lent(self, lent: LentToken) -> Who:
        """Return whom a delegation token stands for, as they are now."""
        identity = lender_of(lent, self._authentication.identities)
        principal = self._authentication.principal_of(identity.access_key)
        return Who(principal, lent.user, principal.groups, lent)

    def _resumed(self, passed: Passed) -> Who:
        """Return who began what a pass lets go on, as they are now."""
        authentication = self._authentication
        if passed.token_sequence is not None:
            self.proofs.trusted(self.proofs.tokens.find(passed.token_sequence))
        if not passed.identity_key:
            return _as_user(authentication.identify_nobody(), passed.user)
        if passed.session_token is None:
            lender_of(passed, authentication.identities)
        principal = authentication.principal_of(passed.identity_key, passed.session_token)
        return _as_user(principal, passed.user)

    def _passed(self, who: Who) -> Passed:
        principal = who.principal
        identity = self._authentication.identities.find(principal.access_key)
        return Passed(
            user=who.user,
            identity=principal.name,
            identity_key=principal.access_key,
            secret_mark="" if identity is None else secret_mark(identity.secret_key),
            issued_us=int(self.proofs.passes.now().timestamp() * 1_000_000),
            session_token=principal.claim.session_token,
            token_sequence=None if who.token is None else who.token.sequence,
        )


def find_cookie(head: RequestHead, name: str) -> str | None:
    """Return the value of a cookie, without the quotes that some clients send."""
    for header in head.headers.getall("Cookie", ()):
        for pair in header.split(";"):
            found, mark, value = pair.strip().partition("=")
            if mark and found == name:
                return value.strip('"') or None
    return None


def _itself(principal: Principal) -> Who:
    return _as_user(principal, principal.name)


def _as_user(principal: Principal, user: str) -> Who:
    return Who(principal, user, principal.groups)


def _is_private(head: RequestHead, remote: str) -> bool:
    """Return whether nobody on the way reads what is sent."""
    return head.secure or is_loopback(remote)
