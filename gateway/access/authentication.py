"""Who asks: from a request's signature to a principal, or a failure with AWS's code.

The steps stand in the order in which AWS refuses: no claim, unknown key, wrong time, wrong
signature. Who makes no claim is refused, unless the settings name an anonymous identity. The secret
is looked up between reading the claim and verifying it, and signatures are compared in constant
time (protocol/s3/sigv4).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from hmac import compare_digest
from typing import Final, NamedTuple

from gateway.access.identities import Identity, KnownIdentities
from gateway.access.rights import Rights
from gateway.access.roles import Roles
from gateway.access.session_tokens import Session, SessionTokens
from gateway.access.sessions import OpenedSession, Sessions, Standing, standing_of
from gateway.model.failures import AuthenticationFailed
from gateway.model.rates import UNLIMITED, Allowance
from gateway.model.voices import FOREBAY, Voice
from gateway.protocol.http.head import RequestHead
from gateway.protocol.s3.form_signature import read_form_claim, verify_form
from gateway.protocol.s3.no_claim import NO_CLAIM, sent_claim, unsigned_claim
from gateway.protocol.s3.sigv4 import Claim, Seed, check_time, read_claim, verify

_PROVEN_MAX: Final = 2048
"""Presigned requests whose proof is remembered; beyond it all are forgotten and proven anew."""
_PROVEN_LETTERS_MAX: Final = 8192
"""Of a request whose proof is remembered. A URL's holder adds what headers they like, and each of
them makes another request: without it they would fill memory with a hundred KiB at a time."""

_SIGNERS_MAX: Final = 2048
"""Identities whose standing is remembered as long as they are the same."""

_Asked = tuple[str, str, str, tuple[tuple[str, str], ...]]


class Principal(NamedTuple):
    """Who was proven to ask, what they may do, and what their signature covers."""

    name: str
    access_key: str
    policy: Rights
    claim: Claim
    seed: Seed | None
    """What the chunk signatures of the body are chained to; None: nothing was signed."""
    voice: Voice = FOREBAY
    """Who asks the origin on its behalf."""
    opened: OpenedSession | None = None
    """The session that was signed with, where it was one."""
    allowance: Allowance = UNLIMITED
    """How much it may use, under the name of its `payer`."""
    groups: tuple[str, ...] = ()
    """Those that it is in, for the modes of files."""

    @property
    def session(self) -> Session | None:
        """Return the session that was signed with, or None for an identity's own keys."""
        return None if self.opened is None else self.opened.session

    @property
    def username(self) -> str | None:
        """Return the user that it is; None: as at AWS, who plays a role is none."""
        return self.name if self.session is None or not self.session.role else None

    @property
    def userid(self) -> str:
        """Return who it is, for aws:userid: the user's name, or `ROLE:SESSION`."""
        session = self.session
        return self.name if self.username or session is None else f"{session.role}:{session.name}"

    @property
    def payer(self) -> str:
        """Return whose rates it uses up: a session those of the identity that asked for it."""
        session = self.session
        return session.identity if session is not None and session.identity else self.name


@dataclass(frozen=True, slots=True)
class _Signer:
    """Whose key a claim names."""

    standing: Standing
    secret_key: str = field(repr=False)
    identity: Identity | None
    opened: OpenedSession | None = None

    def principal(self, claim: Claim, seed: Seed | None) -> Principal:
        """Return it, proven."""
        who = self.standing
        return Principal(
            who.name,
            claim.access_key,
            who.rights,
            claim,
            seed,
            who.voice,
            self.opened,
            who.allowance,
            who.groups,
        )


class Proof(NamedTuple):
    """That an identity signed a request, kept by who may see the same request again."""

    principal: Principal
    identity: Identity
    """Whose key proved it; as long as the key is this very object's, nothing of it has changed."""


class Authentication:
    """Judges claims; `identities` and `roles` are replaced whole on reload, between requests."""

    def __init__(
        self,
        identities: KnownIdentities,
        clock: Callable[[], datetime],
        tokens: SessionTokens | None = None,
        roles: Roles | None = None,
    ) -> None:
        """Take who is known, a clock that tells aware moments, and what opens session tokens."""
        self._identities = identities
        self._clock = clock
        self._tokens = tokens or SessionTokens(None)
        self._sessions = Sessions(self._tokens)
        self._roles = roles or Roles()
        self._proven: dict[_Asked, tuple[_Signer, Principal]] = {}
        self._signers: dict[str, _Signer] = {}

    @property
    def identities(self) -> KnownIdentities:
        """Return who is known."""
        return self._identities

    @identities.setter
    def identities(self, identities: KnownIdentities) -> None:
        self._identities = identities
        self._proven.clear()

    @property
    def tokens(self) -> SessionTokens:
        """Return what makes and opens session tokens."""
        return self._tokens

    @tokens.setter
    def tokens(self, tokens: SessionTokens) -> None:
        self._tokens = tokens
        self._sessions = Sessions(tokens)
        self._proven.clear()

    @property
    def roles(self) -> Roles:
        """Return the roles that there are."""
        return self._roles

    @roles.setter
    def roles(self, roles: Roles) -> None:
        self._roles = roles
        self._proven.clear()

    def identify(self, head: RequestHead) -> Principal:
        """Return who signed the request.

        Raises AuthenticationFailed (AccessDenied where anonymous or expired, InvalidAccessKeyId,
        InvalidToken, ExpiredToken, RequestTimeTooSkewed, SignatureDoesNotMatch) and InvalidRequest
        for a claim that is malformed.
        """
        if "X-Amz-Signature=" not in head.query:
            return self._prove(head)[1]
        # A presigned URL is made to be used often: the same request, to the last header, needs only
        # its time judged again, and that who proved it is still what they were.
        asked = (head.method, head.path, head.query, tuple(head.headers.items()))
        proven = self._proven.get(asked)
        if proven is not None:
            signer, principal = proven
            check_time(principal.claim, self._clock())
            if signer.opened is not None:
                standing = self._standing(signer.opened)
                return principal._replace(
                    policy=standing.rights,
                    voice=standing.voice,
                    allowance=standing.allowance,
                    groups=standing.groups,
                )
            if self.identities.find(principal.access_key) is signer.identity:
                return principal
            del self._proven[asked]
        proven = self._prove(head)
        if _letters(head) <= _PROVEN_LETTERS_MAX:
            if len(self._proven) >= _PROVEN_MAX:
                self._proven.clear()
            self._proven[asked] = proven
        return proven[1]

    def prove(self, head: RequestHead) -> tuple[Principal, Proof | None]:
        """Return who signed the request, as `identify` does, and what is to be kept of that.

        None for a session: what it may do hangs on more than one identity.
        """
        signer, principal = self._prove(head)
        identity = signer.identity
        return principal, None if identity is None else Proof(principal, identity)

    def holds(self, proof: Proof) -> bool:
        """Return whether the same request, to the last byte, would be proven now as it was then.

        Where it would not, or not by the same identity, `identify` tells why.
        """
        principal = proof.principal
        if not principal.access_key:
            return self._identities.anonymous is proof.identity
        try:
            check_time(principal.claim, self._clock())
        except AuthenticationFailed:
            return False
        return self._identities.find(principal.access_key) is proof.identity

    def identify_call(self, head: RequestHead, service: str, body_hash: str) -> Principal:
        """Return who signed a call of another service than S3, whose body has this SHA-256.

        Raises as `identify`.
        """
        claim = read_claim(head, service)
        if claim is None:
            raise AuthenticationFailed(
                "Request is missing Authentication Token", code="MissingAuthenticationToken"
            )
        # Other services sign the body's own hash, and need no header that says it (AWS, *Create a
        # signed AWS API request*); so the signature proves the body, whatever a header claims.
        return self._judge(head, claim._replace(payload_hash=body_hash))[1]

    def _prove(self, head: RequestHead) -> tuple[_Signer, Principal]:
        """Return who signed the request, all of it judged."""
        claim = read_claim(head)
        if claim is None:
            signer = self._get_anonymous()
            return signer, signer.principal(unsigned_claim(head), None)
        return self._judge(head, claim)

    def _judge(self, head: RequestHead, claim: Claim) -> tuple[_Signer, Principal]:
        signer = self._get_signer(claim)
        check_time(claim, self._clock())
        return signer, signer.principal(claim, verify(head, claim, signer.secret_key))

    def identify_form(self, fields: Mapping[str, str]) -> Principal:
        """Return who signed a form upload's policy, if any; `fields` have names in lower case.

        Raises as `identify`; how long it holds stands in the policy, which the caller judges.
        """
        claim = read_form_claim(fields)
        if claim is None:
            return self._get_anonymous().principal(NO_CLAIM, None)
        signer = self._get_signer(claim)
        return signer.principal(claim, verify_form(claim, fields["policy"], signer.secret_key))

    def identify_pair(
        self, access_key: str, secret_key: str, session_token: str | None = None
    ) -> Principal:
        """Return who has a key pair that was sent as it is, for doors without signatures.

        Raises AuthenticationFailed: one sentence for a wrong key and for a wrong secret, and as
        `identify` for a session's token.
        """
        try:
            signer = self._get_signer(sent_claim(access_key, session_token))
        except AuthenticationFailed:
            if session_token is not None:
                raise
            raise _wrong_pair() from None
        if not _is_same(signer.secret_key, secret_key):
            raise _wrong_pair()
        return signer.principal(sent_claim(access_key, session_token), None)

    def principal_of(self, access_key: str, session_token: str | None = None) -> Principal:
        """Return who has an access key, where something else than a secret has proven them.

        Raises as `identify`.
        """
        claim = sent_claim(access_key, session_token)
        return self._get_signer(claim).principal(claim, None)

    def identify_nobody(self) -> Principal:
        """Return who claims nothing; raises AuthenticationFailed where nobody may."""
        return self._get_anonymous().principal(NO_CLAIM, None)

    def _get_anonymous(self) -> _Signer:
        """Return who signs nothing; raises AuthenticationFailed where nobody may."""
        identity = self.identities.anonymous
        if identity is None:
            raise AuthenticationFailed("Access Denied")
        return _signer(identity)

    def _get_signer(self, claim: Claim) -> _Signer:
        """Return whose key a claim names; raises AuthenticationFailed where nobody's."""
        if claim.session_token is not None:
            # A token that nobody issued must not be ignored, not even beside a long-term key.
            opened = self._sessions.open(claim.access_key, claim.session_token)
            return _Signer(self._standing(opened), opened.session.secret_key, None, opened)
        identity = self.identities.find(claim.access_key)
        if identity is None:
            raise AuthenticationFailed(
                "The AWS Access Key Id you provided does not exist in our records.",
                code="InvalidAccessKeyId",
            )
        signer = self._signers.get(identity.access_key)
        if signer is None or signer.identity is not identity:
            if len(self._signers) >= _SIGNERS_MAX:
                self._signers.clear()
            signer = self._signers[identity.access_key] = _signer(identity)
        return signer

    def _standing(self, opened: OpenedSession) -> Standing:
        now = self._clock().timestamp()
        return standing_of(opened, self._identities, self._roles, now)


def _signer(identity: Identity) -> _Signer:
    standing = Standing(
        identity.name, identity.policy, identity.voice, identity.allowance, identity.groups
    )
    return _Signer(standing, identity.secret_key, identity)


def _is_same(secret: str, sent: str) -> bool:
    """Return whether both are equal, in a time that tells neither how far nor how long they are."""
    return compare_digest(sha256(secret.encode()).digest(), sha256(sent.encode()).digest())


def _wrong_pair() -> AuthenticationFailed:
    return AuthenticationFailed("The access key or its secret is wrong.", code="InvalidAccessKeyId")


def _letters(head: RequestHead) -> int:
    headers = sum([len(name) + len(value) for name, value in head.headers.items()])
    return len(head.path) + len(head.query) + headers
