"""The listing pass at real origins: every row is what HEAD shows, in order, page by page."""

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import count

import pytest
from multidict import CIMultiDict, CIMultiDictProxy

from gateway.core.listing import listed, listed_page
from gateway.model.failures import OriginRefused, OriginUnreachable
from gateway.model.voices import FOREBAY, Keys
from gateway.origin.credentials import StaticCredentials
from gateway.origin.interface import OriginRequest
from gateway.origin.s3 import OriginParameters, S3Origin
from gateway.protocol.s3.listings import ListedObject
from tests.support.origins import ACCESS_KEY, REGION, SECRET_KEY, s3_client, threaded_origin
from tests.support.real_origins import RealOrigin

KEYS = ["a b", "a+b", "d/e", "d/f", "u/ä&<x>"]
_numbers = count()


def asker(origin: RealOrigin) -> S3Origin:
    keys = StaticCredentials(Keys(origin.access_key, origin.secret_key, None))
    parameters = OriginParameters(endpoint=origin.endpoint, region=REGION)
    return S3Origin(parameters, keys, lambda: datetime.now(UTC))


@pytest.fixture(scope="module")
def embedded() -> Iterator[RealOrigin]:
    with threaded_origin() as origin:
        yield RealOrigin("embedded", origin.port, None, ACCESS_KEY, SECRET_KEY)


@pytest.fixture(params=["embedded", "versitygw", "minio"])
def real(request: pytest.FixtureRequest) -> RealOrigin:
    found: RealOrigin = request.getfixturevalue(request.param)
    return found


async def test_every_row_is_what_head_shows(real: RealOrigin):
    client = s3_client(real.endpoint, access_key=real.access_key, secret_key=real.secret_key)
    bucket = f"listing-{next(_numbers)}"
    client.create_bucket(Bucket=bucket)
    heads = []
    for key in KEYS:
        client.put_object(Bucket=bucket, Key=key, Body=key.encode())
        shown = client.head_object(Bucket=bucket, Key=key)
        headers = shown["ResponseMetadata"]["HTTPHeaders"]
        heads.append(
            ListedObject(
                key, shown["ETag"], len(key.encode()), headers["last-modified"], "STANDARD"
            )
        )
    async with asker(real) as origin:
        pages = [page async for page in listed(origin, bucket, "", FOREBAY)]
        assert [row for page in pages for row in page.objects] == heads
        first = await listed_page(origin, bucket, FOREBAY, count_max=2)
        assert [row.key for row in first.objects] == KEYS[:2]
        rest = await listed_page(origin, bucket, FOREBAY, token=first.next_token)
        assert [row.key for row in rest.objects] == KEYS[2:]
        after = await listed_page(origin, bucket, FOREBAY, prefix="d/", start_after="d/e")
        assert [row.key for row in after.objects] == ["d/f"]
        assert after.next_token is None


async def test_a_bucket_that_is_not_there_is_refused_in_the_origins_words(real: RealOrigin):
    async with asker(real) as origin:
        with pytest.raises(OriginRefused) as refused:
            await listed_page(origin, "no-such-bucket-here", FOREBAY)
    assert refused.value.status == 404
    assert b"NoSuchBucket" in refused.value.body


class BreakingOrigin:
    """Answers a listing; the first bodies break off."""

    def __init__(self, breaks: int) -> None:
        self.breaks = breaks
        self.repetitions: list[bool] = []
        self.status, self.headers = 200, CIMultiDictProxy(CIMultiDict())

    async def ask(self, request: OriginRequest) -> "BreakingOrigin":
        self.repetitions.append(request.is_repetition)
        return self

    async def read(self, bytes_max: int) -> bytes:
        assert bytes_max > 0
        if len(self.repetitions) <= self.breaks:
            raise OriginUnreachable("the origin broke off a body")
        return b"<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>"


@pytest.mark.parametrize("breaks", [0, 1, 2])
async def test_a_page_that_breaks_off_is_asked_for_again(breaks: int):
    origin = BreakingOrigin(breaks)
    page = await listed_page(origin, "bucket", FOREBAY)
    assert page.objects == ()
    assert origin.repetitions == [False, *[True] * breaks]


async def test_a_page_that_always_breaks_off_is_not_asked_for_for_ever():
    origin = BreakingOrigin(99)
    with pytest.raises(OriginUnreachable):
        await listed_page(origin, "bucket", FOREBAY)
    assert len(origin.repetitions) == 3
