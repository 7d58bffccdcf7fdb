"""An object as it is seen now, whether flash may keep it or not, and the bytes of that version.

The S3 door passes on to the origin what flash must not keep; who shows objects as files has nothing
to pass on. Here such an object is seen by a HEAD and read past flash, pinned to its version; one
that has no strong validator is held against every header that tells one body from another.
"""

import os
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Final

from gateway.core.at_hand import find_bytes
from gateway.core.described import content_range, described_version
from gateway.core.freshness import may_serve_unasked
from gateway.core.listable import is_same_listed, is_strong
from gateway.core.objects import NotCacheable, Objects, Wish, started_read
from gateway.core.pinned import pinned_pieces
from gateway.core.reading import FlashPiece, Piece
from gateway.core.receipt import Receipt
from gateway.flash.rows import Row
from gateway.model.failures import OriginRefused, VersionChanged
from gateway.model.names import ObjectName
from gateway.model.ranges import ByteRange
from gateway.model.rules import Mode
from gateway.model.versions import Version
from gateway.model.voices import Voice
from gateway.origin.interface import OriginAnswer, OriginRequest
from gateway.protocol.s3.addressing import encode_key
from gateway.protocol.s3.listings import ListedObject

_OK, _PARTIAL = 200, 206
_ERROR_BYTES_MAX: Final = 64 * 1024
_NO_BODY: Final = bytes(16)
_VALIDATORS: Final = ("ETag", "Last-Modified", "x-amz-version-id")


@dataclass(frozen=True, slots=True)
class Seen:
    """An object as the origin described it."""

    name: ObjectName
    size: int
    headers: tuple[tuple[str, str], ...]
    version: Version | None
    """None: it has no strong validator, or must not be kept."""
    row: Row | None
    """What its bytes are read by; None: they are read past flash."""


def seen_row(row: Row) -> Seen:
    """Return the object that a row describes."""
    return Seen(row.name, row.version.size, row.headers, row.version, row)


def find_unasked(objects: Objects, name: ObjectName, voice: Voice) -> Seen | None:
    """Return the object as it is at hand, where its rule lets that be shown without asking."""
    row = objects.parts.flash.find_row(name)
    return seen_row(row) if row is not None and _may_show(objects, row, voice) else None


def find_listed(
    objects: Objects, name: ObjectName, listed: ListedObject, voice: Voice
) -> Seen | None:
    """Return the object as it is at hand, where a listing of just now shows that very version.

    A listing shows that an object is there, and not that another voice than Forebay's own may read
    it. Where the rule lets it be shown without asking, the listing is not needed.
    """
    row = objects.parts.flash.peek_row(name)
    if row is None:
        return None
    if voice.is_forebay and is_same_listed(row, listed) and is_strong(row):
        return seen_row(row)
    return seen_row(row) if _may_show(objects, row, voice) else None


def _may_show(objects: Objects, row: Row, voice: Voice) -> bool:
    rule = objects.rules.find(row.name)
    if rule.freshness.mode is Mode.BYPASS or not objects.parts.flash.is_healthy:
        return False
    return may_serve_unasked(rule, row, voice, objects.now_ns())


async def see(objects: Objects, name: ObjectName, wish: Wish, receipt: Receipt) -> Seen:
    """Return the object as it is now, as fresh as its rule wants it.

    Raises OriginRefused, OriginUnreachable.
    """
    flash = objects.parts.flash
    before = flash.find_row(name)
    try:
        row = await objects.current(name, wish, receipt)
        if row is not before and before is not None and not is_strong(before) and is_strong(row):
            # What was read too soon to be proven by listings is proven by them from now on.
            flash.put_row(row)
        return seen_row(row)
    except NotCacheable as decision:
        receipt.cache, receipt.reason = "BYPASS", decision.reason
    receipt.origin_requests += 1
    answer = await objects.parts.origin.ask(_question("HEAD", name, wish.voice))
    answer.close()
    if answer.status != _OK:
        raise OriginRefused(answer.status, answer.headers, b"")
    size = int(answer.headers.get("Content-Length", "0"))
    headers = tuple(answer.headers.items())
    return Seen(name, size, headers, described_version(answer.headers), None)


async def seen_pieces(
    objects: Objects, seen: Seen, wanted: ByteRange, voice: Voice, receipt: Receipt
) -> AsyncGenerator[Piece]:
    """Yield the bytes `wanted` of the object as it was seen, ready for sendfile where they can be.

    Raises VersionChanged where that version is gone and its bytes are not on flash, OriginRefused,
    OriginUnreachable.
    """
    if wanted.start >= wanted.stop:
        return
    pieces = _kept(objects, seen, wanted, voice, receipt)
    async with aclosing(pieces):
        async for piece in pieces:
            yield piece


async def seen_bytes(objects: Objects, seen: Seen, wanted: ByteRange, voice: Voice) -> bytes:
    """Return the bytes `wanted` of the object as it was seen; raises as `seen_pieces` does."""
    parts, row = objects.parts, seen.row
    if row is not None and not parts.filling.checks.is_quarantined(row.body):
        at_hand = find_bytes(parts.flash, row, wanted, parts.chunk_bytes)
        if at_hand is not None:
            return at_hand
    return await all_bytes(seen_pieces(objects, seen, wanted, voice, Receipt()))


async def all_bytes(pieces: AsyncGenerator[Piece]) -> bytes:
    """Return the bytes of all the pieces."""
    content = bytearray()
    async with aclosing(pieces):
        async for piece in pieces:
            content += _copied(piece) if isinstance(piece, FlashPiece) else piece
    return bytes(content)


def _copied(piece: FlashPiece) -> bytes:
    """Return the bytes of a stretch of a segment, which were proven just now and are warm."""
    with piece.handle:
        return os.pread(piece.handle.fileno(), piece.length, piece.offset)


async def _kept(
    objects: Objects, seen: Seen, wanted: ByteRange, voice: Voice, receipt: Receipt
) -> AsyncGenerator[Piece]:
    if seen.row is not None:
        try:
            read = await started_read(objects.parts, seen.row, wanted, voice, receipt)
        except NotCacheable as decision:
            receipt.reason = decision.reason
        else:
            async with aclosing(read.pieces):
                async for piece in read.pieces:
                    yield piece
            return
    past = _past(objects, seen, wanted, voice, receipt)
    async with aclosing(past):
        async for data in past:
            yield data


def _past(
    objects: Objects, seen: Seen, wanted: ByteRange, voice: Voice, receipt: Receipt
) -> AsyncGenerator[bytes]:
    """Yield the bytes past flash."""
    receipt.cache = "BYPASS"
    receipt.origin_requests += 1
    if seen.version is None:
        return _unpinned(objects, seen, wanted, voice)
    row = seen.row or Row(seen.name, seen.version, _NO_BODY, seen.headers, 0, voice.mark)
    parts = objects.parts
    return pinned_pieces(parts.origin, row, wanted, voice, resumes_max=parts.resumes_max)


async def _unpinned(
    objects: Objects, seen: Seen, wanted: ByteRange, voice: Voice
) -> AsyncGenerator[bytes]:
    """Yield the bytes of an object that no strong validator pins, from one answer."""
    question = _question("GET", seen.name, voice, {"Range": wanted.header()})
    answer = await objects.parts.origin.ask(question)
    try:
        if answer.status not in (_OK, _PARTIAL):
            body = await answer.read(_ERROR_BYTES_MAX)
            raise OriginRefused(answer.status, answer.headers, body)
        start = _start_of(answer, seen)
        left, skipped = wanted.length, wanted.start - start
        if start not in (0, wanted.start):
            raise VersionChanged(f"{seen.name} changed at the origin while it was read")
        async with aclosing(answer.pieces()) as pieces:
            async for piece in pieces:
                useful = piece[skipped : skipped + left]
                skipped, left = max(0, skipped - len(piece)), left - len(useful)
                if useful:
                    yield useful
                if not left:
                    return
    finally:
        answer.close()


def _start_of(answer: OriginAnswer, seen: Seen) -> int:
    """Return where an answer's body begins; raises VersionChanged for another object's."""
    described = dict(seen.headers)
    same = {name.lower(): text for name, text in described.items()}
    placed = content_range(answer.headers) if answer.status == _PARTIAL else None
    size = placed[2] if placed is not None else int(answer.headers.get("Content-Length", "-1"))
    if size != seen.size or any(
        answer.headers.get(name) != same.get(name.lower()) for name in _VALIDATORS
    ):
        raise VersionChanged(f"{seen.name} changed at the origin while it was read")
    return placed[0] if placed is not None else 0


def _question(
    method: str, name: ObjectName, voice: Voice, extra: Mapping[str, str] | None = None
) -> OriginRequest:
    headers = {"Accept-Encoding": "identity", **(extra or {})}
    return OriginRequest(method, name.bucket, encode_key(name.key), headers=headers, voice=voice)
