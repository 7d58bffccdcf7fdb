"""What stands where: GETFILESTATUS, LISTSTATUS, LISTSTATUS_BATCH, summaries and quotas.

A listing is sent page by page as the origin gives it, so that a directory of any size takes the
memory of one page.
"""

from typing import Final

from aiohttp import web

from gateway.doors.webhdfs.exchange import JSON, WebHdfsExchange
from gateway.doors.webhdfs.statuses import shown
from gateway.filesystem.interface import Tree
from gateway.filesystem.status import Page, Status
from gateway.model.failures import InvalidRequest
from gateway.protocol.webhdfs.documents import (
    LISTING_BEGIN,
    LISTING_END,
    FileStatus,
    answer_path,
    content_summary,
    file_status,
    listing_batch,
    listing_part,
    quota_usage,
)

_OK: Final = 200
_MORE: Final = 1
"""How many entries are said to remain where some do: nobody has counted them."""


class ListingDoor:
    """Answers what asks for statuses."""

    def __init__(self, tree: Tree, block_bytes: int) -> None:
        """Ask `tree`; files are said to be in blocks of `block_bytes`."""
        self._tree = tree
        self._block_bytes = block_bytes

    async def status(self, exchange: WebHdfsExchange) -> web.StreamResponse:
        """Answer GETFILESTATUS and GETFILELINKSTATUS."""
        status = await self._tree.status(exchange.caller, exchange.path)
        return await exchange.send_json(file_status(shown(status, self._block_bytes)))

    async def link_target(self, exchange: WebHdfsExchange) -> web.StreamResponse:
        """Answer GETLINKTARGET."""
        status = await self._tree.status(exchange.caller, exchange.path)
        if not status.symlink:
            raise InvalidRequest(f"Path {exchange.path} is not a symbolic link", code="OutOfRange")
        return await exchange.send_json(answer_path(status.symlink))

    async def children(self, exchange: WebHdfsExchange) -> web.StreamResponse:
        """Answer LISTSTATUS."""
        page = await self._tree.children(exchange.caller, exchange.path)
        part = listing_part(self._listed(exchange.path, page), is_first=True)
        if page.after is None:
            return await exchange.send_whole(_OK, JSON, LISTING_BEGIN + part + LISTING_END)
        response = await exchange.start(_OK, JSON)
        await exchange.write(response, LISTING_BEGIN + part)
        is_first = not part
        while page.after is not None:
            page = await self._tree.children(exchange.caller, exchange.path, page.after)
            part = listing_part(self._listed(exchange.path, page), is_first=is_first)
            is_first = is_first and not part
            await exchange.write(response, part)
        await exchange.write(response, LISTING_END)
        await response.write_eof()
        return response

    async def batch(self, exchange: WebHdfsExchange) -> web.StreamResponse:
        """Answer LISTSTATUS_BATCH: a page, which is empty only where it is the last.

        Clients go on behind the name of a page's last entry.
        """
        after = exchange.parameters.find_text("startafter") or ""
        page = await self._tree.children(exchange.caller, exchange.path, after)
        while not page.entries and page.after is not None:
            page = await self._tree.children(exchange.caller, exchange.path, page.after)
        remaining = 0 if page.after is None else _MORE
        listed = self._listed(exchange.path, page)
        return await exchange.send_json(listing_batch(listed, remaining))

    async def summary(self, exchange: WebHdfsExchange) -> web.StreamResponse:
        """Answer GETCONTENTSUMMARY."""
        found = await self._tree.summary(exchange.caller, exchange.path)
        return await exchange.send_json(
            content_summary(found.files, found.directories, found.length)
        )

    async def quota(self, exchange: WebHdfsExchange) -> web.StreamResponse:
        """Answer GETQUOTAUSAGE."""
        found = await self._tree.summary(exchange.caller, exchange.path)
        return await exchange.send_json(quota_usage(found.files, found.directories, found.length))

    def _listed(self, path: str, page: Page) -> list[tuple[str, FileStatus]]:
        """Return entries with their names below `path`; a file is listed as itself, without one."""
        return [
            (_suffix(path, status), shown(status, self._block_bytes)) for status in page.entries
        ]


def _suffix(path: str, status: Status) -> str:
    return "" if status.path == path else status.base_name
