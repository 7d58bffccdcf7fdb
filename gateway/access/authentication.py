"""Who asks: from a request's signature to a principal, or a failure with AWS's code.

The steps stand in the order in which AWS refuses: no claim, unknown key, wrong time, wrong
signature. The secret is looked up between reading the claim and verifying it, and signatures are
compared in constant time (protocol/s3/sigv4).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from gateway.access.identities import Identity, KnownIdentities
from gateway.access.policy import Policy
from gateway.model.failures import AuthenticationFailed
from gateway.model.voices import FOREBAY, Voice
from gateway.protocol.http.head import RequestHead
from gateway.protocol.s3.form_signature import read_form_claim, verify_form
from gateway.protocol.s3.sigv4 import Claim, Seed, check_time, read_claim, verify

_PROVEN_MAX: Final = 2048
"""Presigned requests whose proof is remembered; beyond it all are forgotten and proven anew."""

_Asked = tuple[str, str, str, tuple[tuple[str, str], ...]]


@dataclass(frozen=True, slots=True)
class Principal:
    """Who was proven to ask, what they may do, and what their signature covers."""

    name: str
    access_key: str
    policy: Policy
    claim: Claim
    seed: Seed
    """What the chunk signatures of the body are chained to."""
    voice: Voice = FOREBAY
    """Who asks the origin on its behalf."""


class Authentication:
    """Judges claims; `identities` is replaced whole on reload, between two requests."""

    def __init__(self, identities: KnownIdentities, clock: Callable[[], datetime]) -> None:
        """Take who is known, and a clock that tells aware moments."""
        self._identities = identities
        self._clock = clock
        self._proven: dict[_Asked, tuple[Identity, Principal]] = {}

    @property
    def identities(self) -> KnownIdentities:
        """Return who is known."""
        return self._identities

    @identities.setter
    def identities(self, identities: KnownIdentities) -> None:
        self._identities = identities
        self._proven.clear()

    def identify(self, head: RequestHead) -> Principal:
        """Return who signed the request.

        Raises AuthenticationFailed (AccessDenied where anonymous or expired, InvalidAccessKeyId,
        InvalidToken, RequestTimeTooSkewed, SignatureDoesNotMatch) and InvalidRequest for a claim
        that is malformed.
        """
        if "X-Amz-Signature=" not in head.query:
            return self._prove(head)[1]
        # A presigned URL is made to be used often: the same request, to the last header, needs only
        # its time judged again, and that the identity which proved it is still what it was.
        asked = (head.method, head.path, head.query, tuple(head.headers.items()))
        proven = self._proven.get(asked)
        if proven is not None:
            identity, principal = proven
            if self.identities.find(identity.access_key) is identity:
                check_time(principal.claim, self._clock())
                return principal
            del self._proven[asked]
        if len(self._proven) >= _PROVEN_MAX:
            self._proven.clear()
        proven = self._proven[asked] = self._prove(head)
        return proven[1]

    def _prove(self, head: RequestHead) -> tuple[Identity, Principal]:
        """Return who signed the request, all of it judged."""
        claim = read_claim(head)
        if claim is None:
            raise AuthenticationFailed("Access Denied")
        identity = self._get_identity(claim)
        check_time(claim, self._clock())
        seed = verify(head, claim, identity.secret_key)
        return identity, _principal(identity, claim, seed)

    def identify_form(self, fields: Mapping[str, str]) -> Principal:
        """Return who signed a form upload's policy; `fields` have names in lower case.

        Raises as `identify`; how long it holds stands in the policy, which the caller judges.
        """
        claim = read_form_claim(fields)
        if claim is None:
            raise AuthenticationFailed("Access Denied")
        identity = self._get_identity(claim)
        seed = verify_form(claim, fields["policy"], identity.secret_key)
        return _principal(identity, claim, seed)

    def _get_identity(self, claim: Claim) -> Identity:
        """Return whose key a claim names; raises AuthenticationFailed where nobody's."""
        identity = self.identities.find(claim.access_key)
        if identity is None:
            raise AuthenticationFailed(
                "The AWS Access Key Id you provided does not exist in our records.",
                code="InvalidAccessKeyId",
            )
        if claim.session_token is not None:
            # Identities have long-term keys only; a token that nobody issued must not be ignored.
            raise AuthenticationFailed(
                "The provided token is malformed or otherwise invalid.",
                code="InvalidToken",
            )
        return identity


def _principal(identity: Identity, claim: Claim, seed: Seed) -> Principal:
    return Principal(
        identity.name, identity.access_key, identity.policy, claim, seed, identity.voice
    )
