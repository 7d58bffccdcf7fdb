"""Listing a bucket at the origin, a page at a time: the one pass that many jobs stand on."""

from collections.abc import AsyncGenerator
from contextlib import suppress
from dataclasses import replace

from gateway.model.failures import OriginRefused, OriginUnreachable
from gateway.model.voices import Voice
from gateway.origin.interface import Origin, OriginAnswer, OriginRequest
from gateway.protocol.s3.listings import (
    LISTING_BYTES_MAX,
    PAGE_KEYS_MAX,
    ListedPage,
    listing_query,
    read_listing,
)

_OK = 200
_REPETITIONS_MAX = 2


async def listed_page(
    origin: Origin,
    bucket: str,
    voice: Voice,
    *,
    prefix: str = "",
    delimiter: str = "",
    start_after: str = "",
    token: str | None = None,
    count_max: int = PAGE_KEYS_MAX,
) -> ListedPage:
    """Return one page of a bucket's objects, asked for by `voice`.

    Where `start_after` lies within a common prefix, that may be on the page or not, as the origin
    has it. Raises OriginRefused with the origin's own answer, and OriginUnreachable, also for a
    page that cannot be read.
    """
    query = listing_query(
        prefix=prefix,
        delimiter=delimiter,
        start_after=start_after,
        token=token,
        count_max=count_max,
    )
    headers = {"Accept-Encoding": "identity"}
    request = OriginRequest("GET", bucket, query=query, headers=headers, voice=voice)
    answer, body = await _read_whole(origin, request)
    if answer.status != _OK:
        raise OriginRefused(answer.status, answer.headers, body)
    return read_listing(body)


async def _read_whole(origin: Origin, request: OriginRequest) -> tuple[OriginAnswer, bytes]:
    """Return an answer and its body, asked for again where the body breaks off."""
    for repetition in range(_REPETITIONS_MAX):
        answer = await origin.ask(replace(request, is_repetition=repetition > 0))
        with suppress(OriginUnreachable):
            return answer, await answer.read(LISTING_BYTES_MAX + 1)
    answer = await origin.ask(replace(request, is_repetition=True))
    return answer, await answer.read(LISTING_BYTES_MAX + 1)


async def listed(
    origin: Origin, bucket: str, prefix: str, voice: Voice
) -> AsyncGenerator[ListedPage]:
    """Yield all pages of the objects under `prefix`, in order; raises as `listed_page` does."""
    token: str | None = None
    while True:
        page = await listed_page(origin, bucket, voice, prefix=prefix, token=token)
        yield page
        token = page.next_token
        if token is None:
            return
