"""A connection that answers at once what takes no waiting, and what it promised when it can.

Bytes that were a whole head before, to the last one, are not parsed again, if the parser stands
between two requests. While a promise is open, what the client sends is held, so that answers leave
in the order of the requests.
"""

import asyncio
from typing import TYPE_CHECKING, Final, Protocol

from aiohttp import HttpVersion11, web
from aiohttp.http import RawRequestMessage
from aiohttp.streams import EMPTY_PAYLOAD

from gateway.core.objects import Question
from gateway.doors.connection import ClientConnection
from gateway.doors.connections import Connections
from gateway.doors.last_words import LastWords

if TYPE_CHECKING:
    from aiohttp import StreamReader

_HEAD_END: Final = b"\r\n\r\n"


class Promise(Protocol):
    """An answer that will be there when the origin has answered."""

    @property
    def question(self) -> Question:
        """Return what the origin was asked."""

    def redeem(self) -> bytes | None:
        """Return the whole answer; None: it takes a task, which is given the question."""

    def abandon(self) -> None:
        """Give up, for the client has left."""


class AtOnce(Protocol):
    """Gives whole answers or promises them; None where a request takes a task."""

    def answer(
        self, message: RawRequestMessage, raw: bytes, peer: ClientConnection
    ) -> bytes | Promise | None:
        """Answer a request that was parsed from `raw`; b"" where it is not sure from what."""

    def answer_again(self, raw: bytes, peer: ClientConnection) -> bytes | Promise | None:
        """Answer a head that was answered before, to the last byte."""


class PromptConnection(ClientConnection):
    """A connection that needs no task for most of what is asked."""

    __slots__ = ("_at_once", "_held", "_is_between", "_is_closing_later", "_promise", "_promised")

    def __init__(
        self,
        server: web.Server,
        connections: Connections,
        loop: asyncio.AbstractEventLoop,
        words: LastWords,
        at_once: AtOnce,
    ) -> None:
        """Belong to `server`; ask `at_once` first."""
        super().__init__(server, connections, loop, words)
        self._at_once = at_once
        self._is_between = True
        self._promise: Promise | None = None
        self._promised = b""
        """The head that the promise is for, where it was not parsed."""
        self._held = b""
        self._is_closing_later = False

    def data_received(self, data: bytes) -> None:
        """Take bytes: a request that can be answered at once is, all else wakes its task."""
        if self._promise is not None:
            self._hold(data)
            return
        waiter = self._waiter
        if waiter is None or self._is_answering or self._messages or self._paused:
            self._take(data)
            return
        was_between = self._is_between
        if was_between and not (self._close or self._force_close or waiter.done()):
            answer = self._at_once.answer_again(data, self)
            if answer is not None:
                self._give(answer, data)
                return
        self._waiter = None  # so that aiohttp does not wake it before it is known for what
        try:
            self._take(data)
        finally:
            self._waiter = waiter
        if self._close:
            waiter.cancel()
        if not self._messages or waiter.done():
            return
        raw = data if was_between and self._is_between and _is_one_head(data) else b""
        if not (len(self._messages) == 1 and self._answer_at_once(*self._messages[0], raw)):
            waiter.set_result(None)

    def _answer_at_once(self, message: object, payload: "StreamReader", raw: bytes) -> bool:
        """Answer a request that takes no task; return whether that was done, or promised."""
        if (
            not isinstance(message, RawRequestMessage)
            or message.method != "GET"
            or payload is not EMPTY_PAYLOAD
            or not _leads_on(message)
            or message.version != HttpVersion11
        ):
            return False
        answer = self._at_once.answer(message, raw, self)
        if answer is None:
            return False
        self._give(answer)
        return True

    def _give(self, answer: bytes | Promise, unparsed: bytes = b"") -> None:
        """Send an answer, or wait until it can be sent."""
        if isinstance(answer, bytes):
            self._send_whole(answer)
            return
        self._promise, self._promised = answer, unparsed
        self._connections.heads.discard(self)
        self._connections.idle.discard(self)
        answer.question.answer.add_done_callback(self._keep_promise)

    def _send_whole(self, answer: bytes) -> None:
        """Send a whole answer, and let the connection be idle when the client has taken it."""
        if self._messages:
            self._messages.popleft()
            if self._parser is not None:
                self._parser.message_consumed()
        if self.transport is not None:
            self.transport.write(answer)
        self._connections.heads.discard(self)
        if self._paused:
            self._connections.idle.discard(self)
            self.begins_sending()
        else:
            self._connections.idle.add(self, self._loop.time())

    def resume_writing(self) -> None:
        """Be idle after an answer that was sent whole, now that the client has taken it."""
        super().resume_writing()
        if not self._is_answering and self in self._connections.waits:
            self.ends_sending()
            self._connections.idle.add(self, self._loop.time())

    def begins_request(self) -> None:
        """Note that a next request is answered, also where the last answer is not taken yet."""
        super().begins_request()
        self.ends_sending()

    def _keep_promise(self, _: object) -> None:
        """Send what was promised, or give the request a task; then go on with what was held."""
        promise, self._promise = self._promise, None
        if promise is None:
            return  # the client left
        unparsed, self._promised = self._promised, b""
        answer = promise.redeem()
        if answer is not None:
            self._send_whole(answer)
        else:
            self.question = promise.question
            if unparsed:
                self._take(unparsed)
            if self._waiter is not None and not self._waiter.done():
                self._waiter.set_result(None)
        if self._is_closing_later:
            self.close()
        elif self._held:
            held, self._held = self._held, b""
            if self.transport is not None:
                self.transport.resume_reading()
            self.data_received(held)

    def _hold(self, data: bytes) -> None:
        """Keep what comes while a promise is open, and let no more come."""
        self._held += data
        if self.transport is not None:
            self.transport.pause_reading()

    def close(self) -> None:
        """Take no further request; what was promised is kept first."""
        if self._promise is not None:
            self._is_closing_later = True
        else:
            super().close()

    async def shutdown(self, timeout: float | None = 15.0) -> None:  # noqa: ASYNC109 - aiohttp's
        """End within `timeout` seconds, after the answer that is due."""
        began = self._loop.time()
        if self._promise is not None:
            await asyncio.wait([self._promise.question.answer], timeout=timeout)
        if timeout is not None:
            timeout = max(0.0, timeout - (self._loop.time() - began))
        await super().shutdown(timeout)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Give up what was promised, and be forgotten."""
        promise, self._promise = self._promise, None
        if promise is not None:
            promise.abandon()
        super().connection_lost(exc)

    def _take(self, data: bytes) -> None:
        """Parse bytes, and note whether the parser stands between two requests after them.

        It does where they end as a head does and gave one request, without a body: a second head
        that began in them cannot have ended, nor can it be without a letter.
        """
        had_messages = bool(self._messages)
        super()._take(data)
        self._is_between = False
        if not had_messages and len(self._messages) == 1 and data.endswith(_HEAD_END):
            message, payload = self._messages[0]
            self._is_between = payload is EMPTY_PAYLOAD and _leads_on(message)


def _leads_on(message: object) -> bool:
    """Return whether a message is a request after which the connection takes another."""
    if not isinstance(message, RawRequestMessage):
        return False
    return not (message.should_close or message.upgrade)


def _is_one_head(data: bytes) -> bool:
    """Return whether the bytes end with the first head's end."""
    return data.find(_HEAD_END) == len(data) - len(_HEAD_END)
