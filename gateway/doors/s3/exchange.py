"""One S3 request and its answer; each step of the pipeline writes down what it found."""

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, ClassVar

from aiohttp import web

from gateway.access.request_context import NOTHING_KNOWN, RequestContext
from gateway.core.objects import Question
from gateway.doors.connection import ClientConnection
from gateway.doors.exchange import Exchange
from gateway.model.voices import Voice

if TYPE_CHECKING:
    from gateway.protocol.s3.addressing import Target
    from gateway.protocol.s3.operations import Operation


class S3Exchange(Exchange):
    """A request on its way through the pipeline."""

    id_header: ClassVar[str] = "x-amz-request-id"

    __slots__ = (
        "check_served",
        "context",
        "failed_within",
        "judged",
        "operation",
        "stamp",
        "target",
    )

    def __init__(self, request: web.BaseRequest) -> None:
        """Take the request; nothing is judged yet."""
        super().__init__(request)
        self.target: Target | None = None
        self.judged: Target | None = None
        """What policies are asked about: the target, or the source behind a snapshot."""
        self.operation: Operation | None = None
        self.context: RequestContext = NOTHING_KNOWN
        self.check_served: Callable[[Iterable[tuple[str, str]]], None] = _anything
        """Judges the headers of what is about to be sent; raises AccessDenied."""
        self.stamp: Mapping[str, str] = {}
        """Headers that the origin is told in place of the client's, of the object that is made."""
        self.failed_within = False
        """Whether the answer is a 200 with an error in its body."""

    @property
    def voice(self) -> Voice:
        """Return who asks the origin: the principal's, on behalf of the web site that asks."""
        assert self.principal is not None  # noqa: S101 - identified by the pipeline
        site = self.head.headers.get("Origin")
        voice = self.principal.voice
        return voice if site is None else voice.on_behalf_of(site, self.head.method)

    @property
    def question(self) -> Question | None:
        """Return what the origin was asked for this request before it had a task, if it was."""
        connection = self.request.protocol
        return connection.question if isinstance(connection, ClientConnection) else None

    def fail_within(self, code: str) -> None:
        """Note that the 200 has an `<Error>` in it: it counts as no success."""
        self.error_code, self.failed_within = code, True


def _anything(_headers: Iterable[tuple[str, str]]) -> None:
    """Let anything be sent."""
