"""What is asked of the service and of no file: home, trash, defaults, space and tokens."""

from typing import Protocol

from aiohttp import web

from gateway.access.authorization import Asked
from gateway.doors.webhdfs.authentication import Who
from gateway.doors.webhdfs.exchange import WebHdfsExchange
from gateway.doors.webhdfs.statuses import shown
from gateway.filesystem.interface import Tree
from gateway.model.failures import NotFound
from gateway.protocol.http.percent import encode
from gateway.protocol.webhdfs.documents import (
    Json,
    answer_long,
    answer_path,
    fs_status,
    server_defaults,
    token,
    trash_root,
)


class Lends(Protocol):
    """Gives, renews and cancels delegation tokens (`delegation.Delegation`)."""

    async def get(self, who: Who, asked: Asked, *, renewer: str | None, service: str | None) -> str:
        """Return a token that stands for who asks."""
        ...

    async def renew(self, who: Who, asked: Asked, token: str) -> int:
        """Return until when a token holds now, in milliseconds since 1970."""
        ...

    async def cancel(self, who: Who, asked: Asked, token: str) -> None:
        """Make a token void."""
        ...


class ServiceDoor:
    """Answers what is not about a file."""

    def __init__(self, tree: Tree, tokens: Lends, *, home: str, block_bytes: int) -> None:
        """Say that users are at home below `home`, a path."""
        self._tree = tree
        self._tokens = tokens
        self._home = home
        self._block_bytes = block_bytes

    async def home(self, exchange: WebHdfsExchange) -> web.StreamResponse:
        """Answer GETHOMEDIRECTORY."""
        return await exchange.send_json(answer_path(self._home_of(exchange)))

    async def trash(self, exchange: WebHdfsExchange) -> web.StreamResponse:
        """Answer GETTRASHROOT."""
        return await exchange.send_json(answer_path(self._trash_of(exchange)))

    async def trashes(self, exchange: WebHdfsExchange) -> web.StreamResponse:
        """Answer GETTRASHROOTS: the caller's own, if it is there; nobody else's are known."""
        path, found = self._trash_of(exchange), list[Json]()
        try:
            status = await self._tree.status(exchange.caller, path)
            found.append(trash_root(path, shown(status, self._block_bytes)))
        except NotFound:
            pass
        return await exchange.send_json({"Paths": found})

    async def defaults(self, exchange: WebHdfsExchange) -> web.StreamResponse:
        """Answer GETSERVERDEFAULTS."""
        return await exchange.send_json(server_defaults(self._block_bytes))

    async def space(self, exchange: WebHdfsExchange) -> web.StreamResponse:
        """Answer GETSTATUS."""
        return await exchange.send_json(fs_status())

    async def get_token(self, exchange: WebHdfsExchange) -> web.StreamResponse:
        """Answer GETDELEGATIONTOKEN."""
        given, who = exchange.parameters, _who(exchange)
        renewer, service = given.find_text("renewer"), given.find_text("service")
        made = await self._tokens.get(who, exchange, renewer=renewer, service=service)
        return await exchange.send_json(token(made))

    async def renew_token(self, exchange: WebHdfsExchange) -> web.StreamResponse:
        """Answer RENEWDELEGATIONTOKEN."""
        given = exchange.parameters.text("token")
        until = await self._tokens.renew(_who(exchange), exchange, given)
        return await exchange.send_json(answer_long(until))

    async def cancel_token(self, exchange: WebHdfsExchange) -> web.StreamResponse:
        """Answer CANCELDELEGATIONTOKEN."""
        await self._tokens.cancel(_who(exchange), exchange, exchange.parameters.text("token"))
        return await exchange.send_nothing()

    def _home_of(self, exchange: WebHdfsExchange) -> str:
        return f"{self._home.removesuffix('/')}/{encode(_who(exchange).user)}"

    def _trash_of(self, exchange: WebHdfsExchange) -> str:
        return f"{self._home_of(exchange)}/.Trash"


def _who(exchange: WebHdfsExchange) -> Who:
    assert exchange.who is not None  # noqa: S101 - identified by the pipeline
    return exchange.who
