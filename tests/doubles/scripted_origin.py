"""An in-memory `Origin` for the core's tests: versions change and answers are held at will."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from hashlib import md5

from multidict import CIMultiDict, CIMultiDictProxy

from gateway.model.failures import OriginUnreachable
from gateway.origin.interface import OriginRequest
from gateway.protocol.http.percent import decode

PIECE_BYTES = 64 * 1024


@dataclass
class Stored:
    """One object as the origin has it now."""

    body: bytes
    etag: str
    last_modified: str = "Sat, 21 Nov 2026 00:00:00 GMT"
    headers: dict[str, str] = field(default_factory=dict)

    def described(self) -> CIMultiDict[str]:
        return CIMultiDict({"ETag": self.etag, "Last-Modified": self.last_modified, **self.headers})


class ScriptedAnswer:
    def __init__(
        self, status: int, headers: CIMultiDict[str], body: bytes, truncate_at: int | None = None
    ) -> None:
        self.status = status
        self.headers = CIMultiDictProxy(headers)
        self.body = body
        self.truncate_at = truncate_at
        self.sent_bytes = 0
        self.is_closed = False

    async def pieces(self) -> AsyncIterator[bytes]:
        for start in range(0, len(self.body), PIECE_BYTES):
            await asyncio.sleep(0)
            if self.truncate_at is not None and start >= self.truncate_at:
                raise OriginUnreachable("the origin broke off a body")
            piece = self.body[start : start + PIECE_BYTES]
            self.sent_bytes += len(piece)
            yield piece

    async def read(self, bytes_max: int) -> bytes:
        return self.body[:bytes_max]

    def close(self) -> None:
        self.is_closed = True


class ScriptedOrigin:
    """Answers HEAD and GET from `objects`; `asked` keeps every request."""

    def __init__(self) -> None:
        self.objects: dict[str, Stored] = {}
        self.asked: list[OriginRequest] = []
        self.answers: list[ScriptedAnswer] = []
        self.gate: asyncio.Event | None = None
        self.truncations: list[int] = []
        self.unreachable = False

    def put(self, key: str, body: bytes, **changes: str) -> Stored:
        etag = f'"{md5(body).hexdigest()}"'
        self.objects[key] = Stored(body, **{"etag": etag, **changes})
        return self.objects[key]

    def count(self, method: str) -> int:
        return sum(request.method == method for request in self.asked)

    def body_bytes(self) -> int:
        return sum(answer.sent_bytes for answer in self.answers)

    async def ask(self, request: OriginRequest) -> ScriptedAnswer:
        self.asked.append(request)
        # The answer is what the object is when the question arrives, however late it is read.
        answer = self._answer(request)
        if self.gate is not None:
            await self.gate.wait()
        await asyncio.sleep(0)
        if self.unreachable:
            raise OriginUnreachable("the origin is down")
        self.answers.append(answer)
        return answer

    def _answer(self, request: OriginRequest) -> ScriptedAnswer:
        stored = self.objects.get(decode(request.raw_key))
        if stored is None:
            return ScriptedAnswer(404, CIMultiDict(), b"" if request.method == "HEAD" else b"<E/>")
        headers = stored.described()
        if request.headers.get("If-Match", stored.etag) != stored.etag:
            return ScriptedAnswer(412, headers, b"")
        if request.method == "HEAD":
            headers["Content-Length"] = str(len(stored.body))
            return ScriptedAnswer(200, headers, b"")
        return self._body_answer(stored, headers, request.headers.get("Range"))

    def _body_answer(
        self, stored: Stored, headers: CIMultiDict[str], asked: str | None
    ) -> ScriptedAnswer:
        truncate_at = self.truncations.pop(0) if self.truncations else None
        size = len(stored.body)
        if asked is None:
            headers["Content-Length"] = str(size)
            return ScriptedAnswer(200, headers, stored.body, truncate_at)
        first, last = asked.removeprefix("bytes=").split("-")
        start, stop = int(first), min(int(last) + 1, size)
        if start >= size:
            return ScriptedAnswer(416, headers, b"")
        headers["Content-Range"] = f"bytes {start}-{stop - 1}/{size}"
        headers["Content-Length"] = str(stop - start)
        return ScriptedAnswer(206, headers, stored.body[start:stop], truncate_at)
