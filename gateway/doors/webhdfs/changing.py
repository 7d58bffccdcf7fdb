"""Changing the tree: directories, removals, joining and cutting, owners, modes and times."""

from typing import Final

from aiohttp import web

from gateway.doors.webhdfs.exchange import WebHdfsExchange
from gateway.doors.webhdfs.statuses import find_status, nanoseconds, parent_of
from gateway.filesystem.interface import Tree
from gateway.filesystem.status import Changes, Kind, NewAttributes
from gateway.model.failures import InvalidRequest
from gateway.protocol.webhdfs.documents import answer_boolean
from gateway.protocol.webhdfs.paths import checked_path

_ROOT: Final = "/"
_MODE_DEFAULT: Final = 0o755


class ChangingDoor:
    """Answers what changes the tree without a body."""

    def __init__(self, tree: Tree) -> None:
        """Change `tree`."""
        self._tree = tree

    async def make_directory(self, exchange: WebHdfsExchange) -> web.StreamResponse:
        """Answer MKDIRS."""
        attributes = NewAttributes(mode=exchange.parameters.find_number("permission"))
        await self._tree.make_directory(
            exchange.caller, exchange.path, attributes, makes_parents=True, may_exist=True
        )
        return await exchange.send_json(answer_boolean(value=True))

    async def make_symlink(self, exchange: WebHdfsExchange) -> web.StreamResponse:
        """Answer CREATESYMLINK."""
        target = checked_path(exchange.parameters.text("destination"))
        if not exchange.parameters.flag("createparent"):
            await self._tree.status(exchange.caller, parent_of(exchange.path))
        await self._tree.make_symlink(exchange.caller, exchange.path, target)
        return await exchange.send_nothing()

    async def remove(self, exchange: WebHdfsExchange) -> web.StreamResponse:
        """Answer DELETE; the root stays, as on HDFS."""
        if exchange.path == _ROOT:
            return await exchange.send_json(answer_boolean(value=False))
        was_there = await self._tree.remove(
            exchange.caller, exchange.path, recursive=exchange.parameters.flag("recursive")
        )
        return await exchange.send_json(answer_boolean(value=was_there))

    async def concat(self, exchange: WebHdfsExchange) -> web.StreamResponse:
        """Answer CONCAT."""
        sources = [checked_path(one) for one in exchange.parameters.some_texts("sources")]
        if exchange.path in sources or len(set(sources)) != len(sources):
            raise InvalidRequest(
                "concat: the target is one of the sources, or two of them are the same",
                code="HadoopIllegalArgument",
            )
        await self._tree.concat(exchange.caller, exchange.path, sources)
        return await exchange.send_nothing()

    async def truncate(self, exchange: WebHdfsExchange) -> web.StreamResponse:
        """Answer TRUNCATE, which is done when it is answered: true."""
        length = exchange.parameters.number("newlength")
        status = await self._tree.status(exchange.caller, exchange.path)
        if not status.is_directory and length > status.length:
            raise InvalidRequest(
                "Cannot truncate to a larger file size. Current size: "
                f"{status.length}, truncate size: {length}.",
                code="HadoopIllegalArgument",
            )
        await self._tree.truncate(exchange.caller, exchange.path, length)
        return await exchange.send_json(answer_boolean(value=True))

    async def set_permission(self, exchange: WebHdfsExchange) -> web.StreamResponse:
        """Answer SETPERMISSION; without a mode it is 755, as Hadoop documents."""
        mode = exchange.parameters.find_number("permission")
        changes = Changes(mode=_MODE_DEFAULT if mode is None else mode)
        return await self._change(exchange, changes)

    async def set_owner(self, exchange: WebHdfsExchange) -> web.StreamResponse:
        """Answer SETOWNER."""
        owner = exchange.parameters.find_text("owner")
        group = exchange.parameters.find_text("group")
        if owner is None and group is None:
            raise InvalidRequest("Both owner and group are empty.")
        return await self._change(exchange, Changes(owner=owner, group=group))

    async def set_times(self, exchange: WebHdfsExchange) -> web.StreamResponse:
        """Answer SETTIMES."""
        modified = nanoseconds(exchange.parameters.number("modificationtime"))
        accessed = nanoseconds(exchange.parameters.number("accesstime"))
        return await self._change(exchange, Changes(modified_ns=modified, accessed_ns=accessed))

    async def set_replication(self, exchange: WebHdfsExchange) -> web.StreamResponse:
        """Answer SETREPLICATION: accepted for a file, without effect, since S3 replicates."""
        status = await find_status(self._tree, exchange, exchange.path)
        return await exchange.send_json(
            answer_boolean(value=status is not None and status.kind is Kind.FILE)
        )

    async def _change(self, exchange: WebHdfsExchange, changes: Changes) -> web.StreamResponse:
        await self._tree.set_attributes(exchange.caller, exchange.path, changes)
        return await exchange.send_nothing()
