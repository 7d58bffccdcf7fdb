"""Row A4 at real S3 servers: overwrites that the ETag does not show, a real MD5 collision too."""

import asyncio
from collections.abc import AsyncIterator
from hashlib import md5
from pathlib import Path
from typing import Any

import pytest

from gateway.telemetry import metrics
from tests.support import md5_collision
from tests.support.gateway_settings import gateway_settings
from tests.support.gateway_worker import Gateway, running_worker
from tests.support.origins import s3_client
from tests.support.real_origins import RealOrigin
from tests.support.signed_client import Reply

TAIL = bytes(range(256)) * 200
BODY, COLLIDING = md5_collision.ONE + TAIL, md5_collision.OTHER + TAIL
CHECKSUMS = pytest.mark.parametrize("checksum", ["when_required", "when_supported"])


class Bucket:
    """A bucket of the real origin, written past the gateway."""

    def __init__(self, origin: RealOrigin, name: str, checksum: str) -> None:
        self.name = name
        self.is_versioned = False
        self._client: Any = s3_client(
            origin.endpoint,
            access_key=origin.access_key,
            secret_key=origin.secret_key,
            request_checksum_calculation=checksum,
        )

    async def make(self, *, is_versioned: bool) -> None:
        await self._ask("create_bucket")
        if is_versioned:
            enabled = {"Status": "Enabled"}
            await self._ask("put_bucket_versioning", VersioningConfiguration=enabled)

    async def put(self, key: str, body: bytes, colour: str) -> None:
        await self._ask("put_object", Key=key, Body=body, Metadata={"colour": colour})

    async def describe(self, key: str, colour: str) -> None:
        await self._ask(
            "copy_object",
            Key=key,
            CopySource={"Bucket": self.name, "Key": key},
            Metadata={"colour": colour},
            MetadataDirective="REPLACE",
        )

    async def wait_next_second(self, key: str) -> None:
        """Write until Last-Modified, which has a resolution of one second, is another."""
        head = await self._ask("head_object", Key=key)
        clock = head
        async with asyncio.timeout(10):
            while clock["LastModified"] <= head["LastModified"]:
                await self._ask("put_object", Key=f"{key}.clock", Body=b"")
                clock = await self._ask("head_object", Key=f"{key}.clock")

    async def has_checksum(self, key: str) -> bool:
        head = await self._ask("head_object", Key=key, ChecksumMode="ENABLED")
        whole = head.get("ChecksumType", "FULL_OBJECT") == "FULL_OBJECT"
        return whole and any(name.startswith("ChecksumC") for name in head)

    async def _ask(self, operation: str, **words: Any) -> dict[str, Any]:
        call = getattr(self._client, operation)
        answer: dict[str, Any] = await asyncio.to_thread(call, Bucket=self.name, **words)
        return answer


@pytest.fixture
async def gateway(
    strict_origin: RealOrigin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Gateway]:
    keys = {"access_key": strict_origin.access_key, "secret_key": strict_origin.secret_key}
    settings = gateway_settings(strict_origin.endpoint, tmp_path / "flash", origin=keys)
    async with running_worker(settings, monkeypatch) as running:
        yield running
        assert await running.flash.check(with_data=True) == []


@pytest.fixture(params=[False, True], ids=["plain", "versioned"])
def is_versioned(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture
async def bucket(
    strict_origin: RealOrigin, request: pytest.FixtureRequest, is_versioned: bool
) -> Bucket:
    name = f"b-{md5(request.node.nodeid.encode()).hexdigest()[:20]}"
    made = Bucket(strict_origin, name, request.getfixturevalue("checksum"))
    await made.make(is_versioned=is_versioned)
    return made


@CHECKSUMS
async def test_a_metadata_only_overwrite_shows_at_once(
    gateway: Gateway, bucket: Bucket, checksum: str
) -> None:
    await bucket.put("k", BODY, "green")
    had_checksum = await bucket.has_checksum("k")
    await gateway.warm(bucket.name, "k")
    await bucket.wait_next_second("k")
    await bucket.describe("k", "red")
    await _assert_served(gateway, bucket, had_checksum=had_checksum)


@CHECKSUMS
async def test_the_same_bytes_again_are_right(
    gateway: Gateway, bucket: Bucket, checksum: str
) -> None:
    await bucket.put("k", BODY, "green")
    had_checksum = await bucket.has_checksum("k")
    await gateway.warm(bucket.name, "k")
    await bucket.wait_next_second("k")
    await bucket.put("k", BODY, "red")
    await _assert_served(gateway, bucket, had_checksum=had_checksum)


@CHECKSUMS
async def test_a_real_md5_collision_is_right(
    gateway: Gateway, bucket: Bucket, checksum: str
) -> None:
    await bucket.put("k", BODY, "green")
    await gateway.warm(bucket.name, "k")
    await bucket.wait_next_second("k")
    await bucket.put("k", COLLIDING, "red")
    get, head = await _get_and_head(gateway, bucket)
    assert get.body == COLLIDING
    assert get.headers["ETag"] == head.headers["ETag"] == f'"{md5(BODY).hexdigest()}"'
    assert get.headers["x-amz-meta-colour"] == head.headers["x-amz-meta-colour"] == "red"


@pytest.mark.parametrize("checksum", ["when_supported"])
async def test_a_real_md5_collision_within_one_second_is_right(
    gateway: Gateway, bucket: Bucket, checksum: str
) -> None:
    await bucket.put("k", BODY, "green")
    if not await bucket.has_checksum("k"):
        pytest.skip("this origin stores no checksum of the whole body")
    for body in (BODY, COLLIDING) * 4:
        await bucket.put("k", body, "red")
        assert (await gateway.warm(bucket.name, "k")).body == body


async def _assert_served(gateway: Gateway, bucket: Bucket, *, had_checksum: bool) -> None:
    """The next GET and HEAD are right, and cost no body where checksums prove it the same."""
    before = metrics.bytes_from_origin.value
    get, head = await _get_and_head(gateway, bucket)
    assert get.body == BODY
    assert get.headers["x-amz-meta-colour"] == head.headers["x-amz-meta-colour"] == "red"
    assert head.headers["Content-Length"] == str(len(BODY))
    if had_checksum and await bucket.has_checksum("k"):
        assert metrics.bytes_from_origin.value == before


async def _get_and_head(gateway: Gateway, bucket: Bucket) -> tuple[Reply, Reply]:
    get, head = await asyncio.gather(
        gateway.client.get(bucket.name, "k"), gateway.client.head(bucket.name, "k")
    )
    assert (get.status, head.status) == (200, 200)
    return get, head
