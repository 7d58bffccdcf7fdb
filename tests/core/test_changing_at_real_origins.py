"""Forebay's own changes at servers that others wrote: what each takes, keeps and refuses."""

from collections.abc import AsyncIterator
from itertools import count

import pytest

from gateway.core.bodies import BytesBody
from gateway.core.changing import CopySource
from gateway.core.receipt import Receipt
from gateway.core.said import ABSENT, Condition
from gateway.model.failures import OriginRefused, PreconditionFailed
from gateway.model.names import ObjectName
from gateway.model.ranges import ByteRange
from gateway.model.voices import FOREBAY
from tests.support.core_house import CoreHouse, core_house
from tests.support.origins import s3_client
from tests.support.real_origins import RealOrigin

PART = b"p" * (5 * 1024 * 1024)
_numbers = count()


@pytest.fixture
def client(strict_origin: RealOrigin):
    keys = {"access_key": strict_origin.access_key, "secret_key": strict_origin.secret_key}
    return s3_client(strict_origin.endpoint, **keys)


@pytest.fixture
def bucket(client) -> str:
    name = f"changing-{next(_numbers)}"
    client.create_bucket(Bucket=name)
    return name


@pytest.fixture
async def house(strict_origin: RealOrigin, bucket, tmp_path) -> AsyncIterator[CoreHouse]:
    keys = {"access_key": strict_origin.access_key, "secret_key": strict_origin.secret_key}
    async with core_house(strict_origin.endpoint, tmp_path, **keys) as built:
        yield built


async def test_objects_are_put_copied_and_deleted(house, bucket, client):
    changing, name = house.changing, ObjectName(bucket, "a/b c+%é")
    headers = {"x-amz-meta-file-owner": "alice", "Content-Type": "text/plain"}
    made = await changing.put(name, BytesBody(b"body"), headers, FOREBAY, Receipt())
    head = client.head_object(Bucket=bucket, Key=name.key, ChecksumMode="ENABLED")
    assert head["Metadata"] == {"file-owner": "alice"}
    assert head["ChecksumCRC32C"] == BytesBody(b"body").checksum
    assert head["ETag"] == made.etag
    assert not changing._wants_md5
    replaced = {
        "x-amz-metadata-directive": "REPLACE",
        "x-amz-meta-file-owner": "bob",
        "Content-Type": "text/plain",
    }
    source = CopySource(name, made.etag)
    copied = await changing.copy(source, name, replaced, FOREBAY, Receipt())
    head = client.head_object(Bucket=bucket, Key=name.key)
    assert (head["Metadata"], head["ContentType"]) == ({"file-owner": "bob"}, "text/plain")
    assert copied.etag == head["ETag"]
    with pytest.raises(PreconditionFailed):
        await changing.copy(CopySource(name, '"another"'), name, replaced, FOREBAY, Receipt())
    await changing.delete(name, FOREBAY, Receipt())
    keys = [f"k/{number}" for number in range(3)]
    for key in keys:
        client.put_object(Bucket=bucket, Key=key, Body=b"x")
    assert await changing.delete_many(bucket, keys, FOREBAY, Receipt()) == []
    assert "Contents" not in client.list_objects_v2(Bucket=bucket)


async def test_conditions_on_a_put_and_on_the_end_of_an_upload_are_judged(house, bucket, client):
    changing, name = house.changing, ObjectName(bucket, "k")
    made = await changing.put(name, BytesBody(b"1"), {}, FOREBAY, Receipt(), condition=ABSENT)
    with pytest.raises(PreconditionFailed):
        await changing.put(name, BytesBody(b"2"), {}, FOREBAY, Receipt(), condition=ABSENT)
    stale = Condition('"0123456789abcdef0123456789abcdef"')
    with pytest.raises(PreconditionFailed):
        await changing.put(name, BytesBody(b"2"), {}, FOREBAY, Receipt(), condition=stale)
    for condition in (ABSENT, stale):
        upload = await changing.begin(name, {}, FOREBAY, Receipt())
        with pytest.raises(PreconditionFailed):
            await upload.complete([await upload.put(1, BytesBody(b"3"))], condition)
        await upload.abort()
    assert client.get_object(Bucket=bucket, Key="k")["Body"].read() == b"1"
    upload = await changing.begin(name, {}, FOREBAY, Receipt())
    await upload.complete([await upload.put(1, BytesBody(b"4"))], Condition(made.etag))
    assert client.get_object(Bucket=bucket, Key="k")["Body"].read() == b"4"
    assert "Uploads" not in client.list_multipart_uploads(Bucket=bucket)


async def test_an_upload_takes_ranges_of_objects_and_bytes(house, bucket, client):
    changing, source, name = house.changing, ObjectName(bucket, "s"), ObjectName(bucket, "k")
    made = await changing.put(source, BytesBody(PART + b"tail"), {}, FOREBAY, Receipt())
    headers = {"x-amz-meta-file-owner": "alice", "Content-Type": "text/plain"}
    upload = await changing.begin(name, headers, FOREBAY, Receipt(), has_copies=True)
    parts = [
        await upload.copy(1, source, ByteRange(0, len(PART)), made.etag, None),
        await upload.put(2, BytesBody(PART)),
        await upload.copy(3, source, ByteRange(len(PART), len(PART) + 4), made.etag, None),
    ]
    made = await upload.complete(parts)
    # With boto3 proving whatever checksum the server tells of the whole.
    there = client.get_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert there["Body"].read() == PART + PART + b"tail"
    assert there["ETag"] == made.etag
    assert (there["Metadata"], there["ContentType"]) == ({"file-owner": "alice"}, "text/plain")


async def test_an_upload_of_bytes_has_a_checksum_of_the_whole(house, bucket, client):
    upload = await house.changing.begin(ObjectName(bucket, "k"), {}, FOREBAY, Receipt())
    assert upload.has_checksums
    parts = [await upload.put(1, BytesBody(PART)), await upload.put(2, BytesBody(b"tail"))]
    await upload.complete(parts)
    there = client.get_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    body = there["Body"].read()
    assert body == PART + b"tail"
    assert there["ChecksumCRC32C"] == BytesBody(body).checksum
    assert there["ChecksumType"] == "FULL_OBJECT"


async def test_a_part_is_copied_of_the_version_named_only(house, bucket):
    changing, source = house.changing, ObjectName(bucket, "s")
    await changing.put(source, BytesBody(PART), {}, FOREBAY, Receipt())
    upload = await changing.begin(ObjectName(bucket, "k"), {}, FOREBAY, Receipt())
    with pytest.raises(PreconditionFailed):
        await upload.copy(1, source, ByteRange(0, 3), '"another"', None)
    await upload.abort()
    with pytest.raises(OriginRefused):
        await upload.put(1, BytesBody(b"x"))
