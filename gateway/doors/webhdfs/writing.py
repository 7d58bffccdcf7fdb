"""Writing files: CREATE and APPEND, whose body goes to a writer as it arrives.

Nothing is seen of a file before its whole body came: who leaves in the middle leaves nothing.
"""

from typing import Final

from aiohttp import web

from gateway.doors.webhdfs.exchange import BYTES, WebHdfsExchange
from gateway.doors.webhdfs.redirects import Redirects, url_of
from gateway.filesystem.interface import Tree, Writer
from gateway.filesystem.status import NewAttributes
from gateway.model.failures import FileConflict
from gateway.protocol.http.percent import encode_path
from gateway.protocol.webhdfs.parameters import Parameters, invalid_parameter
from gateway.protocol.webhdfs.paths import PREFIX

_CREATED: Final = 201


class WritingDoor:
    """Answers what brings a body."""

    def __init__(self, tree: Tree, redirects: Redirects) -> None:
        """Write into `tree`."""
        self._tree = tree
        self._redirects = redirects

    async def create(self, exchange: WebHdfsExchange) -> web.StreamResponse:
        """Answer CREATE: the first step, or the second with the body."""
        given = exchange.parameters
        overwrite = _overwrites(given)
        if not given.flag("data"):
            return await self._redirects.send_on(exchange)
        writer = await self._tree.create(
            exchange.caller,
            exchange.path,
            NewAttributes(mode=given.find_number("permission")),
            overwrite=overwrite,
            makes_parents=given.flag("createparent"),
        )
        await _write_body(exchange, writer)
        location = url_of(exchange, PREFIX + encode_path(exchange.path))
        return await exchange.send_whole(_CREATED, {**BYTES, "Location": location}, b"")

    async def append(self, exchange: WebHdfsExchange) -> web.StreamResponse:
        """Answer APPEND: the first step, or the second with the body."""
        if not exchange.parameters.flag("data"):
            status = await self._tree.status(exchange.caller, exchange.path)
            if status.is_directory:
                raise FileConflict(
                    f"Cannot append to directory {exchange.path}", code="IsADirectory"
                )
            return await self._redirects.send_on(exchange)
        await _write_body(exchange, await self._tree.append(exchange.caller, exchange.path))
        return await exchange.send_nothing()


def _overwrites(given: Parameters) -> bool:
    """Return whether an existing file is replaced: as `createflag` says, else `overwrite`."""
    flags = given.words("createflag")
    if "APPEND" in flags:
        raise invalid_parameter("createflag", "APPEND is an operation of its own here.")
    return "OVERWRITE" in flags if flags else given.flag("overwrite")


async def _write_body(exchange: WebHdfsExchange, writer: Writer) -> None:
    """Write the request's body, all of it or nothing."""
    try:
        if exchange.request.body_exists:
            async for piece in exchange.body():
                await writer.write(piece)
        await writer.close()
    except BaseException:
        await writer.abort()
        raise
