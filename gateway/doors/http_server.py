"""The listener: aiohttp's low-level server, bounded, with S3's words even for bad HTTP."""

import asyncio
import logging
import secrets
import socket
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import http_exceptions, http_parser, web
from aiohttp.web_protocol import RequestHandler

from gateway.protocol.s3.errors import ERRORS, error_xml

_log = logging.getLogger(__name__)

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


class _S3Protocol(RequestHandler):
    """A connection whose protocol errors are answered in S3's words."""

    __slots__ = ()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,  # noqa: ARG002 - aiohttp's words are not S3's
    ) -> web.StreamResponse:
        """Return the S3 error for a request that never became one; the connection is closed."""
        if request.writer.output_size > 0:
            raise ConnectionError("the answer has begun: it can only be cut")
        code = "InternalError"
        if isinstance(exc, http_exceptions.LineTooLong):
            code = "RequestHeaderSectionTooLarge"
        elif isinstance(exc, http_exceptions.HttpProcessingError) or status < 500:  # noqa: PLR2004
            code = "BadRequest"
        else:
            _log.error("a request failed inside: %s", type(exc).__name__, exc_info=exc)
        status, words = ERRORS[code]
        identity = secrets.token_hex(8).upper()
        response = web.Response(
            status=status,
            body=error_xml(code, words, "", identity),
            content_type="application/xml",
            headers={"x-amz-request-id": identity, "Server": "Forebay"},
        )
        response.force_close()
        return response

    def log_exception(self, *args: object, **kwargs: object) -> None:
        """Say nothing: a target in a traceback may hold a presigned URL's signature."""


class S3Server(web.Server):
    """Makes an `_S3Protocol` for each connection."""

    def __init__(
        self, handler: Handler, *, keepalive_seconds: float, header_bytes_max: int
    ) -> None:
        """Serve `handler`; bodies are left as they are sent (no decompression)."""
        super().__init__(handler)
        self._options: dict[str, Any] = {
            "keepalive_timeout": keepalive_seconds,
            "max_line_size": header_bytes_max,
            "max_field_size": header_bytes_max,
            "auto_decompress": False,
            "access_log": None,
            "lingering_time": 2.0,
            "read_bufsize": 256 * 1024,
        }

    def __call__(self) -> RequestHandler:
        """Return the protocol of a new connection."""
        return _S3Protocol(self, loop=asyncio.get_running_loop(), **self._options)


def assert_safe_parser() -> None:
    """Refuse to start on aiohttp's pure-Python parser, which had a request-smuggling CVE."""
    if http_parser.HttpRequestParser is http_parser.HttpRequestParserPy:
        raise RuntimeError(
            "aiohttp's C parser is missing: install its wheel and unset AIOHTTP_NO_EXTENSIONS"
        )


def listening_socket(host: str, port: int) -> socket.socket:
    """Return a socket that shares its port with the other workers (SO_REUSEPORT)."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listener.bind((host, port))
    except OSError:
        listener.close()
        raise
    listener.setblocking(False)  # noqa: FBT003 - the socket API
    return listener
