"""RENAME in HDFS's two ways: the older one says true or false, the newer one why not.

Source: FSDirRenameOp.unprotectedRenameTo, of which the older moves into a directory that there is,
and never over a file.
"""

import asyncio
from typing import Final

from aiohttp import web

from gateway.doors.webhdfs.exchange import WebHdfsExchange
from gateway.doors.webhdfs.statuses import find_status, parent_of
from gateway.filesystem.interface import Tree
from gateway.filesystem.status import Status
from gateway.model.failures import FileConflict, InvalidRequest, NotFound
from gateway.protocol.webhdfs.documents import answer_boolean
from gateway.protocol.webhdfs.paths import checked_path

_ROOT: Final = "/"
_TOLD: Final = frozenset({"CrossDevice", "NotADirectory"})
"""Conflicts that the older rename says by an exception too."""


class RenamingDoor:
    """Answers RENAME."""

    def __init__(self, tree: Tree) -> None:
        """Rename in `tree`."""
        self._tree = tree

    async def rename(self, exchange: WebHdfsExchange) -> web.StreamResponse:
        """Answer RENAME; with `renameoptions` it is the newer one."""
        target = checked_path(exchange.parameters.text("destination"))
        options = exchange.parameters.words("renameoptions")
        if not options:
            moved = await self._moved(exchange, target)
            return await exchange.send_json(answer_boolean(value=moved))
        source = exchange.path
        if source == target:
            raise FileConflict(f"The source {source} and destination {target} are the same")
        if target.startswith(f"{source.removesuffix('/')}/"):
            raise InvalidRequest(
                f"Rename destination {target} is a directory or file under source {source}",
                code="OutOfRange",
            )
        await self._require_parent(exchange, target)
        try:
            await self._tree.rename(
                exchange.caller, source, target, replaces="OVERWRITE" in options
            )
        except FileConflict as conflict:
            if conflict.code != "NotADirectory":
                raise
            raise FileConflict(
                f"Source {source} and destination {target} must both be directories",
                code="IsADirectory",
            ) from conflict
        return await exchange.send_nothing()

    async def _moved(self, exchange: WebHdfsExchange, target: str) -> bool:
        """Return whether the older rename was done."""
        source = exchange.path
        if source == _ROOT:
            return False
        found, there = await asyncio.gather(
            find_status(self._tree, exchange, source), find_status(self._tree, exchange, target)
        )
        if found is None:
            return False
        place = _place_of(found, there, target)
        if place is None or source == place:
            return source == target
        if place.startswith(f"{source}/"):
            return False
        return await self._is_done(exchange, place)

    async def _is_done(self, exchange: WebHdfsExchange, target: str) -> bool:
        try:
            await self._require_parent(exchange, target)
            await self._tree.rename(exchange.caller, exchange.path, target, replaces=False)
        except NotFound:
            return False
        except FileConflict as conflict:
            if conflict.code in _TOLD:
                raise
            return False
        return True

    async def _require_parent(self, exchange: WebHdfsExchange, path: str) -> None:
        """Raise NotFound or FileConflict where what is above a path is no directory."""
        parent = await self._tree.status(exchange.caller, parent_of(path))
        if not parent.is_directory:
            raise FileConflict(f"{parent.path} is not a directory", code="NotADirectory")


def _place_of(source: Status, there: Status | None, target: str) -> str | None:
    """Return where the older rename puts a source; None where a file stands in its way."""
    if there is None:
        return target
    return f"{target.removesuffix('/')}/{source.base_name}" if there.is_directory else None
