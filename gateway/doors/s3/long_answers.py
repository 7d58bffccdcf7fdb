"""Answers that take long: the client's connection is kept alive with whitespace, as S3 does.

CompleteMultipartUpload and the copies may work for minutes, longer than clients and balancers wait
for a silent connection. After a few seconds the 200 is sent with the XML declaration, then a space
from time to time, then the result; what fails meanwhile can only be told by an `<Error>` in the
200. https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html
"""

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass

from aiohttp import web
from multidict import CIMultiDict

from gateway.doors.s3.exchange import S3Exchange
from gateway.doors.s3.preflights import PreflightDoor
from gateway.doors.s3.refusals import refusal
from gateway.model.failures import Failure
from gateway.protocol.s3.errors import error_xml
from gateway.protocol.s3.markup import XML_HEAD
from gateway.protocol.s3.responses import find_error, without_declaration

_OK = 200
_SPACE = b" "


@dataclass(frozen=True, slots=True)
class Outcome:
    """A whole answer, small enough to be held."""

    status: int
    headers: CIMultiDict[str]
    body: bytes


class LongAnswers:
    """Waits for outcomes, and lets nobody hang up meanwhile."""

    def __init__(self, interval_seconds: float, preflights: PreflightDoor) -> None:
        """Send the first byte after `interval_seconds`, and each further one as long after it.

        `preflights` tell what a web site is shown of an answer that the origin has not given yet.
        """
        self._interval_seconds = interval_seconds
        self._preflights = preflights

    async def answer(
        self, exchange: S3Exchange, work: Coroutine[None, None, Outcome], *, may_list: bool
    ) -> web.StreamResponse:
        """Send the outcome of `work`; raises its Failure where nothing was sent yet.

        The work is carried to its end even where the client has left: what it makes of the object
        must be known to the rows.
        """
        async with asyncio.TaskGroup() as tasks:
            # The failure is a value: the group would wrap an exception in an ExceptionGroup.
            task = tasks.create_task(_settled(work))
            await asyncio.wait({task}, timeout=self._interval_seconds)
            if not task.done():
                with suppress(ConnectionError):
                    await self._wait_aloud(exchange, task)
        outcome = task.result()
        response = exchange.response
        if response is None:
            return await _send(exchange, outcome)
        if isinstance(outcome, Failure):
            words = refusal(outcome, exchange, may_list=may_list)
            outcome = Outcome(words.status, words.headers, words.body)
        body = _told_late(exchange, outcome)
        await response.write(body)
        exchange.bytes_out += len(body)
        return response

    async def _wait_aloud(
        self, exchange: S3Exchange, task: "asyncio.Task[Outcome | Failure]"
    ) -> None:
        """Begin a 200 and send whitespace until the task is done."""
        headers = CIMultiDict({"Content-Type": "application/xml"})
        headers.extend(await self._preflights.shown(exchange, exchange.head.method))
        response = await exchange.start(_OK, headers)
        await response.write(XML_HEAD.encode())
        while not task.done():
            await asyncio.wait({task}, timeout=self._interval_seconds)
            if not task.done():
                await response.write(_SPACE)


async def _settled(work: Coroutine[None, None, Outcome]) -> Outcome | Failure:
    try:
        return await work
    except Failure as failure:
        return failure


def _told_late(exchange: S3Exchange, outcome: Outcome) -> bytes:
    """Return what stands behind the whitespace: the result, or an error in S3's form."""
    error = find_error(outcome.body)
    if error is not None:
        exchange.fail_within(error.code)
    elif outcome.status != _OK:
        exchange.fail_within("InternalError")
        words = f"The origin answered {outcome.status}."
        return without_declaration(error_xml("InternalError", words, "", exchange.id))
    return without_declaration(outcome.body)


async def _send(exchange: S3Exchange, outcome: Outcome | Failure) -> web.StreamResponse:
    if isinstance(outcome, Failure):
        raise outcome
    error = find_error(outcome.body)
    if error is not None:
        # S3's own way to fail late: passed on as it came, and counted for what it is.
        if outcome.status == _OK:
            exchange.fail_within(error.code)
        else:
            exchange.error_code = error.code
    return await exchange.send_whole(outcome.status, outcome.headers, outcome.body)
