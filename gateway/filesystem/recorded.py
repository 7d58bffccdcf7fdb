"""Snapshots among the buckets: read-only directories of what was recorded, judged as their source.

Nothing is ever asked of the origin under a snapshot's name. Listings come from the record, bodies
are the recorded versions', and what may be done with a snapshot is what may be read of its source.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass

from gateway.core.objects import NotCacheable, Wish
from gateway.core.reading import Piece
from gateway.core.seen import Seen
from gateway.core.snapshots import SnapshotObjects
from gateway.filesystem.caller import Caller
from gateway.model.failures import NotFound, NotSupported
from gateway.model.names import ObjectName
from gateway.model.ranges import ByteRange
from gateway.model.snapshots import Recorded
from gateway.protocol.s3.listing_pages import Asked, cut_page
from gateway.protocol.s3.listings import ListedBucket, ListedObject, ListedPage, http_date
from gateway.state.snapshots import Held, Snapshots


@dataclass(frozen=True, slots=True)
class RecordedBuckets:
    """Reads snapshots."""

    snapshots: Snapshots
    objects: SnapshotObjects

    def find(self, bucket: str) -> Held | None:
        """Return the snapshot of that name, expired or not, if there is one."""
        return self.snapshots.find(bucket)

    def all(self) -> list[tuple[ListedBucket, str]]:
        """Return every snapshot that has not expired, each with its source."""
        now = self.snapshots.now_seconds()
        return [
            (ListedBucket(held.snapshot.name, held.snapshot.created), held.snapshot.bucket)
            for held in self.snapshots.all()
            if not held.snapshot.is_over(now)
        ]

    async def see(self, caller: Caller, name: ObjectName) -> Seen | None:
        """Return what was recorded under a name, with the origin's headers of that version."""
        self._check(self.find(name.bucket), name.bucket)
        try:
            told = await self.objects.show(name, Wish(caller.voice), caller.receipt)
        except NotFound:
            return None
        except NotCacheable as decision:
            raise _unread(name, decision) from None
        assert told.version is not None  # noqa: S101 - a recorded version has one
        headers = tuple(told.headers.items())
        return Seen(name, told.version.size, headers, told.version, None)

    async def pieces(self, caller: Caller, seen: Seen, wanted: ByteRange) -> AsyncGenerator[Piece]:
        """Yield the bytes of a recorded version; raises Failure where the origin has it no more."""
        if wanted.start >= wanted.stop:
            return
        wish = Wish(caller.voice)
        try:
            read = await self.objects.read(seen.name, lambda _: wanted, wish, caller.receipt)
        except NotCacheable as decision:
            raise _unread(seen.name, decision) from None
        async with aclosing(read.pieces):
            async for piece in read.pieces:
                yield piece

    async def page(self, caller: Caller, held: Held, asked: Asked) -> ListedPage:
        """Return a page of the record; who has keys of their own must be let list the source."""
        self._check(held, held.snapshot.name)
        if not caller.voice.is_forebay:
            caller.receipt.origin_requests += 1
            await self.objects.ask_listing(held.snapshot, asked.prefix, caller.voice)
        # In a thread: a page takes milliseconds, and its rows may have to come from the disk.
        page = await asyncio.to_thread(held.record.read, lambda scan: cut_page(scan, asked))
        objects = tuple(map(_listed, page.objects))
        return ListedPage(objects, page.last if page.is_truncated else None, page.prefixes)

    def _check(self, held: Held | None, bucket: str) -> None:
        """Raise NotFound for a snapshot that has expired, or went since it was judged."""
        if held is None or held.snapshot.is_over(self.snapshots.now_seconds()):
            raise NotFound(f"The snapshot {bucket} has expired")


def asked_page(prefix: str, delimiter: str, after: str, count_max: int) -> Asked:
    """Return what a page of a record is asked for; its token is the last key of the one before."""
    return Asked(
        is_v2=True,
        prefix=prefix,
        delimiter=delimiter,
        after=after,
        token=None,
        keys_max=count_max,
        is_encoded=False,
        shows_owner=False,
    )


def refusal(bucket: str) -> NotSupported:
    """Return the failure of who would change a snapshot."""
    return NotSupported(f"{bucket} is a snapshot, which nothing changes", code="MethodNotAllowed")


def _listed(row: Recorded) -> ListedObject:
    return ListedObject(row.key, row.etag, row.size, http_date(row.modified), "STANDARD")


def _unread(name: ObjectName, decision: NotCacheable) -> NotSupported:
    return NotSupported(
        f"{name} of a snapshot is read as a file by way of flash: {decision.reason}"
    )
