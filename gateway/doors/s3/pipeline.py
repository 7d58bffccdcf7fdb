"""The life of an S3 request, top to bottom: locate, identify, name, require, handle, answer."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from time import perf_counter

from aiohttp import web

from gateway.access.authentication import Authentication
from gateway.access.authorization import Authorization
from gateway.access.metering import Metering
from gateway.doors.room import Room
from gateway.doors.s3.contexts import context_of
from gateway.doors.s3.exchange import S3Exchange
from gateway.doors.s3.forms import FormDoor, is_form_upload
from gateway.doors.s3.modes import ModeGuard
from gateway.doors.s3.refusals import refusal
from gateway.doors.s3.virtual_buckets import VirtualBuckets, source_target
from gateway.model.failures import (
    AccessDenied,
    AuthenticationFailed,
    Failure,
    NotSupported,
)
from gateway.protocol.http.head import check_expectation, check_transfer_coding
from gateway.protocol.s3.addressing import locate
from gateway.protocol.s3.operations import Operation, name_operation
from gateway.protocol.s3.unjudged import refuse_unjudged
from gateway.telemetry import metrics
from gateway.telemetry.logs import AccessLog, AccessRecord

_log = logging.getLogger(__name__)

Handler = Callable[[S3Exchange], Awaitable[web.StreamResponse]]


class Pipeline:
    """Every S3 request goes through `respond`; nothing else answers one."""

    def __init__(
        self,
        authentication: Authentication,
        authorization: Authorization,
        handlers: Mapping[str, Handler],
        passthrough: Handler,
        forms: FormDoor,
        *,
        metering: Metering,
        preflights: Handler,
        virtual: VirtualBuckets,
        domains: tuple[str, ...],
        access_log: AccessLog,
        room: Room,
        now: Callable[[], datetime],
        modes: ModeGuard | None = None,
    ) -> None:
        """Take the handlers by operation name; what has none is passed through.

        `now` is the UTC moment that policies are judged at.
        """
        self.authentication = authentication
        self.authorization = authorization
        self.metering = metering
        self._handlers = handlers
        self._passthrough = passthrough
        self._forms = forms
        self._preflights = preflights
        self.virtual = virtual
        self._domains = domains
        self.access_log = access_log
        self.room = room
        self._now = now
        self._modes = modes

    @property
    def has_modes(self) -> bool:
        """Return whether modes judge besides policies."""
        return self._modes is not None

    async def serve(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer, and leave one line in the access log, whatever happened."""
        exchange = S3Exchange(request)
        self.room.enter()
        try:
            return await self._respond(exchange)
        finally:
            self.room.leave()
            self._record(exchange)

    async def _respond(self, exchange: S3Exchange) -> web.StreamResponse:
        """Live the life of an S3 request."""
        try:
            self.room.require()
            head = exchange.head
            target = exchange.target = locate(head.host, head.path, self._domains)
            held = self.virtual.find(target.bucket)
            judged = target if held is None else source_target(held.snapshot, target)
            exchange.judged = judged
            check_expectation(head)
            check_transfer_coding(head)
            if head.method == "OPTIONS":
                exchange.target = judged  # what a site may is the bucket's own to say
                return await self._preflights(exchange)
            if is_form_upload(head, target):
                _refuse_form(self._modes)
                if held is not None:  # told to nobody in particular: who asks is in the form
                    raise AccessDenied("Access Denied")
                return await self._forms.post(exchange, self.authentication)
            principal = exchange.principal = self.authentication.identify(head)
            exchange.pace = self.metering.admit(principal.payer, principal.allowance)
            operation = name_operation(head.method, target, head.query_names(), head.headers)
            exchange.operation = operation
            self._require(exchange, operation)
            if self._modes is not None:
                await self._modes.require(exchange, operation, is_held=held is not None)
            exchange.receipt.mark("authorized")
            if held is not None:
                return await self.virtual.answer(exchange, held)
            handler = self._handlers.get(operation.name, self._passthrough)
            return await handler(exchange)
        except Failure as failure:
            if isinstance(failure, AuthenticationFailed) and exchange.target is not None:
                self.authorization.note_unproven(failure, exchange.target, exchange)
            may_list = (
                exchange.principal is not None
                and exchange.judged is not None
                and self.authorization.may_list(
                    exchange.principal, exchange.judged, exchange.context
                )
            )
            return await self._refuse(exchange, failure, may_list=may_list)
        except (ConnectionError, asyncio.CancelledError):
            exchange.error_code = exchange.error_code or "ClientDisconnected"
            raise

    def _require(self, exchange: S3Exchange, operation: Operation) -> None:
        """Judge the operation's action, and those that its headers ask for besides."""
        principal, target = exchange.principal, exchange.judged
        assert principal is not None  # noqa: S101 - identified two lines above the only call
        assert target is not None  # noqa: S101 - located likewise
        exchange.context = context_of(exchange, principal, self._now)
        for action in (operation.action, *operation.also):
            self.authorization.require(principal, action, target, exchange.context, exchange)
        head = exchange.head
        refuse_unjudged(head.method, operation, head.query_names(), head.headers)
        self.virtual.refuse_as_source(head)
        if not operation.is_known and exchange.head.method not in _METHODS:
            raise NotSupported(
                "A header or method you provided implies functionality that is not implemented"
            )

    async def _refuse(
        self, exchange: S3Exchange, failure: Failure, *, may_list: bool
    ) -> web.StreamResponse:
        """Tell the client, or cut the connection where an answer has already begun."""
        if exchange.has_begun_answering:
            exchange.error_code = failure.code
            exchange.cut()
            raise ConnectionResetError(f"cut after a body began: {failure.message}") from failure
        words = refusal(failure, exchange, may_list=may_list)
        exchange.error_code = words.code
        return await exchange.send_whole(words.status, words.headers, words.body)

    def _record(self, exchange: S3Exchange) -> None:
        """Count the request and write its line."""
        receipt, target, response = exchange.receipt, exchange.target, exchange.response
        seconds = perf_counter() - receipt.started
        operation = exchange.operation.name if exchange.operation is not None else "-"
        status = response.status if response is not None else 499
        shown = f"{status}-error" if exchange.failed_within else str(status)
        metrics.requests.labels(door="s3", operation=operation, status=shown).inc()
        metrics.request_seconds.labels(door="s3").observe(seconds)
        self.access_log.write(
            AccessRecord(
                request_id=exchange.id,
                remote=exchange.remote,
                principal=exchange.principal.name if exchange.principal is not None else "-",
                method=exchange.head.method,
                operation=operation,
                bucket=(target.bucket or "") if target is not None else "",
                key=(target.key or "") if target is not None else "",
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


def _refuse_form(modes: ModeGuard | None) -> None:
    """Refuse a form where modes judge: whose its object is to be stands in its body."""
    if modes is not None:
        raise NotSupported(
            'Form uploads are not taken where modes judge (filesystem.permissions = "modes"): '
            "use PUT"
        )


_METHODS = frozenset({"GET", "HEAD", "PUT", "POST", "DELETE", "OPTIONS"})
