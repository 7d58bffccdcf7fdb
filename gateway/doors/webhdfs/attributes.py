"""Extended attributes, ACLs as far as modes say them, and CHECKACCESS."""

from typing import Final

from aiohttp import web

from gateway.doors.webhdfs.exchange import WebHdfsExchange
from gateway.doors.webhdfs.statuses import shown
from gateway.filesystem.interface import Tree
from gateway.filesystem.status import Changes, Status
from gateway.model.failures import AccessDenied, InvalidRequest, NotFound
from gateway.protocol.webhdfs.documents import acl_status, attribute_names, attributes
from gateway.protocol.webhdfs.extended_attributes import canonical_name
from gateway.protocol.webhdfs.parameters import invalid_parameter

_SETTABLE: Final = ("user.", "trusted.")
"""The others are the system's own; HDFS refuses them too."""


class AttributeDoor:
    """Answers what asks for attributes beside a status, or sets them."""

    def __init__(self, tree: Tree) -> None:
        """Ask and change `tree`."""
        self._tree = tree

    async def get(self, exchange: WebHdfsExchange) -> web.StreamResponse:
        """Answer GETXATTRS: those that are named, which must be there, or all.

        Their values are for who may read the file, as at HDFS; LISTXATTRS names them to all others.
        """
        names = [canonical_name(name) for name in exchange.parameters.texts("xattr.name")]
        await self._tree.check_access(
            exchange.caller, exchange.path, reads=True, writes=False, executes=False
        )
        held = (await self._status(exchange)).xattrs
        if any(name not in held for name in names):
            raise NotFound(
                "At least one of the attributes provided was not found.", code="NoAttribute"
            )
        chosen = {name: held[name] for name in names or held}
        encoding = exchange.parameters.find_text("encoding")
        return await exchange.send_json(attributes(chosen, encoding))

    async def list(self, exchange: WebHdfsExchange) -> web.StreamResponse:
        """Answer LISTXATTRS."""
        return await exchange.send_json(attribute_names((await self._status(exchange)).xattrs))

    async def set(self, exchange: WebHdfsExchange) -> web.StreamResponse:
        """Answer SETXATTR; without flags it is created or replaced, whichever it needs."""
        name, flags = _one_name(exchange), exchange.parameters.words("flag")
        await self._require_write(exchange)
        if len(flags) == 1:
            is_there = name in (await self._status(exchange)).xattrs
            if is_there and "REPLACE" not in flags:
                raise InvalidRequest(
                    f"XAttr: {name} already exists. The REPLACE flag must be specified.",
                    code="AttributeExists",
                )
            if not is_there and "CREATE" not in flags:
                raise NotFound(
                    f"XAttr: {name} does not exist. The CREATE flag must be specified.",
                    code="NoAttribute",
                )
        value = exchange.parameters.find_bytes("xattr.value") or b""
        changes = Changes(set_xattrs={name: value})
        await self._tree.set_attributes(exchange.caller, exchange.path, changes)
        return await exchange.send_nothing()

    async def remove(self, exchange: WebHdfsExchange) -> web.StreamResponse:
        """Answer REMOVEXATTR."""
        name = _one_name(exchange)
        await self._require_write(exchange)
        if name not in (await self._status(exchange)).xattrs:
            raise NotFound("No matching attributes found for remove operation", code="NoAttribute")
        changes = Changes(removed_xattrs=frozenset({name}))
        await self._tree.set_attributes(exchange.caller, exchange.path, changes)
        return await exchange.send_nothing()

    async def acl(self, exchange: WebHdfsExchange) -> web.StreamResponse:
        """Answer GETACLSTATUS: what the mode says, and no entries."""
        return await exchange.send_json(acl_status(shown(await self._status(exchange), 0)))

    async def check_access(self, exchange: WebHdfsExchange) -> web.StreamResponse:
        """Answer CHECKACCESS: nothing where all that is named may be done."""
        wanted = exchange.parameters.text("fsaction")
        await self._tree.check_access(
            exchange.caller,
            exchange.path,
            reads="r" in wanted,
            writes="w" in wanted,
            executes="x" in wanted,
        )
        return await exchange.send_nothing()

    async def _require_write(self, exchange: WebHdfsExchange) -> None:
        """Let nobody who may not write learn which attributes there are."""
        await self._tree.check_access(
            exchange.caller, exchange.path, reads=False, writes=True, executes=False
        )

    async def _status(self, exchange: WebHdfsExchange) -> Status:
        return await self._tree.status(exchange.caller, exchange.path)


def _one_name(exchange: WebHdfsExchange) -> str:
    """Return the name of the attribute that is to change."""
    names = exchange.parameters.some_texts("xattr.name")
    if len(names) != 1:
        raise invalid_parameter("xattr.name", "it must stand once.")
    name = canonical_name(names[0])
    if not name.startswith(_SETTABLE):
        raise AccessDenied(f"User doesn't have permission for xattr: {name}")
    return name
