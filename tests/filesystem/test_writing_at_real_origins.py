"""Files written through the tree to servers that others wrote: what arrives, and who loses."""

import os
from collections.abc import AsyncIterator
from itertools import count

import pytest

from gateway.access.authorization import Authorization
from gateway.assembly.files import make_tree
from gateway.filesystem.status import Changes, Kind, NewAttributes
from gateway.model.failures import FileConflict, VersionChanged
from tests.support.core_house import core_house
from tests.support.gateway_worker import SettableClock
from tests.support.origins import s3_client
from tests.support.real_origins import RealOrigin
from tests.support.trees import Stage, mount_table

PART = 5 * 1024 * 1024
BODY = os.urandom(2 * PART + 77)
PLAIN = NewAttributes(0o640, "alice", "staff", xattrs={"user.a": b"1"})
_numbers = count()


@pytest.fixture
def client(strict_origin: RealOrigin):
    keys = {"access_key": strict_origin.access_key, "secret_key": strict_origin.secret_key}
    return s3_client(strict_origin.endpoint, **keys)


@pytest.fixture
def bucket(client) -> str:
    name = f"written-{next(_numbers)}"
    client.create_bucket(Bucket=name)
    return name


@pytest.fixture
async def stage(strict_origin: RealOrigin, tmp_path) -> AsyncIterator[Stage]:
    keys = {"access_key": strict_origin.access_key, "secret_key": strict_origin.secret_key}
    async with core_house(strict_origin.endpoint, tmp_path, **keys) as house:
        authorization = Authorization(None)
        tree = make_tree(house.settings, house.core, authorization, mount_table(None))
        yield Stage(house.settings, None, house.core, tree, SettableClock(), authorization)


async def create(stage, path, body, *, overwrite=True, replacing=""):
    writer = await stage.tree.create(
        stage.caller(), path, PLAIN, overwrite=overwrite, replacing=replacing
    )
    for start in range(0, len(body), PART):
        await writer.write(body[start : start + PART])
    return await writer.close()


def body_of(client, bucket, key):
    return client.get_object(Bucket=bucket, Key=key, ChecksumMode="ENABLED")["Body"].read()


@pytest.mark.parametrize("length", [0, 10, len(BODY)])
async def test_a_file_is_created_appended_to_and_cut(stage, bucket, client, length):
    path = f"/{bucket}/d/f é"
    await create(stage, path, BODY[:length])
    with pytest.raises(FileConflict):
        await create(stage, path, b"x", overwrite=False)
    writer = await stage.tree.append(stage.caller(), path)
    await writer.write(BODY)
    await writer.close()
    assert body_of(client, bucket, "d/f é") == BODY[:length] + BODY
    for cut in (length + PART + 1, 7, 100):
        await stage.tree.truncate(stage.caller(), path, cut)
        expected = (BODY[:length] + BODY)[:cut] if cut != 100 else (BODY[:length] + BODY)[:7]
        assert body_of(client, bucket, "d/f é") == expected.ljust(cut, b"\0")
    status = await stage.tree.status(stage.caller(), path)
    assert (status.mode, status.owner, status.group) == (0o640, "alice", "staff")
    assert status.xattrs == {"user.a": b"1"}
    assert "Uploads" not in client.list_multipart_uploads(Bucket=bucket)


async def test_files_are_joined(stage, bucket, client):
    sizes = [len(BODY), 3, PART, 0, 9]
    for number, size in enumerate(sizes):
        await create(stage, f"/{bucket}/{number}", BODY[:size])
    sources = [f"/{bucket}/{number}" for number in range(1, len(sizes))]
    await stage.tree.concat(stage.caller(), f"/{bucket}/0", sources)
    assert body_of(client, bucket, "0") == b"".join(BODY[:size] for size in sizes)
    listed = client.list_objects_v2(Bucket=bucket)["Contents"]
    assert [one["Key"] for one in listed] == ["0"]


async def test_attributes_directories_and_links_are_kept(stage, bucket, client):
    tree, caller = stage.tree, stage.caller()
    await tree.make_directory(caller, f"/{bucket}/d", PLAIN, makes_parents=False, may_exist=False)
    with pytest.raises(FileConflict):
        await tree.make_directory(
            caller, f"/{bucket}/d", PLAIN, makes_parents=False, may_exist=False
        )
    client.put_object(
        Bucket=bucket, Key="d/f", Body=b"body", CacheControl="no-store", Metadata={"colour": "red"}
    )
    await tree.make_symlink(caller, f"/{bucket}/d/l", "f")
    for path in ("d", "d/f", "d/l"):
        await tree.set_attributes(
            caller, f"/{bucket}/{path}", Changes(0o700, "bob", set_xattrs={"user.b": b"2"})
        )
        status = await tree.status(caller, f"/{bucket}/{path}")
        assert (status.mode, status.owner) == (0o700, "bob")
        assert status.xattrs["user.b"] == b"2"
    assert (await tree.status(caller, f"/{bucket}/d/l")).kind is Kind.SYMLINK
    head = client.head_object(Bucket=bucket, Key="d/f")
    assert (head["CacheControl"], head["Metadata"]["colour"]) == ("no-store", "red")
    assert body_of(client, bucket, "d/f") == b"body"


@pytest.mark.parametrize("length", [10, len(BODY)])
async def test_an_append_loses_to_a_foreign_write(stage, bucket, client, length):
    await create(stage, f"/{bucket}/f", BODY[:length])
    writer = await stage.tree.append(stage.caller(), f"/{bucket}/f")
    await writer.write(b"x")
    client.put_object(Bucket=bucket, Key="f", Body=b"theirs")
    with pytest.raises(VersionChanged):
        await writer.close()
    assert body_of(client, bucket, "f") == b"theirs"
    assert "Uploads" not in client.list_multipart_uploads(Bucket=bucket)


@pytest.mark.parametrize("length", [10, len(BODY)])
async def test_each_change_tells_the_version_that_the_next_replaces(stage, bucket, client, length):
    tree, caller, path = stage.tree, stage.caller(), f"/{bucket}/f"
    told = await create(stage, path, BODY[:length])
    for _ in range(2):
        told = await create(stage, path, BODY[:length], replacing=told.etag)
        assert told.etag == client.head_object(Bucket=bucket, Key="f")["ETag"]
        writer = await tree.append(caller, path, replacing=told.etag)
        await writer.write(b"x")
        told = await writer.close()
        assert told.etag == client.head_object(Bucket=bucket, Key="f")["ETag"]
        told = await tree.set_attributes(caller, path, Changes(0o604), etag=told.etag)
        assert told.etag == client.head_object(Bucket=bucket, Key="f")["ETag"]
    for act in ("writes", "removes"):
        if act == "writes":
            client.put_object(Bucket=bucket, Key="f", Body=b"theirs")
        else:
            client.delete_object(Bucket=bucket, Key="f")
        with pytest.raises(VersionChanged):
            await create(stage, path, BODY[:length], replacing=told.etag)
        if act == "writes":
            assert body_of(client, bucket, "f") == b"theirs"
    assert "Contents" not in client.list_objects_v2(Bucket=bucket)
    assert "Uploads" not in client.list_multipart_uploads(Bucket=bucket)
