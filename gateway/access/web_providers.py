"""OIDC providers: who may say who a web identity is, and the proof of what they said."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from gateway.access.key_sources import KeySource
from gateway.access.roles import WebIdentity
from gateway.access.web_tokens import read_identity, read_token
from gateway.model.failures import AuthenticationFailed


@dataclass(frozen=True, slots=True)
class WebProvider:
    """One issuer, the audiences that its tokens may be for, and its keys."""

    issuer: str
    audiences: frozenset[str]
    keys: KeySource


class WebProviders:
    """The providers of one reading of the settings."""

    __slots__ = ("_by_issuer",)

    def __init__(self, providers: Iterable[WebProvider] = ()) -> None:
        """Keep them by issuer; settings refuse twins."""
        self._by_issuer = {one.issuer: one for one in providers}

    def kept(self, renewed: WebProvider) -> WebProvider:
        """Return a provider as it is now, with the keys that are known where they are the same."""
        known = self._by_issuer.get(renewed.issuer)
        if known is None or known.keys.where != renewed.keys.where:
            return renewed
        return replace(renewed, keys=known.keys)

    async def identify(self, text: str, now_seconds: float) -> WebIdentity:
        """Return whom a token proves.

        Raises AuthenticationFailed (InvalidIdentityToken, ExpiredTokenException,
        IDPCommunicationError).
        """
        token = read_token(text)
        provider = self._by_issuer.get(token.issuer)
        if provider is None:
            raise AuthenticationFailed(
                "No OpenIDConnect provider found in your account for the token's issuer",
                code="InvalidIdentityToken",
            )
        payload = (await provider.keys.get(token.kid)).verified(token)
        return read_identity(payload, provider.issuer, provider.audiences, now_seconds)
