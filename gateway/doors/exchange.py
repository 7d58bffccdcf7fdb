"""One request and its answer, whatever the door: what a handler is given, and how it sends."""

from collections.abc import AsyncGenerator, Mapping
from random import getrandbits
from typing import TYPE_CHECKING, ClassVar

from aiohttp import web
from multidict import CIMultiDict

from gateway.access.metering import Pace
from gateway.core.receipt import Receipt
from gateway.doors.connection import ClientConnection
from gateway.doors.whole_answer import WholeAnswer
from gateway.model.failures import BodyMismatch
from gateway.protocol.http.head import RequestHead, is_plainly_framed, split_target

if TYPE_CHECKING:
    from gateway.access.authentication import Principal

_FORBIDDEN = 403
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Exchange:
    """A request on its way through the pipeline; each step writes down what it found."""

    id_header: ClassVar[str] = ""
    """The door's own header for the request's id, beside x-forebay-request-id."""

    __slots__ = (
        "_continued",
        "bytes_in",
        "bytes_out",
        "error_code",
        "head",
        "id",
        "pace",
        "principal",
        "receipt",
        "request",
        "response",
    )

    def __init__(self, request: web.BaseRequest) -> None:
        """Take the raw target apart; nothing is judged yet."""
        path, query = split_target(request.raw_path)
        self.request = request
        self.head = RequestHead(request.method, path, query, request.headers, request.secure)
        # Sixteen characters like S3's own; random, since clients quote it to several operators.
        self.id = f"{getrandbits(64):016X}"
        self.receipt = Receipt(is_explained=request.headers.get("x-forebay-explain") == "1")
        self.principal: Principal | None = None
        self.pace: Pace | None = None
        self.response: web.StreamResponse | None = None
        self.error_code = ""
        self.bytes_in = 0
        self.bytes_out = 0
        self._continued = False

    async def start(
        self, status: int, headers: Mapping[str, str], length: int | None = None
    ) -> web.StreamResponse:
        """Send nothing yet but decide status and headers; `length` of None means chunked."""
        response = web.StreamResponse(
            status=status, headers=self._with_our_headers(status, headers)
        )
        if length is not None:
            response.content_length = length
        if self._must_close():
            response.force_close()
        self.response = response
        await response.prepare(self.request)
        return response

    async def send_whole(
        self, status: int, headers: Mapping[str, str], body: bytes
    ) -> web.StreamResponse:
        """Send an answer whose body is at hand; to HEAD only its headers."""
        if self.pace is not None:
            await self.pace.spend(len(body))
        response = WholeAnswer(
            status, self._with_our_headers(status, headers), body, closes=self._must_close()
        )
        self.response = response
        await response.prepare(self.request)
        if self.head.method != "HEAD":
            self.bytes_out += len(body)
        return response

    async def body(self) -> AsyncGenerator[bytes]:
        """Yield the request's body as it arrives; the client is told to go on first if it asked.

        Raises BodyMismatch (IncompleteBody) when the client leaves in the middle, InvalidRequest
        (RequestTimeout) where it is too slow.
        """
        content, connection = self.request.content, self.request.protocol
        assert isinstance(connection, ClientConnection)  # noqa: S101 - no other server makes requests
        if self.head.headers.get("Expect", "").lower() == "100-continue" and not self._continued:
            self._continued = True
            await self.request.writer.write(_CONTINUE)
            # What went out was no part of the answer: an error may still be sent as one.
            self.request.writer.output_size = 0
        try:
            while piece := await connection.next_piece(content):
                self.bytes_in += len(piece)
                if self.pace is not None:
                    await self.pace.spend(len(piece))
                yield piece
        except (web.RequestPayloadError, ConnectionError) as error:
            raise BodyMismatch(
                "You did not provide the number of bytes specified by the Content-Length "
                "HTTP header",
                code="IncompleteBody",
            ) from error

    async def write(
        self, response: web.StreamResponse, piece: bytes | bytearray | memoryview
    ) -> None:
        """Send a part of the answer's body, no faster than who asked may have it."""
        if self.pace is None:
            await response.write(piece)
        else:
            for start in range(0, len(piece), self.pace.piece_bytes):
                part = piece[start : start + self.pace.piece_bytes]
                await self.pace.spend(len(part))
                await response.write(part)
        self.bytes_out += len(piece)

    @property
    def remote(self) -> str:
        """Return the address of the connection's peer; no header that a client could write."""
        return self.request.remote or "-"

    @property
    def has_begun_answering(self) -> bool:
        """Return whether bytes of an answer may have reached the client."""
        return self.response is not None and self.response.prepared

    def cut(self) -> None:
        """Cut the connection: the client must see an incomplete body, never a wrong one."""
        if self.request.transport is not None:
            self.request.transport.abort()

    def _must_close(self) -> bool:
        """Return whether what is left of this request, or may be, endangers the next one."""
        expects = self.head.headers.get("Expect", "").lower() == "100-continue"
        return (
            (expects and not self._continued)
            or (self.request.body_exists and not self.request.content.is_eof())
            or not is_plainly_framed(self.head)
        )

    def _with_our_headers(self, status: int, headers: Mapping[str, str]) -> CIMultiDict[str]:
        """Return the answer's headers with the request ids and how it was made."""
        ours = CIMultiDict(headers)
        if self.id_header:
            ours.setdefault(self.id_header, self.id)
        ours["x-forebay-request-id"] = self.id
        ours.setdefault("Server", "Forebay")
        # How a denial was made, here or at the origin, could tell whether the object is there; to
        # nobody nothing is told.
        if self.principal is None or status == _FORBIDDEN:
            return ours
        receipt = self.receipt
        if receipt.cache:
            ours["X-Cache"] = receipt.cache
            if receipt.cache != "BYPASS":
                ours["Age"] = str(receipt.age_seconds)
        if receipt.is_explained:
            ours["x-forebay-explain"] = receipt.explanation()
        return ours
