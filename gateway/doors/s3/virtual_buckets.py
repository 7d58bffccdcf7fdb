"""Snapshots as buckets: what they answer, and what they refuse in words.

Nothing is ever passed on to the origin under a snapshot's name. Who asks is judged as on the source
bucket, with the same key: a snapshot gives no right and takes none.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from aiohttp import web
from multidict import CIMultiDict

from gateway.access.authorization import Authorization
from gateway.core.snapshots import RULE, SnapshotObjects
from gateway.doors.s3.exchange import S3Exchange
from gateway.doors.s3.objects import ObjectDoor
from gateway.doors.s3.passthrough import Passthrough
from gateway.model.failures import Failure, NotFound, NotSupported
from gateway.model.snapshots import Snapshot
from gateway.protocol.http.head import RequestHead
from gateway.protocol.s3.addressing import Target
from gateway.protocol.s3.cors import cors_headers
from gateway.protocol.s3.listing_pages import cut_page, read_asked, write_page
from gateway.protocol.s3.listings import LISTING_BYTES_MAX
from gateway.protocol.s3.markup import NAMESPACE, XML_HEAD, escape
from gateway.protocol.s3.requests import copy_source
from gateway.protocol.s3.responses import with_buckets
from gateway.state.snapshots import Held, Snapshots

_OK: Final = 200
_XML: Final = {"Content-Type": "application/xml"}
_DEFAULT_REGION: Final = "us-east-1"

Handler = Callable[[S3Exchange], Awaitable[web.StreamResponse]]


class VirtualBuckets:
    """The snapshots among the buckets that clients name."""

    def __init__(
        self,
        snapshots: Snapshots | None,
        objects: SnapshotObjects | None,
        reads: ObjectDoor | None,
        passthrough: Passthrough,
        authorization: Authorization,
        *,
        region: str,
    ) -> None:
        """Take where they are kept, None where there can be none, and what reads their objects."""
        self._snapshots = snapshots
        self._objects = objects
        self._passthrough = passthrough
        self._authorization = authorization
        self._region = region
        self._handlers: Mapping[str, Handler] = {
            "ListObjects": self._list,
            "ListObjectsV2": self._list,
            "HeadBucket": self._head_bucket,
            "GetBucketLocation": self._location,
            "GetBucketVersioning": self._versioning,
            **({"GetObject": reads.get, "HeadObject": reads.head} if reads is not None else {}),
        }

    def find(self, bucket: str | None) -> Held | None:
        """Return the snapshot that appears as `bucket`, expired or not, if there is one."""
        return self._snapshots.find(bucket) if self._snapshots is not None else None

    def is_over(self, held: Held) -> bool:
        """Return whether a snapshot has expired."""
        expires_at = held.snapshot.expires_at
        if expires_at is None or self._snapshots is None:
            return False
        return held.snapshot.is_over(self._snapshots.now_seconds())

    def refuse_as_source(self, head: RequestHead) -> None:
        """Raise NotSupported for a copy from a snapshot, whose name the origin does not know."""
        header = head.headers.get("x-amz-copy-source")
        if header is None or self._snapshots is None:
            return
        name, _ = copy_source(header)
        held = self.find(name.bucket)
        if held is not None:
            raise NotSupported(
                f"{name.bucket} is a snapshot of {held.snapshot.bucket}, and the origin, which "
                "copies, does not know it: read from it, and write what was read"
            )

    async def answer(self, exchange: S3Exchange, held: Held) -> web.StreamResponse:
        """Answer what was asked of a snapshot; raises NotFound once it has expired."""
        assert exchange.operation is not None  # noqa: S101 - named by the pipeline
        if self.is_over(held):
            expires = held.snapshot.shown()["expires"]
            raise NotFound(
                f"The snapshot {held.snapshot.name} expired at {expires}", code="NoSuchBucket"
            )
        handler = self._handlers.get(exchange.operation.name)
        if handler is None:
            raise _refusal(held.snapshot, exchange.head.method, exchange.operation.name)
        return await handler(exchange)

    async def list_buckets(self, exchange: S3Exchange) -> web.StreamResponse:
        """Answer ListBuckets: the origin's, and the snapshots whose source may be listed."""
        answer = await self._passthrough.ask(exchange, b"")
        shown = self._listed(exchange) if answer.status == _OK and not exchange.head.query else []
        if not shown:
            return await self._passthrough.relay(exchange, answer)
        body = with_buckets(await answer.read(LISTING_BYTES_MAX), shown)
        return await exchange.send_whole(_OK, _XML, body)

    def _listed(self, exchange: S3Exchange) -> list[tuple[str, str]]:
        """Return name and moment of the snapshots that the principal may learn of."""
        principal = exchange.principal
        if self._snapshots is None or principal is None or not exchange.voice.is_forebay:
            return []
        return [
            (held.snapshot.name, held.snapshot.created)
            for held in self._snapshots.all()
            if not self.is_over(held)
            and self._authorization.may_list(
                principal, Target(held.snapshot.bucket, None, ""), exchange.context
            )
        ]

    async def _list(self, exchange: S3Exchange) -> web.StreamResponse:
        """Answer ListObjects and ListObjectsV2 from the record."""
        held = self._held(exchange)
        asked = read_asked(exchange.head.query_pairs())
        exchange.receipt.cache, exchange.receipt.rule = "HIT", RULE.match
        headers = await self._headers(exchange, held, asked.prefix)

        def written() -> bytes:
            page = held.record.read(lambda scan: cut_page(scan, asked))
            return write_page(held.snapshot.name, asked, page)

        # In a thread: a page takes milliseconds, and its rows may have to come from the disk.
        body = await asyncio.to_thread(written)
        return await exchange.send_whole(_OK, headers, body)

    async def _head_bucket(self, exchange: S3Exchange) -> web.StreamResponse:
        headers = await self._headers(exchange, self._held(exchange), "")
        return await exchange.send_whole(_OK, headers, b"")

    async def _location(self, exchange: S3Exchange) -> web.StreamResponse:
        region = "" if self._region == _DEFAULT_REGION else self._region
        return await exchange.send_whole(_OK, _XML, _document("LocationConstraint", region))

    async def _versioning(self, exchange: S3Exchange) -> web.StreamResponse:
        return await exchange.send_whole(_OK, _XML, _document("VersioningConfiguration", ""))

    async def _headers(self, exchange: S3Exchange, held: Held, prefix: str) -> CIMultiDict[str]:
        """Return a listing's headers, once the origin lets the voice list where it has its own."""
        headers = CIMultiDict(_XML)
        headers["x-amz-bucket-region"] = self._region
        if not exchange.voice.is_forebay and self._objects is not None:
            exchange.receipt.origin_requests += 1
            exchange.receipt.cache = "REVALIDATED"
            told = await self._objects.ask_listing(held.snapshot, prefix, exchange.voice)
            headers.extend(cors_headers(told))
        return headers

    def _held(self, exchange: S3Exchange) -> Held:
        held = self.find(exchange.target.bucket if exchange.target is not None else None)
        if held is None:  # it went since the request was judged
            raise NotFound("The specified bucket does not exist", code="NoSuchBucket")
        return held


def source_target(snapshot: Snapshot, target: Target) -> Target:
    """Return the target in the source bucket that stands behind one in the snapshot."""
    return Target(snapshot.bucket, target.key, target.raw_key)


def _refusal(snapshot: Snapshot, method: str, operation: str) -> Failure:
    """Return why a snapshot does not do what was asked, and where it is done."""
    source = f"s3://{snapshot.bucket}"
    if method not in {"GET", "HEAD"}:
        return NotSupported(
            f"{snapshot.name} is a snapshot, which nothing changes: write to {source}, or remove "
            f"it by forebay snapshot remove {snapshot.name}",
            code="MethodNotAllowed",
        )
    return NotSupported(
        f"{snapshot.name} is a snapshot: it has objects and listings, and {operation} is asked of "
        f"{source}"
    )


def _document(root: str, text: str) -> bytes:
    return f'{XML_HEAD}<{root} xmlns="{NAMESPACE}">{escape(text)}</{root}>'.encode()
