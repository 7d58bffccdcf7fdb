"""Forebay's own changes: what the origin has afterwards, and that nobody serves what was before."""

from collections.abc import AsyncIterator

import pytest
from multidict import CIMultiDict, CIMultiDictProxy

from gateway.core.bodies import BytesBody
from gateway.core.changing import Changing, CopySource
from gateway.core.receipt import Receipt
from gateway.core.said import ABSENT, Condition
from gateway.core.uploads import Upload
from gateway.demo.origin import EmbeddedOrigin
from gateway.demo.origin_calls import Call
from gateway.demo.origin_faults import Fault
from gateway.model.failures import (
    BodyMismatch,
    NotSupported,
    OriginRefused,
    OriginUnreachable,
    PreconditionFailed,
)
from gateway.model.names import ObjectName
from gateway.model.ranges import ByteRange
from gateway.model.voices import FOREBAY, Keys, own_voice
from tests.doubles.scripted_origin import ScriptedAnswer
from tests.support.core_house import CoreHouse, core_house
from tests.support.origin_hooks import always, once

# Under this prefix a hit is served without asking: a row that was not forgotten would show.
NAME = ObjectName("bucket", "immutable/a b+%")
OTHER = ObjectName("bucket", "immutable/other")
BODY = bytes(range(256)) * 300
PART = b"p" * (5 * 1024 * 1024)


@pytest.fixture
async def house(origin: EmbeddedOrigin, tmp_path) -> AsyncIterator[CoreHouse]:
    async with core_house(origin.endpoint, tmp_path) as built:
        yield built


@pytest.fixture
def changing(house: CoreHouse) -> Changing:
    return house.changing


def stored(origin: EmbeddedOrigin, name: ObjectName = NAME) -> bytes | None:
    """Return what the origin has, or None."""
    found = origin.store.buckets[name.bucket].find(name.key)
    if found is None or found.is_delete_marker:
        return None
    return origin.read(name.bucket, name.key)


class Between:
    """Stands before an origin: keeps what is asked, and may answer for it or hide checksums."""

    def __init__(self, origin, *, answer: bytes | None = None) -> None:
        self.origin, self.answer = origin, answer
        self.asked = []

    async def ask(self, request):
        self.asked.append(request.headers)
        if self.answer is not None:
            return ScriptedAnswer(200, CIMultiDict(), self.answer)
        answer = await self.origin.ask(request)
        told = {name: value for name, value in answer.headers.items() if "checksum" not in name}
        answer.headers = CIMultiDictProxy(CIMultiDict(told))
        return answer


def without_checksums(changing: Changing):
    """Return the headers that are asked from now on, of an origin that keeps no checksums."""
    changing.writing.origin = between = Between(changing.writing.origin)
    return between.asked


async def put(changing: Changing, name: ObjectName, body: bytes, **how):
    headers = how.pop("headers", {})
    return await changing.put(name, BytesBody(body), headers, FOREBAY, Receipt(), **how)


async def begun(changing: Changing, name: ObjectName = NAME, **how) -> Upload:
    headers = how.pop("headers", {})
    return await changing.begin(name, headers, FOREBAY, Receipt(), **how)


async def test_what_is_put_is_there_with_its_headers_and_checksum(changing, origin):
    made = await put(changing, NAME, BODY, headers={"x-amz-meta-file-owner": "alice"})
    version = origin.store.buckets["bucket"].find(NAME.key)
    assert stored(origin) == BODY
    assert version.headers["x-amz-meta-file-owner"] == "alice"
    assert made.etag == version.etag
    assert set(version.checksums) == {"crc32c"}


async def test_a_reader_after_a_put_copy_delete_or_upload_sees_it_although_unasked(house, origin):
    changing = house.changing
    await put(changing, NAME, b"first")
    assert await house.read(NAME) == b"first"
    made = await put(changing, NAME, b"second")
    assert await house.read(NAME) == b"second"
    await put(changing, OTHER, b"third")
    assert await house.read(OTHER) == b"third"
    await changing.copy(CopySource(NAME, made.etag), OTHER, {}, FOREBAY, Receipt())
    assert await house.read(OTHER) == b"second"
    upload = await begun(changing)
    await upload.complete([await upload.put(1, BytesBody(b"fourth"))])
    assert await house.read(NAME) == b"fourth"
    await changing.delete(NAME, FOREBAY, Receipt())
    with pytest.raises(OriginRefused):
        await house.read(NAME)
    assert await changing.delete_many("bucket", [OTHER.key], FOREBAY, Receipt()) == []
    with pytest.raises(OriginRefused):
        await house.read(OTHER)


@pytest.mark.parametrize("act", ["put", "copy", "delete", "delete many", "complete"])
async def test_an_answer_that_is_lost_leaves_no_row_of_before(house, origin, act):
    changing = house.changing
    await put(changing, NAME, b"before")
    made = await put(changing, OTHER, b"after")
    upload = await begun(changing)
    parts = [await upload.put(1, BytesBody(b"after"))]
    assert await house.read(NAME) == b"before"
    acts = {
        "put": lambda: put(changing, NAME, b"after"),
        "copy": lambda: changing.copy(CopySource(OTHER, made.etag), NAME, {}, FOREBAY, Receipt()),
        "delete": lambda: changing.delete(NAME, FOREBAY, Receipt()),
        "delete many": lambda: changing.delete_many("bucket", [NAME.key], FOREBAY, Receipt()),
        "complete": lambda: upload.complete(parts),
    }
    origin.faults.append(always(Fault(is_answer_lost=True)))
    with pytest.raises(OriginUnreachable):
        await acts[act]()
    origin.faults.clear()
    assert house.flash.find_row(NAME) is None


async def test_a_condition_is_judged_by_the_origin(changing, origin):
    made = await put(changing, NAME, b"first", condition=ABSENT)
    with pytest.raises(PreconditionFailed, match="pre-conditions") as failed:
        await put(changing, NAME, b"second", condition=ABSENT)
    assert failed.value.condition == "If-None-Match"
    await put(changing, NAME, b"third", condition=Condition(made.etag))
    with pytest.raises(PreconditionFailed) as failed:
        await put(changing, NAME, b"fourth", condition=Condition(made.etag))
    assert failed.value.condition == "If-Match"
    await changing.delete(NAME, FOREBAY, Receipt())
    with pytest.raises(PreconditionFailed):  # of what is gone
        await put(changing, NAME, b"fifth", condition=Condition(made.etag))
    assert stored(origin) is None


async def test_a_condition_that_would_be_ignored_is_refused_before_anything_is_sent(
    origin, tmp_path
):
    async with core_house(origin.endpoint, tmp_path, judges_conditions=False) as house:
        origin.counters.reset()
        with pytest.raises(NotSupported, match="conditional_writes"):
            await put(house.changing, NAME, b"x", condition=ABSENT)
        upload = await begun(house.changing)
        with pytest.raises(NotSupported):
            await upload.complete([await upload.put(1, BytesBody(b"x"))], Condition('"e"'))
        assert origin.counters.operations == {"CreateMultipartUpload": 1, "UploadPart": 1}


async def test_a_copy_is_of_the_version_named_and_of_no_other(changing, origin):
    made = await put(changing, NAME, b"first", headers={"x-amz-meta-a": "1"})
    await changing.copy(CopySource(NAME, made.etag), OTHER, {}, FOREBAY, Receipt())
    assert origin.store.buckets["bucket"].find(OTHER.key).headers["x-amz-meta-a"] == "1"
    replaced = {"x-amz-metadata-directive": "REPLACE", "x-amz-meta-a": "2"}
    await changing.copy(CopySource(NAME, made.etag), NAME, replaced, FOREBAY, Receipt())
    assert origin.store.buckets["bucket"].find(NAME.key).headers["x-amz-meta-a"] == "2"
    await put(changing, NAME, b"second")
    with pytest.raises(PreconditionFailed) as failed:
        await changing.copy(CopySource(NAME, made.etag), OTHER, {}, FOREBAY, Receipt())
    assert failed.value.condition == "x-amz-copy-source-if-match"
    assert stored(origin, OTHER) == b"first"


@pytest.mark.parametrize(
    ("code", "failure"), [("InternalError", OriginUnreachable), ("AccessDenied", OriginRefused)]
)
async def test_a_copy_that_fails_in_a_200_is_a_failure(changing, origin, code, failure):
    error = f"<Error><Code>{code}</Code><Message>later</Message></Error>".encode()
    changing.writing.origin = Between(changing.writing.origin, answer=error)
    with pytest.raises(failure) as failed:
        await changing.copy(CopySource(NAME, '"e"'), OTHER, {}, FOREBAY, Receipt())
    assert getattr(failed.value, "status", 403) == 403


async def test_an_upload_by_copies_and_bytes_is_each_parts_bytes_in_order(changing, origin):
    made = await put(changing, OTHER, PART + b"tail")
    upload = await begun(changing, headers={"Content-Type": "text/plain"}, has_copies=True)
    parts = [
        await upload.copy(1, OTHER, ByteRange(0, len(PART)), made.etag, None),
        await upload.put(2, BytesBody(b"end")),
    ]
    await upload.complete(parts)
    version = origin.store.buckets["bucket"].find(NAME.key)
    assert stored(origin) == PART + b"end"
    assert version.headers["content-type"] == "text/plain"
    copying, sending = (call for call in origin.counters.calls if "partNumber" in call.query)
    assert copying.headers["x-amz-copy-source-if-match"] == made.etag
    assert sending.headers["content-md5"]
    assert origin.counters.calls[-1].headers["x-amz-mp-object-size"] == str(len(PART) + 3)


async def test_an_upload_of_bytes_is_proven_as_a_whole(changing, origin):
    upload = await begun(changing)
    parts = [await upload.put(1, BytesBody(PART)), await upload.put(2, BytesBody(b"end"))]
    await upload.complete(parts)
    version = origin.store.buckets["bucket"].find(NAME.key)
    assert version.checksum_type == "FULL_OBJECT"
    whole = BytesBody(PART + b"end").checksum
    assert version.checksums == {"crc32c": whole}
    assert origin.counters.calls[-1].headers["x-amz-checksum-crc32c"] == whole


async def test_a_copied_part_is_of_the_version_named(changing, origin):
    made = await put(changing, OTHER, PART)
    upload = await begun(changing, has_copies=True)
    await put(changing, OTHER, b"another")
    with pytest.raises(PreconditionFailed):
        await upload.copy(1, OTHER, ByteRange(0, 3), made.etag, None)


async def test_a_condition_on_an_upload_is_judged_at_its_end(changing, origin):
    upload = await begun(changing)
    parts = [await upload.put(1, BytesBody(b"mine"))]
    await put(changing, NAME, b"theirs")
    with pytest.raises(PreconditionFailed):
        await upload.complete(parts, ABSENT)
    assert stored(origin) == b"theirs"
    await upload.abort()
    assert origin.store.uploads == {}
    await upload.abort()  # harmless


async def test_parts_and_ends_are_said_again_where_an_answer_is_lost(changing, origin):
    origin.faults.append(once("PUT", Fault(is_answer_lost=True)))
    origin.faults.append(once("PUT", Fault(code="SlowDown")))
    upload = await begun(changing)
    parts = [await upload.put(1, BytesBody(b"body"))]
    origin.faults.append(_once_to("CompleteMultipartUpload", Fault(is_answer_lost=True)))
    made = await upload.complete(parts, ABSENT)
    assert stored(origin) == b"body"
    assert made.etag == origin.store.buckets["bucket"].find(NAME.key).etag
    assert origin.counters.operations["UploadPart"] == 3
    assert origin.counters.operations["CompleteMultipartUpload"] == 2


async def test_an_end_whose_upload_is_gone_was_made_if_the_object_is_its_parts(changing, origin):
    """S3 forgets an upload as it completes it: the second try is told NoSuchUpload."""
    upload = await begun(changing)
    parts = [await upload.put(1, BytesBody(b"body"))]
    origin.faults.append(_once_to("CompleteMultipartUpload", Fault(is_answer_lost=True)))

    def forget(call: Call) -> None:
        if (
            call.operation == "CompleteMultipartUpload"
            and origin.counters.operations[call.operation] > 1
        ):
            origin.store.uploads.clear()

    origin.faults.append(forget)
    made = await upload.complete(parts, ABSENT)
    assert made.etag == origin.store.buckets["bucket"].find(NAME.key).etag
    # An upload that somebody aborted is none that was completed.
    upload = await begun(changing)
    parts = [await upload.put(1, BytesBody(b"body"))]
    origin.faults.clear()
    await upload.abort()
    with pytest.raises(OriginRefused):
        await upload.complete(parts)


async def test_a_body_that_changes_on_its_way_is_refused_or_noticed(changing, origin):
    class Liar(BytesBody):
        """Sends other bytes than its checksum is of."""

        async def pieces(self):
            yield b"other"

    with pytest.raises(OriginRefused):
        await changing.put(NAME, Liar(b"those"), {}, FOREBAY, Receipt())
    upload = await begun(changing)
    with pytest.raises(OriginRefused):
        await upload.put(1, Liar(b"those"))
    assert stored(origin) is None


async def test_an_origin_without_checksums_is_sent_an_md5(changing, origin):
    asked = without_checksums(changing)
    await put(changing, NAME, b"first")
    assert "Content-MD5" not in asked[-1]  # its ETag proved it
    await put(changing, NAME, b"second")
    assert asked[-1]["Content-MD5"]
    upload = await begun(changing)
    parts = [await upload.put(1, BytesBody(b"third"))]
    assert asked[-1]["Content-MD5"]
    assert parts[0].checksum == ""
    await upload.complete(parts)
    assert stored(origin) == b"third"


async def test_an_etag_that_is_another_bodys_is_noticed(changing, origin):
    without_checksums(changing)
    origin.faults.append(once("PUT", Fault(etag='"0123456789abcdef0123456789abcdef"')))
    with pytest.raises(BodyMismatch):
        await put(changing, NAME, b"first")


async def test_a_thousand_are_deleted_at_once_and_who_may_not_be_is_named(changing, origin):
    keys = [f"k/{number}" for number in range(1000)]
    for key in keys:
        origin.put("bucket", key, b"x")
    assert await changing.delete_many("bucket", keys, FOREBAY, Receipt()) == []
    assert origin.store.buckets["bucket"].find(keys[7]) is None
    assert origin.counters.operations["DeleteObjects"] == 1
    with pytest.raises(ValueError, match="1001"):
        await changing.delete_many("bucket", [*keys, "more"], FOREBAY, Receipt())


async def test_each_change_is_made_in_the_callers_voice(changing, origin):
    stranger = own_voice(Keys("AKIASTRANGER00000000", "no"))
    for act in (
        lambda: changing.put(NAME, BytesBody(b"x"), {}, stranger, Receipt()),
        lambda: changing.copy(CopySource(OTHER, '"e"'), NAME, {}, stranger, Receipt()),
        lambda: changing.delete(NAME, stranger, Receipt()),
        lambda: changing.delete_many("bucket", ["k"], stranger, Receipt()),
        lambda: changing.begin(NAME, {}, stranger, Receipt()),
    ):
        with pytest.raises(OriginRefused) as refused:
            await act()
        assert refused.value.status == 403


async def test_a_receipt_counts_what_the_origin_was_asked(changing):
    receipt = Receipt()
    await changing.put(NAME, BytesBody(b"x"), {}, FOREBAY, receipt)
    upload = await changing.begin(OTHER, {}, FOREBAY, receipt)
    await upload.complete([await upload.put(1, BytesBody(b"x"))])
    assert receipt.origin_requests == 4


def _once_to(operation: str, fault: Fault):
    left = [fault]

    def hook(call: Call) -> Fault | None:
        return left.pop() if left and call.operation == operation else None

    return hook
