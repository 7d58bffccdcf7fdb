"""One WebHDFS request and its answer; each step of the pipeline writes down what it found."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Final

from aiohttp import web
from multidict import CIMultiDict

from gateway.doors.exchange import Exchange
from gateway.filesystem.caller import Caller
from gateway.protocol.webhdfs.documents import Json, to_json
from gateway.protocol.webhdfs.parameters import Parameters

if TYPE_CHECKING:
    from gateway.doors.webhdfs.authentication import Who
    from gateway.protocol.webhdfs.operations import Operation

JSON: Final = {"Content-Type": "application/json", "Cache-Control": "no-store"}
BYTES: Final = {"Content-Type": "application/octet-stream"}
_OK: Final = 200


class WebHdfsExchange(Exchange):
    """A request on its way through the pipeline."""

    id_header: ClassVar[str] = ""

    __slots__ = ("_caller", "operation", "parameters", "path", "query", "who")

    def __init__(self, request: web.BaseRequest) -> None:
        """Take the request; nothing is judged yet."""
        super().__init__(request)
        self.path = ""
        """The path of the tree that is asked about, decoded; '' as long as it is not known."""
        self.query: Mapping[str, tuple[str, ...]] = {}
        """The values of the query by name in lower case."""
        self.operation: Operation | None = None
        self.parameters = Parameters("", (), {})
        self.who: Who | None = None
        self._caller: Caller | None = None

    @property
    def caller(self) -> Caller:
        """Return who asks, as the tree is told."""
        assert self._caller is not None  # noqa: S101 - identified by the pipeline
        return self._caller

    @caller.setter
    def caller(self, caller: Caller) -> None:
        self._caller = caller

    def _with_our_headers(self, status: int, headers: Mapping[str, str]) -> CIMultiDict[str]:
        """Return the answer's headers, with those that prove us to who asks."""
        ours = super()._with_our_headers(status, headers)
        if self.who is not None:
            ours.update(self.who.headers)
        return ours

    async def send_json(self, document: Json) -> web.StreamResponse:
        """Send a document as the whole answer."""
        return await self.send_whole(_OK, JSON, to_json(document))

    async def send_nothing(self) -> web.StreamResponse:
        """Say that it is done, as Hadoop does where there is nothing to tell."""
        return await self.send_whole(_OK, BYTES, b"")
