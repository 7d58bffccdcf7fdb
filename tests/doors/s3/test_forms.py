"""Form uploads (PostObject): what a policy allows arrives, what it does not leaves nothing."""

from base64 import b64encode
from hashlib import md5, sha256
from io import BytesIO
from typing import Any

import pytest

from gateway.demo.origin import EmbeddedOrigin
from tests.support.form_uploads import CONTENT_TYPE, form_body, signed_fields
from tests.support.gateway_settings import ADMIN, READER, STRANGER
from tests.support.gateway_worker import Gateway
from tests.support.origins import s3_client
from tests.support.signed_client import Reply

BODY = b"a photo, as browsers send them\r\n--almost a boundary"
ANY_KEY = [{"bucket": "bucket"}, ["starts-with", "$key", ""]]


async def post(gateway: Gateway, body: bytes, bucket: str = "bucket") -> Reply:
    async with gateway.session.post(
        f"{gateway.endpoint}/{bucket}",
        data=BytesIO(body),
        headers={"Content-Type": CONTENT_TYPE},
        allow_redirects=False,
    ) as answer:
        return Reply(answer.status, answer.headers, await answer.read())


async def post_signed(
    gateway: Gateway,
    fields: dict[str, str],
    conditions: list[Any],
    file: bytes = BODY,
    keys: tuple[str, str] = ADMIN,
    **more: Any,
) -> Reply:
    parts = {name: more.pop(name) for name in ("filename", "after") if name in more}
    return await post(
        gateway, form_body(signed_fields(keys, fields, conditions, **more), file, **parts)
    )


async def refused(
    gateway: Gateway, origin: EmbeddedOrigin, reply: Reply, status: int, code: str
) -> None:
    assert (reply.status, f"<Code>{code}</Code>" in reply.body.decode()) == (status, True), reply
    assert "PUT" not in origin.counters.requests
    assert not origin.store.get_bucket("bucket").keys


@pytest.mark.parametrize("size", [0, 50, 70_000, 3_000_000])
async def test_a_file_arrives_as_it_was_sent(
    gateway: Gateway, origin: EmbeddedOrigin, size: int
) -> None:
    file = (BODY * (size // len(BODY) + 1))[:size]
    reply = await post_signed(gateway, {"key": "a/b"}, ANY_KEY, file)
    assert (reply.status, reply.body) == (204, b"")
    assert origin.read("bucket", "a/b") == file
    assert reply.headers["ETag"] == f'"{md5(file).hexdigest()}"'
    assert reply.headers["Location"] == f"{gateway.endpoint}/bucket/a/b"
    assert (await gateway.client.get("bucket", "a/b")).body == file


async def test_fields_become_the_objects_headers(gateway: Gateway, origin: EmbeddedOrigin) -> None:
    tags = "<Tagging><TagSet><Tag><Key>a b</Key><Value>c&amp;d</Value></Tag></TagSet></Tagging>"
    digest = b64encode(sha256(BODY).digest()).decode()
    fields = {
        "key": "k",
        "Content-Type": "image/jpeg",
        "Cache-Control": "max-age=1",
        "x-amz-meta-Who": "me",
        "tagging": tags,
        "x-amz-checksum-sha256": digest,
        "x-ignore-this": "whatever",
    }
    conditions = [
        {"bucket": "bucket"},
        {"KEY": "k"},
        ["Starts-With", "$content-type", "image/"],
        {"cache-control": "max-age=1"},
        ["eq", "$x-amz-meta-who", "me"],
        ["starts-with", "$tagging", ""],
        {"x-amz-checksum-sha256": digest},
    ]
    assert (await post_signed(gateway, fields, conditions)).status == 204
    stored = origin.store.get_version("bucket", "k")
    assert stored.headers["content-type"] == "image/jpeg"
    assert stored.headers["cache-control"] == "max-age=1"
    assert stored.headers["x-amz-meta-who"] == "me"
    assert stored.checksums == {"sha256": digest}
    assert dict(stored.tags) == {"a b": "c&d"}


async def test_the_keys_filename_is_the_files_own_without_its_folder(
    gateway: Gateway, origin: EmbeddedOrigin
) -> None:
    fields = {"key": "user/${filename}"}
    conditions = [{"bucket": "bucket"}, ["starts-with", "$key", "user/"]]
    reply = await post_signed(gateway, fields, conditions, filename="C:/some/where/é ü.png")
    assert reply.status == 204
    assert origin.read("bucket", "user/é ü.png") == BODY


async def test_a_201_names_what_was_made(gateway: Gateway) -> None:
    fields = {"key": "a&b", "success_action_status": "201"}
    reply = await post_signed(gateway, fields, [*ANY_KEY, {"success_action_status": "201"}])
    assert reply.status == 201
    assert b"<Bucket>bucket</Bucket><Key>a&amp;b</Key><ETag>&quot;" in reply.body


@pytest.mark.parametrize(("asked", "status"), [("200", 200), ("404", 204), ("", 204)])
async def test_a_status_that_is_none_of_three_is_204(
    gateway: Gateway, asked: str, status: int
) -> None:
    fields = {"key": "k", "success_action_status": asked}
    reply = await post_signed(gateway, fields, [*ANY_KEY, {"success_action_status": asked}])
    assert (reply.status, reply.body) == (status, b"")


@pytest.mark.parametrize("page", ["https://example.com/done", "https://example.com/done?a=b"])
async def test_a_redirect_tells_what_was_made(gateway: Gateway, page: str) -> None:
    fields = {"key": "a b", "success_action_redirect": page}
    reply = await post_signed(gateway, fields, [*ANY_KEY, {"success_action_redirect": page}])
    mark = "&" if "?" in page else "?"
    etag = md5(BODY).hexdigest()
    assert reply.status == 303
    assert reply.headers["Location"] == f"{page}{mark}bucket=bucket&key=a+b&etag=%22{etag}%22"


async def test_a_redirect_that_is_no_url_is_as_if_not_there(gateway: Gateway) -> None:
    fields = {"key": "k", "success_action_redirect": "javascript:alert(1)"}
    allowed = [*ANY_KEY, ["starts-with", "$success_action_redirect", ""]]
    reply = await post_signed(gateway, fields, allowed)
    assert reply.status == 204


async def test_fields_after_the_file_are_ignored(gateway: Gateway, origin: EmbeddedOrigin) -> None:
    after = {"key": "other", "submit": "Upload", "x-amz-meta-late": "1"}
    assert (await post_signed(gateway, {"key": "k"}, ANY_KEY, after=after)).status == 204
    assert origin.read("bucket", "k") == BODY
    assert list(origin.store.get_bucket("bucket").keys) == ["k"]


KEY = {"key": "k"}
NO = "AccessDenied"
BAD = "InvalidPolicyDocument"


@pytest.mark.parametrize(
    "case",
    [
        (KEY, [{"bucket": "other"}, {"key": "k"}], {}, 403, NO),
        (KEY, [{"key": "k"}], {}, 403, NO),
        (KEY, [{"bucket": "bucket"}, ["starts-with", "$key", "user/"]], {}, 403, NO),
        ({**KEY, "acl": "private"}, ANY_KEY, {}, 403, NO),
        (KEY, [*ANY_KEY, {"x-amz-meta-must": "be"}], {}, 403, NO),
        (KEY, ANY_KEY, {"expiration": "2020-01-01T00:00:00.000Z"}, 403, NO),
        (KEY, ANY_KEY, {"expiration": "tomorrow"}, 400, BAD),
        (KEY, ANY_KEY, {"expiration": None}, 400, BAD),
        (KEY, ANY_KEY, {"EXPIRATION": "2099-01-01T00:00:00Z"}, 400, BAD),
        (KEY, [*ANY_KEY, {}], {}, 400, BAD),
        (KEY, [*ANY_KEY, ["ends-with", "$key", "k"]], {}, 400, BAD),
        (KEY, [*ANY_KEY, ["content-length-range", 0]], {}, 400, BAD),
        (KEY, [*ANY_KEY, ["content-length-range", -1, 9]], {}, 400, BAD),
        (KEY, [*ANY_KEY, ["content-length-range", 0, 9]], {}, 400, "EntityTooLarge"),
        (KEY, [*ANY_KEY, ["content-length-range", "99", "100"]], {}, 400, "EntityTooSmall"),
        ({}, ANY_KEY, {}, 400, "InvalidArgument"),
        ({"key": "x" * 1025}, ANY_KEY, {}, 400, "KeyTooLongError"),
        (
            {**KEY, "content-md5": b64encode(bytes(16)).decode()},
            [*ANY_KEY, ["starts-with", "$content-md5", ""]],
            {},
            400,
            "BadDigest",
        ),
        (
            {**KEY, "x-amz-meta-a": "b\r\nc: d"},
            [*ANY_KEY, ["starts-with", "$x-amz-meta-a", ""]],
            {},
            400,
            "InvalidArgument",
        ),
    ],
)
async def test_what_the_policy_does_not_allow_leaves_nothing(
    gateway: Gateway, origin: EmbeddedOrigin, case: tuple[Any, ...]
) -> None:
    fields, conditions, more, status, code = case
    reply = await post_signed(gateway, fields, conditions, **more)
    await refused(gateway, origin, reply, status, code)


@pytest.mark.parametrize(
    ("keys", "code"),
    [
        (READER, "AccessDenied"),
        (STRANGER, "AccessDenied"),
        (("nobody", "secret"), "InvalidAccessKeyId"),
        ((ADMIN[0], "guessed"), "SignatureDoesNotMatch"),
    ],
)
async def test_a_signer_needs_the_right_to_the_key(
    gateway: Gateway, origin: EmbeddedOrigin, keys: tuple[str, str], code: str
) -> None:
    reply = await post_signed(gateway, KEY, ANY_KEY, keys=keys)
    await refused(gateway, origin, reply, 403, code)


@pytest.mark.parametrize("missing", ["policy", "x-amz-credential", "x-amz-date", "x-amz-signature"])
async def test_a_form_that_is_half_signed_is_told_what_is_missing(
    gateway: Gateway, origin: EmbeddedOrigin, missing: str
) -> None:
    fields = signed_fields(ADMIN, KEY, ANY_KEY)
    del fields[missing]
    reply = await post(gateway, form_body(fields, BODY))
    await refused(gateway, origin, reply, 400, "InvalidArgument")
    assert missing in reply.body.decode().lower()


async def test_a_form_that_nobody_signed_is_refused(
    gateway: Gateway, origin: EmbeddedOrigin
) -> None:
    reply = await post(gateway, form_body({"key": "k", "acl": "public-read"}, BODY))
    await refused(gateway, origin, reply, 403, "AccessDenied")


async def test_a_form_of_signature_version_2_is_refused_in_words(
    gateway: Gateway, origin: EmbeddedOrigin
) -> None:
    fields = {"key": "k", "AWSAccessKeyId": ADMIN[0], "policy": "e30=", "signature": "x"}
    reply = await post(gateway, form_body(fields, BODY))
    await refused(gateway, origin, reply, 400, "InvalidRequest")
    assert b"Please use AWS4-HMAC-SHA256" in reply.body


async def test_a_field_that_stands_twice_is_refused(
    gateway: Gateway, origin: EmbeddedOrigin
) -> None:
    fields = signed_fields(ADMIN, KEY, ANY_KEY)
    reply = await post(gateway, form_body([*fields.items(), ("Key", "other")], BODY))
    await refused(gateway, origin, reply, 400, "InvalidArgument")


async def test_a_form_without_a_file_is_refused(gateway: Gateway, origin: EmbeddedOrigin) -> None:
    reply = await post(gateway, form_body(signed_fields(ADMIN, KEY, ANY_KEY), None))
    await refused(gateway, origin, reply, 400, "InvalidArgument")


async def test_fields_of_more_than_20_kib_are_refused(
    gateway: Gateway, origin: EmbeddedOrigin
) -> None:
    fields = signed_fields(ADMIN, {**KEY, "x-ignore-a": "a" * 20_000}, ANY_KEY)
    reply = await post(gateway, form_body(fields, BODY))
    await refused(gateway, origin, reply, 400, "MaxPostPreDataLengthExceeded")


@pytest.mark.parametrize("cut", [30, 3, 2500])
@pytest.mark.parametrize("size", [50, 3_000_000])
async def test_a_form_that_is_cut_leaves_nothing(
    gateway: Gateway, origin: EmbeddedOrigin, cut: int, size: int
) -> None:
    file = (BODY * (size // len(BODY) + 1))[:size]
    whole = form_body(signed_fields(ADMIN, KEY, ANY_KEY), file)
    reply = await post(gateway, whole[: -min(cut, len(whole) // 2)])
    await refused(gateway, origin, reply, 400, "IncompleteBody")


async def test_what_is_no_form_is_told_so(gateway: Gateway, origin: EmbeddedOrigin) -> None:
    for content_type, code in {
        "application/json": "RequestIsNotMultiPartContent",
        "multipart/form-data": "MalformedPOSTRequest",
        CONTENT_TYPE: "MalformedPOSTRequest",
    }.items():
        async with gateway.session.post(
            f"{gateway.endpoint}/bucket", data=b"{}", headers={"Content-Type": content_type}
        ) as answer:
            assert answer.status == 400
            assert f"<Code>{code}</Code>" in await answer.text()
    assert not origin.store.get_bucket("bucket").keys


async def test_the_row_of_what_a_form_replaced_is_forgotten(
    gateway: Gateway, origin: EmbeddedOrigin
) -> None:
    origin.put("bucket", "immutable/k", b"before")
    await gateway.warm("bucket", "immutable/k")
    assert (await post_signed(gateway, {"key": "immutable/k"}, ANY_KEY)).status == 204
    assert (await gateway.client.get("bucket", "immutable/k")).body == BODY


async def test_a_form_that_boto3_presigned_is_taken(
    gateway: Gateway, origin: EmbeddedOrigin
) -> None:
    client = s3_client(gateway.endpoint, access_key=ADMIN[0], secret_key=ADMIN[1])
    made = client.generate_presigned_post(
        "bucket", "in/${filename}", Conditions=[["content-length-range", 1, 1000]]
    )
    assert made["url"] == f"{gateway.endpoint}/bucket"
    assert (await post(gateway, form_body(made["fields"], BODY, filename="a.jpg"))).status == 204
    assert origin.read("bucket", "in/a.jpg") == BODY
