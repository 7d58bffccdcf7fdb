"""Taking a snapshot at the origin: one listing pass, with version ids where the bucket keeps them.

ListObjectsV2 tells no version ids. Of a bucket that is versioned, or was, ListObjectVersions does;
its latest versions are the same objects.
"""

from collections.abc import AsyncGenerator
from typing import Final

from gateway.model.failures import OriginRefused
from gateway.model.snapshots import Recorded
from gateway.model.voices import Voice
from gateway.origin.interface import Origin, OriginAnswer, OriginRequest
from gateway.protocol.s3.documents import find_document
from gateway.protocol.s3.listings import LISTING_BYTES_MAX
from gateway.protocol.s3.recorded_pages import first_query, read_recorded

_OK: Final = 200
_NOT_FOUND: Final = 404
_UNABLE: Final = frozenset({403, 405, 501})
_SMALL_BYTES_MAX: Final = 64 * 1024
_FAILED_FROM: Final = 500


async def recorded_pages(
    origin: Origin, bucket: str, prefix: str, voice: Voice, *, by_versions: bool
) -> AsyncGenerator[tuple[Recorded, ...]]:
    """Yield what lies under `prefix`, a page at a time.

    Raises OriginRefused with the origin's own answer, and OriginUnreachable, also for a page that
    cannot be read.
    """
    query = first_query(prefix, by_versions=by_versions)
    while query:
        answer = await _ask(origin, "GET", bucket, query, voice)
        body = await answer.read(LISTING_BYTES_MAX + 1)
        if answer.status != _OK:
            raise OriginRefused(answer.status, answer.headers, body)
        page = read_recorded(body, prefix, by_versions=by_versions)
        yield page.rows
        query = page.next_query


async def keeps_versions(origin: Origin, bucket: str, voice: Voice) -> bool:
    """Return whether the bucket is versioned or was; False where nobody tells.

    Raises OriginRefused where there is no such bucket, OriginUnreachable.
    """
    answer = await _ask(origin, "GET", bucket, "versioning=", voice)
    body = await answer.read(_SMALL_BYTES_MAX)
    if answer.status in _UNABLE:
        return False
    if answer.status != _OK:
        raise OriginRefused(answer.status, answer.headers, body)
    root = find_document(body, _SMALL_BYTES_MAX)
    return root is not None and bool(root.findtext("Status"))


async def is_taken(origin: Origin, bucket: str, voice: Voice) -> bool:
    """Return whether the origin has a bucket of that name, also one that it shows to nobody.

    Raises OriginUnreachable, and OriginRefused where it cannot be told.
    """
    answer = await _ask(origin, "HEAD", bucket, "", voice)
    answer.close()
    if answer.status >= _FAILED_FROM:
        raise OriginRefused(answer.status, answer.headers, b"")
    return answer.status != _NOT_FOUND


async def _ask(origin: Origin, method: str, bucket: str, query: str, voice: Voice) -> OriginAnswer:
    headers = {"Accept-Encoding": "identity"}
    return await origin.ask(
        OriginRequest(method, bucket, query=query, headers=headers, voice=voice)
    )
