"""Bytes of one version and of no other: ranged reads with If-Match, resumed where they break.

A response holds bytes of one version. Every answer must show the whole validator tuple, since an
ETag alone is kept by a metadata-only overwrite and by an MD5 collision.
"""

from collections.abc import AsyncGenerator
from dataclasses import dataclass

from gateway.core.described import content_range, has_same_tuple
from gateway.flash.rows import Row
from gateway.model.failures import OriginRefused, OriginUnreachable, VersionChanged
from gateway.model.ranges import ByteRange
from gateway.model.voices import Voice
from gateway.origin.interface import Origin, OriginAnswer, OriginRequest
from gateway.protocol.s3.addressing import encode_key
from gateway.telemetry import metrics

_OK, _PARTIAL, _NOT_FOUND, _PRECONDITION_FAILED = 200, 206, 404, 412
_ERROR_BYTES_MAX = 64 * 1024


@dataclass(frozen=True, slots=True)
class PinnedRow(Row):
    """A row whose version may not be the current one."""

    version_query: str = ""
    """The query that names the version; '' where its ETag alone pins it."""


async def pinned_pieces(
    origin: Origin,
    row: Row,
    wanted: ByteRange,
    voice: Voice,
    *,
    resumes_max: int,
    opening: OriginAnswer | None = None,
) -> AsyncGenerator[bytes]:
    """Yield exactly the bytes `wanted` of the version in `row`, asked for by `voice`.

    `opening` is an answer already begun at `wanted.start`. Raises VersionChanged when the origin no
    longer serves that version, OriginRefused, and OriginUnreachable after `resumes_max`
    resumptions.
    """
    position, resumes = wanted.start, 0
    answer = opening
    while position < wanted.stop:
        if answer is None:
            rest = ByteRange(position, wanted.stop)
            answer = await _ask_range(origin, row, rest, voice, is_repetition=resumes > 0)
        pieces = answer.pieces()
        try:
            async for piece in pieces:
                useful = piece[: wanted.stop - position]
                metrics.bytes_from_origin.inc(len(piece))
                position += len(useful)
                yield useful
                if position >= wanted.stop:
                    break
        except OriginUnreachable:
            resumes += 1
            if resumes > resumes_max:
                raise
            metrics.bodies_resumed.inc()
        else:
            if position < wanted.stop and (resumes := resumes + 1) > resumes_max:
                raise OriginUnreachable("the origin ended a body before its length")
        finally:
            answer.close()
            await pieces.aclose()
        answer = None


async def _ask_range(
    origin: Origin, row: Row, wanted: ByteRange, voice: Voice, *, is_repetition: bool
) -> OriginAnswer:
    """Return an answer whose body begins at `wanted.start` of the right version."""
    version = row.version
    answer = await origin.ask(
        OriginRequest(
            "GET",
            row.name.bucket,
            encode_key(row.name.key),
            row.version_query if isinstance(row, PinnedRow) else "",
            headers={
                "Accept-Encoding": "identity",
                "Range": wanted.header(),
                "If-Match": version.etag,
            },
            is_repetition=is_repetition,
            voice=voice,
        )
    )
    if answer.status in (_PRECONDITION_FAILED, _NOT_FOUND, 416):
        answer.close()
        raise VersionChanged(f"{row.name} changed at the origin while it was read")
    if answer.status == _OK and wanted.start == 0:
        size = int(answer.headers.get("Content-Length", "-1"))
    elif answer.status == _PARTIAL:
        placed = content_range(answer.headers)
        size = placed[2] if placed is not None and placed[0] == wanted.start else -1
    else:
        body = await answer.read(_ERROR_BYTES_MAX)
        raise OriginRefused(answer.status, answer.headers, body)
    is_by_id = isinstance(row, PinnedRow) and bool(row.version_query)
    if not has_same_tuple(answer.headers, version, size, is_by_id=is_by_id):
        answer.close()
        raise VersionChanged(f"{row.name} changed at the origin while it was read")
    return answer
