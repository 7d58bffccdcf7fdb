"""What strangers and clients do to one key, each announced to the reference before it is done."""

import asyncio
import random
import time
from base64 import b64encode
from collections.abc import Awaitable, Callable
from hashlib import md5, sha256

from aiohttp import ClientError

from tests.models.observed_origin import META
from tests.models.reference_store import BrokenPromiseError, Key, Value
from tests.models.stage import FAULTS, Stage
from tests.support.signed_client import Reply, object_path

_HELD_SHARE = 0.6
_RACE_SECONDS = 0.06
"""About as long as a held answer is held."""


def body_of(number: str, size: int) -> bytes:
    """Return bytes that no other write has in any stretch worth mentioning."""
    return random.Random(number).randbytes(size)


def new_value(stage: Stage, size: int) -> Value:
    """Return a value that was never written before."""
    number = stage.next_number()
    return Value(body_of(number, size), number)


def foreign_put(stage: Stage, key: Key, size: int) -> None:
    """Overwrite as another client of the bucket does."""
    value = new_value(stage, size)
    _foreign(stage, key, value)


def foreign_same_bytes(stage: Stage, key: Key) -> None:
    """Overwrite with the same bytes: the ETag stays."""
    old = stage.store.current(key)
    if old is not None:
        _foreign(stage, key, Value(old.body, stage.next_number()))


def foreign_metadata_only(stage: Stage, key: Key) -> None:
    """Copy onto itself with other metadata."""
    old = stage.store.current(key)
    if old is None:
        return
    value = Value(old.body, stage.next_number())
    bucket, name = key
    stage.foreign(key, value, lambda: stage.origin.describe(bucket, name, {META: value.meta}))


def foreign_md5_collision(stage: Stage, key: Key) -> None:
    """Overwrite with other bytes of the same ETag and size, a second later at least."""
    old = stage.store.current(key)
    if old is None or not old.body:
        return
    value = new_value(stage, len(old.body))
    bucket, name = key
    # A collision within one second shows by the checksum alone, which not every object has.
    stage.clock.pass_beyond(stage.origin.store.get_version(bucket, name).modified + 1)
    _foreign(stage, key, value, etag=old.etag)


def foreign_delete(stage: Stage, key: Key) -> None:
    """Delete behind the gateway's back."""
    stage.foreign(key, None, lambda: stage.origin.delete(*key))


def _foreign(stage: Stage, key: Key, value: Value, *, etag: str = "") -> None:
    bucket, name = key
    stage.foreign(
        key,
        value,
        lambda: stage.origin.put(
            bucket,
            name,
            value.body,
            headers={META: value.meta},
            etag=etag,
            algorithm=stage.chance.choice(["", "crc32", "crc64nvme"]),
        ),
    )


async def put(stage: Stage, key: Key, size: int, condition: str = "") -> None:
    """PUT through the gateway, perhaps under a condition that the origin judges."""
    value = new_value(stage, size)
    headers = {META: value.meta, **_condition(stage, key, condition)}
    status = await stage.write(
        key, value, lambda: _status(stage.client.put(*key, value.body, headers=headers))
    )
    if status not in (None, 200, 412, 404, 500, 503):
        raise BrokenPromiseError("odd", f"PUT {key} was answered {status}")


def _condition(stage: Stage, key: Key, condition: str) -> dict[str, str]:
    current = stage.store.current(key)
    if condition == "create":
        return {"If-None-Match": "*"}
    if condition == "match" and current is not None:
        return {"If-Match": current.etag}
    if condition == "stale":
        return {"If-Match": f'"{"0" * 32}"'}
    return {}


async def put_a_lie(stage: Stage, key: Key, size: int) -> None:
    """PUT a body that is not what its hash says."""
    value = new_value(stage, size)
    lie = sha256(b"something else").hexdigest()
    status = await stage.write(
        key,
        value,
        lambda: _status(
            stage.client.put(*key, value.body, headers={META: value.meta}, payload_hash=lie)
        ),
    )
    if status is not None and not 400 <= status < 500:
        raise BrokenPromiseError("write", f"a lie about {key} was answered {status}")


async def delete(stage: Stage, key: Key, *, several: bool = False) -> None:
    """DELETE through the gateway, or DeleteObjects with this one key."""
    if not several:
        await stage.write(key, None, lambda: _status(stage.client.delete(*key)))
        return
    bucket, name = key
    document = f"<Delete><Object><Key>{name}</Key></Object></Delete>".encode()
    headers = {"Content-MD5": b64encode(md5(document).digest()).decode()}
    await stage.write(
        key,
        None,
        lambda: _status(
            stage.client.ask("POST", f"/{bucket}", query="delete", body=document, headers=headers)
        ),
    )


async def multipart(stage: Stage, key: Key, sizes: list[int], *, is_repeated: bool) -> None:
    """Upload in parts side by side; complete, and where told to, once more."""
    number = stage.next_number()
    bodies = [body_of(f"{number}/{index}", size) for index, size in enumerate(sizes)]
    value = Value(b"".join(bodies), number)
    path = object_path(*key)
    begun = await _tried(stage.client.ask("POST", path, query="uploads", headers={META: number}))
    if begun is None or begun.status != 200:
        return
    upload = begun.body.partition(b"<UploadId>")[2].partition(b"<")[0].decode()
    parts = await asyncio.gather(
        *(
            _tried(
                stage.client.ask(
                    "PUT", path, query=f"partNumber={index}&uploadId={upload}", body=body
                )
            )
            for index, body in enumerate(bodies, 1)
        )
    )
    if any(part is None or part.status != 200 for part in parts):
        return
    rows = "".join(
        f"<Part><PartNumber>{index}</PartNumber><ETag>{part.headers['ETag']}</ETag></Part>"
        for index, part in enumerate(parts, 1)
        if part is not None
    )
    document = f"<CompleteMultipartUpload>{rows}</CompleteMultipartUpload>".encode()
    answers: list[bytes] = []

    async def complete() -> int | None:
        status = None
        for _ in range(2 if is_repeated else 1):
            reply = await _tried(
                stage.client.ask("POST", path, query=f"uploadId={upload}", body=document)
            )
            if reply is not None and reply.status == 200:
                status = 200
                answers.append(reply.body.partition(b"<ETag>")[2].partition(b"<")[0])
        return status

    await stage.write(key, value, complete)
    if len(set(answers)) > 1:
        raise BrokenPromiseError("write", f"Complete {key} was answered in two ways: {answers}")


async def copy(stage: Stage, source: Key, key: Key) -> None:
    """Copy through the gateway; onto itself that is a metadata-only overwrite."""
    value = stage.store.current(source)
    if value is None:
        return
    number = stage.next_number()
    headers = {
        "x-amz-copy-source": object_path(*source),
        "x-amz-metadata-directive": "REPLACE",
        META: number,
    }
    await stage.write(
        key,
        Value(value.body, number),
        lambda: _status(stage.client.ask("PUT", object_path(*key), headers=headers)),
    )


async def race(stage: Stage, key: Key, chance: random.Random, size: int) -> None:
    """Readers and writers of one key at once; each is judged by the time of its own request.

    They begin one after the other, so that some come while others wait for an answer that is held
    back and tells of the past.
    """
    acts: list[Callable[[], Awaitable[None]]] = [
        *[lambda: stage.read(key)] * 5,
        lambda: stage.read(key, "HEAD"),
        lambda: stage.read(key, Range=f"bytes={chance.randrange(size + 1)}-"),
        lambda: put(stage, key, size),
        lambda: delete(stage, key),
        lambda: _now(lambda: foreign_put(stage, key, size)),
        lambda: _now(lambda: foreign_put(stage, key, size)),
        lambda: _now(lambda: foreign_md5_collision(stage, key)),
        lambda: _now(lambda: foreign_metadata_only(stage, key)),
        lambda: _now(lambda: foreign_delete(stage, key)),
    ]
    if chance.random() < _HELD_SHARE:
        stage.arm([FAULTS["answers late"]] * chance.randint(1, 3))
    chosen = [lambda: stage.read(key), *chance.choices(acts, k=chance.randrange(3, 14))]
    begun = time.monotonic()
    await asyncio.gather(*(_after(chance.random() * _RACE_SECONDS, act) for act in chosen))
    stage.counts["races"] += 1
    stage.counts["milliseconds in races"] += int((time.monotonic() - begun) * 1000)


async def _after(seconds: float, act: Callable[[], Awaitable[None]]) -> None:
    await asyncio.sleep(seconds)
    await act()


async def _now(act: Callable[[], None]) -> None:
    act()


async def _status(reply: Awaitable[Reply]) -> int:
    return (await reply).status


async def _tried(reply: Awaitable[Reply]) -> Reply | None:
    """Return the answer, or None where there was none."""
    try:
        return await reply
    except ClientError:
        return None
