"""A small S3 client that signs what it is told to and may lie: aiohttp under `sign_headers`."""

import io
from collections.abc import AsyncIterable, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from urllib.parse import urlsplit

import aiohttp
from multidict import CIMultiDictProxy
from yarl import URL

from gateway.protocol.s3.addressing import encode_key
from gateway.protocol.s3.signing import UNSIGNED_PAYLOAD, sign_headers

_BYTES_MAX = 1 << 20


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole answer."""

    status: int
    headers: CIMultiDictProxy[str]
    body: bytes


class SignedClient:
    """One principal at one endpoint; `session` must be open."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        endpoint: str,
        access_key: str,
        secret_key: str,
        session_token: str | None = None,
    ) -> None:
        self.session = session
        self.endpoint = endpoint
        self._keys = access_key, secret_key
        self._session_token = session_token

    @asynccontextmanager
    async def opened(
        self,
        method: str,
        path: str,
        *,
        query: str = "",
        headers: Mapping[str, str] | None = None,
        body: bytes | AsyncIterable[bytes] = b"",
        payload_hash: str | None = None,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Yield the answer to `method` on the raw `path`; its body is not read yet."""
        sent = self.signed(
            method, path, query, dict(headers or {}), body=body, payload_hash=payload_hash
        )
        url = URL(f"{self.endpoint}{path}{'?' + query if query else ''}", encoded=True)
        async with self.session.request(
            method,
            url,
            headers=sent,
            data=_payload(body),
            allow_redirects=False,
            skip_auto_headers=("Content-Type", "Accept-Encoding", "Accept"),
        ) as answer:
            yield answer

    async def ask(self, method: str, path: str, **parts: object) -> Reply:
        """Return the whole answer; raises aiohttp's errors where the connection breaks."""
        async with self.opened(method, path, **parts) as answer:  # type: ignore[arg-type]
            return Reply(answer.status, answer.headers, await answer.read())

    async def get(self, bucket: str, key: str, **parts: object) -> Reply:
        """Return the answer to a GET of an object."""
        return await self.ask("GET", object_path(bucket, key), **parts)

    async def head(self, bucket: str, key: str, **parts: object) -> Reply:
        """Return the answer to a HEAD of an object."""
        return await self.ask("HEAD", object_path(bucket, key), **parts)

    async def put(self, bucket: str, key: str, body: bytes, **parts: object) -> Reply:
        """Return the answer to a PUT of an object."""
        return await self.ask("PUT", object_path(bucket, key), body=body, **parts)

    async def delete(self, bucket: str, key: str, **parts: object) -> Reply:
        """Return the answer to a DELETE of an object."""
        return await self.ask("DELETE", object_path(bucket, key), **parts)

    def signed(
        self,
        method: str,
        path: str,
        query: str,
        headers: dict[str, str],
        *,
        body: bytes | AsyncIterable[bytes] = b"",
        payload_hash: str | None = None,
    ) -> dict[str, str]:
        """Return `headers` and the signature, over the payload hash given or the body's own."""
        if payload_hash is None:
            is_whole = isinstance(body, bytes)
            payload_hash = sha256(body).hexdigest() if is_whole else UNSIGNED_PAYLOAD
        access_key, secret_key = self._keys
        proof = sign_headers(
            method,
            urlsplit(self.endpoint).netloc,
            path,
            query,
            headers,
            access_key=access_key,
            secret=secret_key,
            session_token=self._session_token,
            region="us-east-1",
            amz_date=datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ"),
            payload_hash=payload_hash,
        )
        return {**headers, **proof}


def object_path(bucket: str, key: str) -> str:
    """Return the raw path of an object, path style."""
    return f"/{bucket}/{encode_key(key)}"


def _payload(
    body: bytes | AsyncIterable[bytes],
) -> io.BytesIO | bytes | AsyncIterable[bytes] | None:
    """Return what aiohttp sends; it warns of large bodies that are bytes."""
    return io.BytesIO(body) if isinstance(body, bytes) and len(body) > _BYTES_MAX else body or None
