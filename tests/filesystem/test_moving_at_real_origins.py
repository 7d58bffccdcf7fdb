"""Renames and removals at versitygw and MinIO: what a real server makes of copies and deletions."""

from itertools import count

import pytest

from gateway.filesystem.moving import Wish
from gateway.model.failures import Failure, FileConflict
from gateway.model.names import ObjectName
from gateway.model.voices import FOREBAY, Keys
from tests.support.moves import room_at
from tests.support.origins import s3_client

_numbers = count()


@pytest.fixture
def client(strict_origin):
    return s3_client(
        strict_origin.endpoint,
        access_key=strict_origin.access_key,
        secret_key=strict_origin.secret_key,
    )


@pytest.fixture
def bucket(client):
    name = f"moves-{next(_numbers)}"
    client.create_bucket(Bucket=name)
    return name


@pytest.fixture
async def room(strict_origin, tmp_path):
    keys = Keys(strict_origin.access_key, strict_origin.secret_key)
    async with room_at(strict_origin.endpoint, tmp_path / "moves", keys) as made:
        yield made
        assert made.journal.moves() == []


def wish(bucket, source, target, admit=lambda _: None):
    return Wish(ObjectName(bucket, source), ObjectName(bucket, target), FOREBAY, "", admit)


def keys(client, bucket):
    return [one["Key"] for one in client.list_objects_v2(Bucket=bucket).get("Contents", [])]


async def test_a_directory_is_moved_and_removed(client, bucket, room):
    for key in ("a/f", "a/ü &+", "a/sub/g"):
        client.put_object(Bucket=bucket, Key=key, Body=key.encode(), Metadata={"file-owner": "me"})
    client.put_object(Bucket=bucket, Key="a/sub/", Metadata={"file-owner": "marked"})
    await room.moves.rename(wish(bucket, "a/", "b/"))
    assert sorted(keys(client, bucket)) == ["b/f", "b/sub/", "b/sub/g", "b/ü &+"]
    marker = client.head_object(Bucket=bucket, Key="b/sub/")
    assert (marker["ContentLength"], marker["Metadata"]) == (0, {"file-owner": "marked"})
    moved = client.get_object(Bucket=bucket, Key="b/ü &+")
    assert (moved["Body"].read(), moved["Metadata"]) == ("a/ü &+".encode(), {"file-owner": "me"})
    await room.moves.rename(wish(bucket, "b/f", "b/h"))
    await room.moves.remove(wish(bucket, "b/", "b/"))
    assert keys(client, bucket) == []


async def test_an_upload_in_parts_is_moved_whatever_its_etag_becomes(client, bucket, room):
    body = bytes(range(256)) * (24 << 10)
    upload = client.create_multipart_upload(Bucket=bucket, Key="a/f")["UploadId"]
    named = {"Bucket": bucket, "Key": "a/f", "UploadId": upload}
    parts = [
        {
            "PartNumber": number,
            "ETag": client.upload_part(PartNumber=number, Body=piece, **named)["ETag"],
        }
        for number, piece in enumerate((body[: 5 << 20], body[5 << 20 :]), 1)
    ]
    client.complete_multipart_upload(MultipartUpload={"Parts": parts}, **named)
    await room.moves.rename(wish(bucket, "a/", "b/"))
    assert keys(client, bucket) == ["b/f"]
    assert client.get_object(Bucket=bucket, Key="b/f")["Body"].read() == body


async def test_what_fails_is_undone(client, bucket, room, caplog):
    for number in range(3):
        client.put_object(Bucket=bucket, Key=f"a/{number}", Body=b"x")
    asked = []

    def admit(versions):
        asked.append(len(versions))
        if len(asked) == 3:  # the listing that would have been the commit's
            raise Failure("no")

    with pytest.raises(Failure, match="no"):
        await room.moves.rename(wish(bucket, "a/", "b/", admit))
    assert keys(client, bucket) == ["a/0", "a/1", "a/2"]
    assert "is undone" in caplog.text


@pytest.mark.parametrize("size", [0, 3, 2 << 20])
async def test_what_a_stranger_writes_to_the_target_meanwhile_stays(client, bucket, room, size):
    for key in ("known", "f"):
        client.put_object(Bucket=bucket, Key=key, Body=b"x" * size)
    asked = []

    def admit(versions):
        asked.append(len(versions))
        if len(asked) == 2:  # judged, looked at twice, and about to be copied
            client.put_object(Bucket=bucket, Key="g", Body=b"foreign")

    await room.moves.rename(wish(bucket, "known", "known-now"))
    with pytest.raises(FileConflict, match="g was written to meanwhile"):
        await room.moves.rename(wish(bucket, "f", "g", admit))
    assert client.get_object(Bucket=bucket, Key="g")["Body"].read() == b"foreign"
    assert keys(client, bucket) == ["f", "g", "known-now"]
