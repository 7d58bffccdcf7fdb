"""The life of a WebHDFS request, top to bottom: path, operation, who, parameters, handle, answer.

What the caller may do is judged by the tree, on the objects that a path is.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from time import perf_counter
from typing import Final

from aiohttp import web

from gateway.access.authorization import Authorization
from gateway.access.metering import Metering
from gateway.doors.room import Room
from gateway.doors.webhdfs.exchange import WebHdfsExchange
from gateway.doors.webhdfs.identification import Identifies
from gateway.doors.webhdfs.refusals import refusal
from gateway.filesystem.caller import Caller
from gateway.model.failures import (
    AuthenticationFailed,
    Failure,
    NotFound,
    NotSupported,
)
from gateway.protocol.http.head import check_expectation, check_transfer_coding
from gateway.protocol.s3.addressing import Target
from gateway.protocol.webhdfs.operations import METHODS, OP, name_operation
from gateway.protocol.webhdfs.parameters import Parameters, query_values, single_value
from gateway.protocol.webhdfs.paths import PREFIX, find_path
from gateway.telemetry import metrics
from gateway.telemetry.logs import AccessLog, AccessRecord

Handler = Callable[[WebHdfsExchange], Awaitable[web.StreamResponse]]

_IDENTIFYING: Final = frozenset({OP, "user.name", "doas", "delegation", "forebay.step"})
HANDSHAKE: Final = "OPTIONS"
"""By which Hadoop's client shows its Kerberos ticket, to ask with the cookie after it."""
_ANYTHING: Final = Target(None, None, "")


class Pipeline:
    """Every WebHDFS request goes through `serve`; nothing else answers one."""

    def __init__(
        self,
        authentication: Identifies,
        authorization: Authorization,
        handlers: Mapping[str, Handler],
        *,
        metering: Metering,
        access_log: AccessLog,
        room: Room,
        now: Callable[[], datetime],
    ) -> None:
        """Take the handlers by operation name; `now` is the moment that policies are judged at."""
        self.authentication = authentication
        self._authorization = authorization
        self._handlers = handlers
        self._metering = metering
        self._access_log = access_log
        self._room = room
        self._now = now

    async def serve(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer, and leave one line in the access log, whatever happened."""
        exchange = WebHdfsExchange(request)
        self._room.enter()
        try:
            return await self._respond(exchange)
        finally:
            self._room.leave()
            self._record(exchange)

    async def _respond(self, exchange: WebHdfsExchange) -> web.StreamResponse:
        """Live the life of a WebHDFS request."""
        try:
            self._room.require()
            head = exchange.head
            exchange.path = _path_of(exchange)
            check_expectation(head)
            check_transfer_coding(head)
            query = exchange.query = query_values(head.query_pairs())
            await self._identify(exchange)
            if head.method == HANDSHAKE:
                return await exchange.send_nothing()
            operation = exchange.operation = name_operation(head.method, query.get(OP, ()))
            exchange.parameters = Parameters(operation.name, operation.parameters, query)
            exchange.receipt.mark("identified")
            return await self._handlers[operation.name](exchange)
        except Failure as failure:
            if isinstance(failure, AuthenticationFailed):
                self._authorization.note_unproven(failure, _ANYTHING, exchange)
            return await self._refuse(exchange, failure)
        except (ConnectionError, asyncio.CancelledError):
            exchange.error_code = exchange.error_code or "ClientDisconnected"
            raise

    async def _identify(self, exchange: WebHdfsExchange) -> None:
        """Find out who asks, and admit them by their rates."""
        claims = {name: single_value(name, exchange.query.get(name, ())) for name in _IDENTIFYING}
        given = {name: value for name, value in claims.items() if value is not None}
        who = await self.authentication.identify(exchange.head, exchange.remote, given)
        principal = exchange.principal = who.principal
        exchange.who = who
        exchange.pace = self._metering.admit(principal.payer, principal.allowance)
        exchange.caller = Caller(
            principal, exchange, self._now(), who.user, who.groups, exchange.receipt
        )

    async def _refuse(self, exchange: WebHdfsExchange, failure: Failure) -> web.StreamResponse:
        """Tell the client, or cut the connection where an answer has already begun."""
        if exchange.has_begun_answering:
            exchange.error_code = failure.code
            exchange.cut()
            raise ConnectionResetError(f"cut after a body began: {failure.message}") from failure
        words = refusal(
            failure, exchange, self.authentication.challenges(exchange.head, exchange.remote)
        )
        exchange.error_code = words.code
        return await exchange.send_whole(words.status, words.headers, words.body)

    def _record(self, exchange: WebHdfsExchange) -> None:
        """Count the request and write its line."""
        receipt, response = exchange.receipt, exchange.response
        seconds = perf_counter() - receipt.started
        operation = exchange.operation.name if exchange.operation is not None else "-"
        status = response.status if response is not None else 499
        metrics.requests.labels(door="webhdfs", operation=operation, status=str(status)).inc()
        metrics.request_seconds.labels(door="webhdfs").observe(seconds)
        self._access_log.write(
            AccessRecord(
                request_id=exchange.id,
                remote=exchange.remote,
                principal=exchange.principal.name if exchange.principal is not None else "-",
                method=exchange.head.method,
                operation=operation,
                bucket="",
                key=exchange.path,
                query=exchange.head.query,
                status=status,
                error=exchange.error_code,
                cache=receipt.cache,
                origin_requests=receipt.origin_requests,
                bytes_in=exchange.bytes_in,
                bytes_out=exchange.bytes_out,
                seconds=seconds,
                user_agent=exchange.head.headers.get("User-Agent", ""),
            )
        )


def _path_of(exchange: WebHdfsExchange) -> str:
    """Return the path that is asked about; raises NotFound, NotSupported, InvalidRequest."""
    path = find_path(exchange.head.path)
    if path is None:
        raise NotFound(f"There is only {PREFIX} here.", code="NoSuchService")
    if exchange.head.method not in (*METHODS, HANDSHAKE):
        raise NotSupported("WebHDFS has GET, PUT, POST and DELETE.", code="MethodNotAllowed")
    return path
