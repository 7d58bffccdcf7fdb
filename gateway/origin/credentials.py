"""Whose name Forebay bears at the origin: given keys, else the standard AWS chain.

The chain (environment, shared files, container and instance roles, web identity) and its refresh
are aiobotocore's; https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html
"""

from typing import Any, Protocol

from gateway.model.failures import OriginUnreachable
from gateway.model.voices import Keys


class Credentials(Protocol):
    """Something that knows the keys to sign with now."""

    async def current(self) -> Keys:
        """Return valid keys, refreshed where they expire."""
        ...


class StaticCredentials:
    """Keys from the settings."""

    def __init__(self, keys: Keys) -> None:
        """Keep the keys for good."""
        self._keys = keys

    async def current(self) -> Keys:
        """Return the keys that were given."""
        return self._keys


class ChainCredentials:
    """Keys from the standard AWS chain, looked up at the first use and refreshed by it."""

    def __init__(self) -> None:
        """Look up nothing yet."""
        # A tenth of a second of a start, which those who were given keys do without.
        from aiobotocore.session import get_session  # noqa: PLC0415
        from botocore.exceptions import BotoCoreError  # noqa: PLC0415

        self._session = get_session()
        self._trouble = BotoCoreError
        self._found: Any = None

    async def current(self) -> Keys:
        """Return valid keys; raises OriginUnreachable, with the remedy, where there are none."""
        try:
            if self._found is None:
                self._found = await self._session.get_credentials()
            if self._found is None:
                raise OriginUnreachable(
                    "no credentials for the origin: set origin.access_key and origin.secret_key, "
                    "or provide them by the standard AWS chain"
                )
            frozen = await self._found.get_frozen_credentials()
        except self._trouble as error:
            raise OriginUnreachable(f"the origin's credentials cannot be had: {error}") from error
        return Keys(frozen.access_key, frozen.secret_key, frozen.token)
