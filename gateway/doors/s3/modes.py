"""Modes at the S3 door: what a file door would deny is denied here (filesystem.permissions).

Policies judged before. What an operation does to an object decides which bits it takes: a table of
names; an operation that is not in it is the owner's. Listings are read whole before they are sent:
each directory that a name on the page lies in must be one that the caller may look into.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING, Final

from aiohttp import web
from multidict import CIMultiDict

from gateway.doors.s3.exchange import S3Exchange
from gateway.doors.s3.passthrough import Passthrough
from gateway.filesystem.caller import Caller
from gateway.filesystem.judging import ModeJudge, asker_of
from gateway.filesystem.modes import Permissions, ancestors
from gateway.filesystem.ownership import says_ownership, stamped
from gateway.model.failures import AccessDenied, OriginRefused, OriginUnreachable
from gateway.model.names import ObjectName
from gateway.protocol.http.percent import decode_query
from gateway.protocol.s3.documents import find_document
from gateway.protocol.s3.headers import response_headers_onward
from gateway.protocol.s3.listings import LISTING_BYTES_MAX
from gateway.protocol.s3.operations import Operation
from gateway.protocol.s3.requests import copy_source

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_OK: Final = 200
_NOT_FOUND: Final = 404
_DIRECTIVE: Final = "x-amz-metadata-directive"
_CARRIED: Final = (
    "Cache-Control",
    "Content-Disposition",
    "Content-Encoding",
    "Content-Language",
    "Content-Type",
    "Expires",
    "x-amz-website-redirect-location",
)
"""What CopyObject copies with the metadata, and a REPLACE must be told anew."""


class Wants(Enum):
    """What an operation does to an object."""

    NOTHING = "nothing that its modes guard"
    READ = "read it"
    WRITE = "write it"
    REMOVE = "take it out of its directory"
    OWN = "change what is the owner's to change"


_OBJECT: Final[Mapping[str, Wants]] = {
    "GetObject": Wants.READ,
    "HeadObject": Wants.READ,
    "GetObjectAcl": Wants.READ,
    "GetObjectAnnotation": Wants.READ,
    "GetObjectAttributes": Wants.READ,
    "GetObjectLegalHold": Wants.READ,
    "GetObjectRetention": Wants.READ,
    "GetObjectTagging": Wants.READ,
    "GetObjectTorrent": Wants.READ,
    "ListObjectAnnotations": Wants.READ,
    "SelectObjectContent": Wants.READ,
    "PutObject": Wants.WRITE,
    "CopyObject": Wants.WRITE,
    "CreateMultipartUpload": Wants.WRITE,
    "CompleteMultipartUpload": Wants.WRITE,
    "AbortMultipartUpload": Wants.WRITE,
    "ListParts": Wants.WRITE,
    "UploadPart": Wants.NOTHING,  # of an upload that was judged, and is judged again at its end
    "UploadPartCopy": Wants.NOTHING,
    "Preflight": Wants.NOTHING,
    "DeleteObject": Wants.REMOVE,
}
_COPIES: Final = frozenset({"CopyObject", "UploadPartCopy"})
_MAKES: Final = frozenset({"PutObject", "CopyObject", "CreateMultipartUpload"})
_SHOWS: Final = frozenset({"GetObject", "HeadObject"})
LISTINGS: Final = frozenset(
    {"ListObjects", "ListObjectsV2", "ListObjectVersions", "ListMultipartUploads"}
)

Judge = Callable[["ModeGuard", Caller, ObjectName, S3Exchange, str], Awaitable[None]]


class ModeGuard:
    """Stands between the policies and the handlers."""

    def __init__(
        self, judge: ModeJudge, passthrough: Passthrough, now: Callable[[], datetime]
    ) -> None:
        """Take who judges, and how listings are asked for."""
        self._judge = judge
        self._passthrough = passthrough
        self._now = now

    async def require(self, exchange: S3Exchange, operation: Operation, *, is_held: bool) -> None:
        """Return where modes let the caller do what was asked; raises AccessDenied.

        A snapshot (`is_held`) keeps what modes may have closed since: it is the superusers'.
        """
        caller = self._caller(exchange)
        if is_held and not self._judge.is_superuser(caller):
            raise AccessDenied("Access Denied")
        target = exchange.target
        if target is None or target.key is None or is_held:
            return
        if operation.name in _COPIES:
            await self._require_source(caller, exchange)
        wants = _OBJECT.get(operation.name, Wants.OWN)
        await _JUDGES[wants](self, caller, target.name, exchange, operation.action)

    async def may_remove(self, exchange: S3Exchange, keys: Iterable[str]) -> set[str]:
        """Return those of a bucket's keys that the caller may delete."""
        caller, target = self._caller(exchange), exchange.target
        assert target is not None  # noqa: S101 - located by the pipeline
        names = [ObjectName(target.bucket or "", key) for key in dict.fromkeys(keys)]
        found = await self._judge.removable(caller, names, "s3:DeleteObject")
        return {name.key for name in found}

    async def listing(self, exchange: S3Exchange) -> web.StreamResponse:
        """Answer a listing, if the caller may look into every directory that it shows names of."""
        caller, target, operation = self._caller(exchange), exchange.target, exchange.operation
        assert target is not None  # noqa: S101 - located by the pipeline
        assert operation is not None  # noqa: S101 - named likewise
        bucket, prefix = target.bucket or "", exchange.head.query_get("prefix") or ""
        base = prefix[: prefix.rfind("/") + 1]
        await self._judge.look(caller, bucket, (base,), operation.action)
        answer = await self._passthrough.ask(exchange, await self._passthrough.whole_body(exchange))
        body = await answer.read(LISTING_BYTES_MAX + 1)
        if answer.status == _OK:
            shown = {one for name in _names(body) for one in ancestors(name)}
            below = (one for one in shown if len(one) > len(base))
            await self._judge.look(caller, bucket, below, operation.action)
        headers = CIMultiDict(response_headers_onward(answer.headers))
        headers.popall("Content-Length", None)
        return await exchange.send_whole(answer.status, headers, body)

    def _caller(self, exchange: S3Exchange) -> Caller:
        principal = exchange.principal
        assert principal is not None  # noqa: S101 - identified by the pipeline
        user, groups = principal.name, principal.groups
        return Caller(principal, exchange, self._now(), user, groups, exchange.receipt)

    async def _require_source(self, caller: Caller, exchange: S3Exchange) -> None:
        name, version_id = copy_source(exchange.head.headers["x-amz-copy-source"])
        await self._judge.read(caller, name, "s3:GetObject", version_id)

    async def _read(
        self, caller: Caller, name: ObjectName, exchange: S3Exchange, action: str
    ) -> None:
        version_id = exchange.head.query_get("versionId")
        await self._judge.read(caller, name, action, version_id)

        def check(headers: Iterable[tuple[str, str]]) -> None:
            self._judge.check_read(caller, name, headers)

        if exchange.operation is not None and exchange.operation.name in _SHOWS:
            # What is sent may be another version than the one that was asked about just now.
            exchange.check_served = check

    async def _write(
        self, caller: Caller, name: ObjectName, exchange: S3Exchange, action: str
    ) -> None:
        before = await self._judge.write(caller, name, action)
        if exchange.operation is not None and exchange.operation.name in _MAKES:
            exchange.stamp = await self._stamp(caller, name, exchange, before)

    async def _stamp(
        self, caller: Caller, name: ObjectName, exchange: S3Exchange, before: Permissions | None
    ) -> Mapping[str, str]:
        """Return the headers that say whose the new object is."""
        head, defaults = exchange.head, self._judge.defaults
        if says_ownership(head.query_names(), defaults.names):
            raise AccessDenied("Access Denied")  # hoisted into the query, it would be obeyed there
        is_copy = "x-amz-copy-source" in head.headers
        if not is_copy or head.headers.get(_DIRECTIVE, "").upper() == "REPLACE":
            return stamped(asker_of(caller), name.key, head.headers.items(), before, defaults)
        return await self._copied(caller, name, exchange, before)

    async def _copied(
        self, caller: Caller, name: ObjectName, exchange: S3Exchange, before: Permissions | None
    ) -> Mapping[str, str]:
        """Return the headers of a copy: all that its source says, but whose it is."""
        source, version_id = copy_source(exchange.head.headers["x-amz-copy-source"])
        try:
            described = CIMultiDict(await self._judge.described(source, version_id))
        except OriginRefused as refused:
            if refused.status == _NOT_FOUND:
                return {}  # the origin says so itself
            raise
        if source == name and version_id is None:
            return {}  # S3 refuses a copy onto itself that changes nothing
        defaults = self._judge.defaults
        mode = self._judge.said(source, described.items()).mode
        metadata = [
            (one, text)
            for one, text in described.items()
            if one.lower().startswith("x-amz-meta-") and not says_ownership((one,), defaults.names)
        ]
        if before is None:
            metadata.append(("x-amz-meta-file-permissions", f"{mode:04o}"))
        stamp = dict(stamped(asker_of(caller), name.key, metadata, before, defaults))
        carried = {one: described[one] for one in _CARRIED if one in described}
        return {**carried, **stamp, _DIRECTIVE: "REPLACE"}

    async def _remove(
        self, caller: Caller, name: ObjectName, _exchange: S3Exchange, action: str
    ) -> None:
        await self._judge.remove(caller, name, action)

    async def _own(
        self, caller: Caller, name: ObjectName, _exchange: S3Exchange, action: str
    ) -> None:
        await self._judge.own(caller, name, action)

    async def _nothing(
        self, _caller: Caller, _name: ObjectName, _exchange: S3Exchange, _action: str
    ) -> None:
        return


_JUDGES: Final[Mapping[Wants, Judge]] = {
    Wants.NOTHING: ModeGuard._nothing,  # noqa: SLF001 - the class's own table
    Wants.READ: ModeGuard._read,  # noqa: SLF001
    Wants.WRITE: ModeGuard._write,  # noqa: SLF001
    Wants.REMOVE: ModeGuard._remove,  # noqa: SLF001
    Wants.OWN: ModeGuard._own,  # noqa: SLF001
}


def _names(body: bytes) -> list[str]:
    """Return the names that a listing shows, keys and common prefixes; raises OriginUnreachable."""
    root = find_document(body, LISTING_BYTES_MAX)
    if root is None:
        raise OriginUnreachable("the origin's listing cannot be read")
    is_encoded = root.findtext("EncodingType") == "url"
    found: list[str | None] = [node.text for node in root.iter("Key")]
    found += [node.text for common in _common(root) for node in common.iter("Prefix")]
    return [decode_query(one) if is_encoded else one for one in found if one]


def _common(root: "Element") -> Iterable["Element"]:
    return root.iter("CommonPrefixes")
