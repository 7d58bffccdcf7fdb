"""Where a provider's keys come from: a file, or a URL that is asked rarely and never believed less.

Keys that were once read stay until newer ones could be read: a provider that is away for an hour
must not lock everybody out. A token with a key that nobody knows makes the URL asked again, but
only every few seconds, so that made-up names of keys make no flood.
"""

import asyncio
import logging
import os
import ssl
from collections.abc import Callable
from pathlib import Path
from time import monotonic
from typing import Final, Protocol

import aiohttp

from gateway.access.web_tokens import KeySet, KeySetError, parse_key_set
from gateway.model.failures import AuthenticationFailed

SET_BYTES_MAX: Final = 256 * 1024
REFRESH_SECONDS: Final = 600.0
"""How old keys may grow before the URL is asked again: a withdrawn key ends within this."""
RETRY_SECONDS: Final = 10.0
"""The least time between two questions, whatever the reason."""
FETCH_SECONDS_MAX: Final = 5.0
_OK: Final = 200
_log = logging.getLogger(__name__)


class KeySource(Protocol):
    """Gives a provider's keys as they are now."""

    @property
    def where(self) -> tuple[str, str]:
        """Return what tells it from others: its path or URL, and the certificates it trusts."""
        ...

    async def get(self, kid: str | None) -> KeySet:
        """Return the keys, newer ones where `kid` is not among those that are known.

        Raises AuthenticationFailed (IDPCommunicationError) where none could ever be read.
        """
        ...


class FileKeys:
    """Keys in a file, read again when it changes."""

    def __init__(self, path: Path) -> None:
        """Take the path; nothing is read yet."""
        self._path = path
        self._keys: KeySet | None = None
        self._seen: tuple[int, int, int] | None = None

    @property
    def where(self) -> tuple[str, str]:
        """Return the path."""
        return str(self._path), ""

    async def get(self, kid: str | None) -> KeySet:  # noqa: ARG002 - a file has no more than it has
        """Return the keys of the file as it is now, or as it last could be read."""
        try:
            status = self._path.stat()
            seen = status.st_mtime_ns, status.st_size, status.st_ino
            if seen != self._seen:
                with self._path.open("rb") as file:
                    self._keys = parse_key_set(file.read(SET_BYTES_MAX + 1))
                self._seen = seen
        except (OSError, KeySetError) as error:
            _log.warning("the keys in %s stay as they were: %s", self._path, error)
        return _known(self._keys)


class UrlKeys:
    """Keys behind a URL."""

    def __init__(
        self, url: str, ca_file: Path | None, clock: Callable[[], float] = monotonic
    ) -> None:
        """Take the URL, and the certificates to trust in place of the system's."""
        self._url = url
        self._ca_file = ca_file
        self._clock = clock
        self._keys: KeySet | None = None
        self._read_at = float("-inf")
        self._asked_at = float("-inf")
        self._asking = asyncio.Lock()

    @property
    def where(self) -> tuple[str, str]:
        """Return the URL and the certificates."""
        return self._url, str(self._ca_file)

    async def get(self, kid: str | None) -> KeySet:
        """Return the keys, asked for again where they are old or `kid` is not among them."""
        # Who lacks a key waits for the question that is on its way; who has one does not.
        if self._lacks(kid) or (self._is_old() and not self._asking.locked()):
            async with self._asking:
                if (self._lacks(kid) or self._is_old()) and self._may_ask():
                    self._asked_at = self._clock()
                    await self._renew()
        return _known(self._keys)

    def _lacks(self, kid: str | None) -> bool:
        return self._keys is None or not self._keys.has(kid)

    def _is_old(self) -> bool:
        return self._clock() - self._read_at >= REFRESH_SECONDS

    def _may_ask(self) -> bool:
        return self._clock() - self._asked_at >= RETRY_SECONDS

    async def _renew(self) -> None:
        try:
            async with asyncio.timeout(FETCH_SECONDS_MAX):
                self._keys = parse_key_set(await self._fetch())
            self._read_at = self._clock()
        except (OSError, aiohttp.ClientError, KeySetError) as error:
            words = str(error) or type(error).__name__
            _log.warning("the keys of %s stay as they were: %s", self._url, words)

    async def _fetch(self) -> bytes:
        """Return the body, without following anybody anywhere else."""
        tls = await asyncio.to_thread(_tls_context, self._ca_file)
        connector = aiohttp.TCPConnector(ssl=tls, force_close=True)
        async with (
            aiohttp.ClientSession(connector=connector) as session,
            session.get(self._url, allow_redirects=False) as answer,
        ):
            if answer.status != _OK:
                raise KeySetError(f"it was answered {answer.status}")
            body = bytearray()
            async for piece in answer.content.iter_any():
                body += piece
                if len(body) > SET_BYTES_MAX:
                    raise KeySetError(f"it is longer than {SET_BYTES_MAX} bytes")
            return bytes(body)


def _tls_context(ca_file: Path | None) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=None if ca_file is None else os.fspath(ca_file))


def _known(keys: KeySet | None) -> KeySet:
    if keys is None:
        raise AuthenticationFailed(
            "The keys of the identity provider could not be read. Try again later.",
            code="IDPCommunicationError",
        )
    return keys
