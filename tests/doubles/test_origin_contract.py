"""One contract for every origin the tests stand on: what the real ones keep, the double keeps."""

import hashlib
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.support.origins import ACCESS_KEY, SECRET_KEY, s3_client, threaded_origin
from tests.support.real_origins import RealOrigin

BODY = bytes(range(256)) * 40
PART = 5 << 20
_numbers = count()

ODD_KEYS = [
    "plain",
    "a b+c",
    "per%20cent%",
    "ünïcode/日本/😀",
    "query?x=1&y=2#z",
    "colon:semi;comma,",
    "quote'\"<&>",
    "tilde~star*(paren)",
    "equals=at@dollar$",
    "k" * 200,
]
TREELESS_KEYS = ["double//slash", "trailing/", "dot/./dot", "up/../up", "/leading"]
"""Keys that a server on a POSIX tree cannot or will not keep as they are."""

MOTO_KEEPS_NOT = {
    "test_a_checksum_is_kept_and_told_when_asked",
    "test_a_false_list_of_parts_is_refused",
    "test_a_key_is_at_most_1024_bytes",
    "test_a_part_can_be_read_by_its_number",
    "test_a_wrong_checksum_leaves_nothing",
    "test_a_wrong_md5_leaves_nothing",
    "test_a_wrong_secret_is_refused",
    "test_an_answer_can_be_told_to_say_other_headers",
    "test_an_upload_is_listed_until_it_ends",
    "test_conditions_on_a_copy_are_412",
    "test_conditions_on_a_read",
    "test_many_are_deleted_at_once",
    "test_replacing_what_is_not_there_is_404",
    "test_the_checksum_of_parts_is_told_with_the_object",
    "test_version_1_of_the_listing_goes_on_behind_a_prefix",
}
"""What moto, the stand-in where no Go is, does another way."""


@dataclass(frozen=True, slots=True)
class Subject:
    """An origin under contract, with a bucket of this test's own."""

    name: str
    client: Any
    bucket: str

    def put(self, key: str, body: bytes = BODY, **more: Any) -> Any:
        return self.client.put_object(Bucket=self.bucket, Key=key, Body=body, **more)

    def get(self, key: str, **more: Any) -> Any:
        return self.client.get_object(Bucket=self.bucket, Key=key, **more)

    def head(self, key: str, **more: Any) -> Any:
        return self.client.head_object(Bucket=self.bucket, Key=key, **more)

    def keys(self, **more: Any) -> list[str]:
        listed = self.client.list_objects_v2(Bucket=self.bucket, **more)
        return [row["Key"] for row in listed.get("Contents", [])]


@pytest.fixture(scope="session")
def embedded() -> Iterator[RealOrigin]:
    with threaded_origin() as origin:
        yield RealOrigin("embedded", origin.port, None, ACCESS_KEY, SECRET_KEY)


@pytest.fixture(params=["embedded", "versitygw", "minio", "moto"])
def subject(request: pytest.FixtureRequest) -> Subject:
    if request.param == "moto" and request.node.originalname in MOTO_KEEPS_NOT:
        pytest.skip("moto does this another way")
    origin: RealOrigin = request.getfixturevalue(request.param)
    client = s3_client(origin.endpoint, access_key=origin.access_key, secret_key=origin.secret_key)
    bucket = f"contract-{next(_numbers)}"
    client.create_bucket(Bucket=bucket)
    return Subject(origin.name, client, bucket)


def except_for(subject: Subject, *names: str, why: str) -> None:
    if subject.name in names:
        pytest.skip(f"{subject.name}: {why}")


def status_and_code(failed: pytest.ExceptionInfo[ClientError]) -> tuple[int, str]:
    response = failed.value.response
    return response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Code"]


def test_what_was_put_is_got(subject: Subject) -> None:
    told = subject.put("k", ContentType="text/x", Metadata={"colour": "green"})
    assert told["ETag"] == f'"{hashlib.md5(BODY).hexdigest()}"'
    got = subject.get("k")
    assert got["Body"].read() == BODY
    assert got["ETag"] == told["ETag"]
    assert got["ContentType"] == "text/x"
    assert got["Metadata"] == {"colour": "green"}
    assert got["ContentLength"] == len(BODY)
    assert got["AcceptRanges"] == "bytes"


def test_standard_headers_come_back(subject: Subject) -> None:
    kept = {
        "CacheControl": "max-age=60",
        "ContentDisposition": 'attachment; filename="x"',
        "ContentEncoding": "gzip",
        "ContentLanguage": "de",
    }
    subject.put("k", **kept)
    told = subject.head("k")
    assert {name: told[name] for name in kept} == kept


def test_head_tells_what_get_tells(subject: Subject) -> None:
    subject.put("k", Metadata={"colour": "green"})
    head, got = subject.head("k"), subject.get("k")
    for name in ("ETag", "ContentLength", "ContentType", "LastModified", "Metadata"):
        assert head[name] == got[name]


def test_an_empty_object_is_an_object(subject: Subject) -> None:
    subject.put("empty", b"")
    got = subject.get("empty")
    assert (got["Body"].read(), got["ContentLength"]) == (b"", 0)


@pytest.mark.parametrize(
    ("asked", "start", "stop"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=100-199", 100, 200),
        ("bytes=10000-", 10000, len(BODY)),
        ("bytes=-5", len(BODY) - 5, len(BODY)),
        ("bytes=-999999", 0, len(BODY)),
        ("bytes=10239-99999999", 10239, len(BODY)),
    ],
)
def test_a_range_is_those_bytes(subject: Subject, asked: str, start: int, stop: int) -> None:
    subject.put("k")
    got = subject.get("k", Range=asked)
    assert got["Body"].read() == BODY[start:stop]
    assert got["ContentRange"] == f"bytes {start}-{stop - 1}/{len(BODY)}"
    assert got["ResponseMetadata"]["HTTPStatusCode"] == 206


@pytest.mark.parametrize("asked", ["bytes=10240-", "bytes=99999-100000", "bytes=-0"])
def test_a_range_outside_is_416(subject: Subject, asked: str) -> None:
    if asked == "bytes=-0":
        except_for(subject, "versitygw", "moto", why="gives the whole object for an empty suffix")
    subject.put("k")
    with pytest.raises(ClientError) as failed:
        subject.get("k", Range=asked)
    assert status_and_code(failed) == (416, "InvalidRange")


@pytest.mark.parametrize("key", ODD_KEYS)
def test_an_odd_key_is_that_key(subject: Subject, key: str) -> None:
    subject.put(key, key.encode())
    assert subject.get(key)["Body"].read() == key.encode()
    assert subject.keys() == [key]
    subject.client.delete_object(Bucket=subject.bucket, Key=key)
    assert subject.keys() == []


@pytest.mark.parametrize("key", TREELESS_KEYS)
def test_a_key_that_is_no_path_is_that_key(subject: Subject, key: str) -> None:
    except_for(subject, "versitygw", "minio", why="keeps objects in a tree of paths")
    subject.put(key, key.encode())
    assert subject.get(key)["Body"].read() == key.encode()
    assert subject.keys() == [key]


def test_a_key_is_at_most_1024_bytes(subject: Subject) -> None:
    with pytest.raises(ClientError) as failed:
        subject.put("k" * 1025)
    assert status_and_code(failed) == (400, "KeyTooLongError")


@pytest.mark.parametrize("operation", ["get", "head"])
def test_what_is_not_there_is_404(subject: Subject, operation: str) -> None:
    with pytest.raises(ClientError) as failed:
        getattr(subject, operation)("absent")
    assert status_and_code(failed) == (404, "NoSuchKey" if operation == "get" else "404")


def test_a_bucket_that_is_not_there_is_404(subject: Subject) -> None:
    with pytest.raises(ClientError) as failed:
        subject.client.get_object(Bucket="absent-bucket", Key="k")
    assert status_and_code(failed) == (404, "NoSuchBucket")


def test_conditions_on_a_read(subject: Subject) -> None:
    etag = subject.put("k")["ETag"]
    modified = subject.head("k")["LastModified"]
    hour = timedelta(hours=1)
    assert subject.get("k", IfMatch=etag)["Body"].read() == BODY
    assert subject.get("k", IfNoneMatch='"other"')["Body"].read() == BODY
    assert subject.get("k", IfModifiedSince=modified - hour)["Body"].read() == BODY
    assert subject.get("k", IfMatch=etag, IfUnmodifiedSince=modified - hour)["Body"].read() == BODY
    refused = [
        (412, {"IfMatch": '"other"'}),
        (412, {"IfUnmodifiedSince": modified - hour}),
        (304, {"IfNoneMatch": etag}),
        (304, {"IfNoneMatch": etag, "IfModifiedSince": modified - hour}),
    ]
    if subject.name != "versitygw":  # it compares whole seconds with its file's nanoseconds
        refused.append((304, {"IfModifiedSince": modified}))
    for status, condition in refused:
        for read in (subject.get, subject.head):
            with pytest.raises(ClientError) as failed:
                assert read("k", **condition) == condition
            assert status_and_code(failed)[0] == status, (condition, read)


def test_a_range_of_another_version_is_412(subject: Subject) -> None:
    subject.put("k")
    with pytest.raises(ClientError) as failed:
        subject.get("k", Range="bytes=0-9", IfMatch='"other"')
    assert status_and_code(failed) == (412, "PreconditionFailed")


def test_create_only_and_replace_only_writes(subject: Subject) -> None:
    etag = subject.put("k", b"first", IfNoneMatch="*")["ETag"]
    with pytest.raises(ClientError) as failed:
        subject.put("k", b"second", IfNoneMatch="*")
    assert status_and_code(failed) == (412, "PreconditionFailed")
    subject.put("k", b"third", IfMatch=etag)
    with pytest.raises(ClientError) as failed:
        subject.put("k", b"fourth", IfMatch=etag)
    assert status_and_code(failed) == (412, "PreconditionFailed")
    assert subject.get("k")["Body"].read() == b"third"


def test_replacing_what_is_not_there_is_404(subject: Subject) -> None:
    with pytest.raises(ClientError) as failed:
        subject.put("absent", IfMatch='"any"')
    assert status_and_code(failed) == (404, "NoSuchKey")


def test_a_wrong_md5_leaves_nothing(subject: Subject) -> None:
    wrong = b64encode(hashlib.md5(b"other").digest()).decode()
    with pytest.raises(ClientError) as failed:
        subject.put("k", ContentMD5=wrong)
    assert status_and_code(failed) == (400, "BadDigest")
    assert subject.keys() == []


def test_a_wrong_checksum_leaves_nothing(subject: Subject) -> None:
    with pytest.raises(ClientError) as failed:
        subject.put("k", ChecksumCRC32="AAAAAA==")
    assert status_and_code(failed)[0] == 400
    assert subject.keys() == []


@pytest.mark.parametrize("algorithm", ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"])
def test_a_checksum_is_kept_and_told_when_asked(subject: Subject, algorithm: str) -> None:
    told = subject.put("k", ChecksumAlgorithm=algorithm)[f"Checksum{algorithm}"]
    for read in (subject.head, subject.get):
        answer = read("k", ChecksumMode="ENABLED")
        assert answer[f"Checksum{algorithm}"] == told
        assert answer["ChecksumType"] == "FULL_OBJECT"


def test_a_listing_is_in_order_and_in_pages(subject: Subject) -> None:
    names = ["a-", "a/b", "a/c/d", "b", "z", "ä"]
    for name in names:
        subject.put(name, name.encode())
    first = subject.client.list_objects_v2(Bucket=subject.bucket, MaxKeys=2)
    assert [row["Key"] for row in first["Contents"]] == names[:2]
    assert (first["IsTruncated"], first["KeyCount"]) == (True, 2)
    pages = subject.client.get_paginator("list_objects_v2").paginate(
        Bucket=subject.bucket, PaginationConfig={"PageSize": 2}
    )
    assert [row["Key"] for page in pages for row in page.get("Contents", [])] == names
    assert subject.keys(StartAfter="a/b") == ["a/c/d", "b", "z", "ä"]
    assert subject.keys(Prefix="a/") == ["a/b", "a/c/d"]


def test_a_key_may_be_another_ones_prefix(subject: Subject) -> None:
    except_for(subject, "versitygw", "minio", why="keeps objects in a tree of paths")
    for name in ("a", "a/b"):
        subject.put(name, name.encode())
    assert subject.keys() == ["a", "a/b"]
    assert subject.get("a/b")["Body"].read() == b"a/b"


def test_a_row_tells_what_head_tells(subject: Subject) -> None:
    subject.put("k")
    row = subject.client.list_objects_v2(Bucket=subject.bucket)["Contents"][0]
    head = subject.head("k")
    assert (row["ETag"], row["Size"]) == (head["ETag"], head["ContentLength"])
    assert row["LastModified"].replace(microsecond=0) == head["LastModified"]
    assert row["StorageClass"] == "STANDARD"


def test_a_delimiter_folds_keys_into_prefixes(subject: Subject) -> None:
    for name in ("d1/a", "d1/b", "d2/sub/c", "f"):
        subject.put(name)
    page = subject.client.list_objects_v2(Bucket=subject.bucket, Delimiter="/")
    assert [row["Prefix"] for row in page["CommonPrefixes"]] == ["d1/", "d2/"]
    assert [row["Key"] for row in page["Contents"]] == ["f"]
    assert page["KeyCount"] == 3
    page = subject.client.list_objects_v2(Bucket=subject.bucket, Delimiter="/", Prefix="d2/")
    assert [row["Prefix"] for row in page["CommonPrefixes"]] == ["d2/sub/"]


def test_version_1_of_the_listing_goes_on_behind_a_prefix(subject: Subject) -> None:
    for name in ("d1/a", "d1/b", "d2/c", "f"):
        subject.put(name)
    seen: list[str] = []
    marker = ""
    for _ in range(3):
        page = subject.client.list_objects(
            Bucket=subject.bucket, Delimiter="/", MaxKeys=1, Marker=marker
        )
        seen += [row["Prefix"] for row in page.get("CommonPrefixes", [])]
        seen += [row["Key"] for row in page.get("Contents", [])]
        marker = page.get("NextMarker", "")
    assert seen == ["d1/", "d2/", "f"]
    assert page["IsTruncated"] is False


def test_a_write_shows_in_the_next_listing(subject: Subject) -> None:
    for size in range(5):
        subject.put("k", b"x" * size)
        row = subject.client.list_objects_v2(Bucket=subject.bucket)["Contents"][0]
        assert row["Size"] == size


def test_a_copy_keeps_or_replaces_metadata(subject: Subject) -> None:
    source = {"Bucket": subject.bucket, "Key": "k"}
    subject.put("k", Metadata={"colour": "green"}, ContentType="text/x")
    copied = subject.client.copy_object(Bucket=subject.bucket, Key="kept", CopySource=source)
    assert copied["CopyObjectResult"]["ETag"] == subject.head("k")["ETag"]
    assert subject.head("kept")["Metadata"] == {"colour": "green"}
    subject.client.copy_object(
        Bucket=subject.bucket,
        Key="replaced",
        CopySource=source,
        MetadataDirective="REPLACE",
        Metadata={"colour": "red"},
        ContentType="text/y",
    )
    told = subject.head("replaced")
    assert (told["Metadata"], told["ContentType"]) == ({"colour": "red"}, "text/y")
    assert subject.get("replaced")["Body"].read() == BODY


def test_a_copy_onto_itself_must_change_something(subject: Subject) -> None:
    subject.put("k", Metadata={"colour": "green"})
    etag = subject.head("k")["ETag"]
    itself = {"Bucket": subject.bucket, "Key": "k", "CopySource": f"{subject.bucket}/k"}
    with pytest.raises(ClientError) as failed:
        subject.client.copy_object(**itself)
    assert status_and_code(failed) == (400, "InvalidRequest")
    subject.client.copy_object(**itself, MetadataDirective="REPLACE", Metadata={"colour": "red"})
    assert subject.head("k")["Metadata"] == {"colour": "red"}
    assert subject.head("k")["ETag"] == etag


def test_conditions_on_a_copy_are_412(subject: Subject) -> None:
    etag = subject.put("k")["ETag"]
    conditions = [
        {"CopySourceIfMatch": '"other"'},
        {"CopySourceIfUnmodifiedSince": datetime(2001, 1, 1, tzinfo=UTC)},
    ]
    if subject.name != "versitygw":  # it answers 304, which no copy should
        conditions.append({"CopySourceIfNoneMatch": etag})
    for condition in conditions:
        with pytest.raises(ClientError) as failed:
            subject.client.copy_object(
                Bucket=subject.bucket, Key="c", CopySource=f"{subject.bucket}/k", **condition
            )
        assert status_and_code(failed) == (412, "PreconditionFailed"), condition


def test_deleting_is_repeatable(subject: Subject) -> None:
    subject.put("k")
    for _ in range(2):
        told = subject.client.delete_object(Bucket=subject.bucket, Key="k")
        assert told["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert subject.keys() == []


def test_many_are_deleted_at_once(subject: Subject) -> None:
    for name in ("a", "b+ c", "d"):
        subject.put(name)
    rows = [{"Key": name} for name in ("a", "b+ c", "absent")]
    told = subject.client.delete_objects(Bucket=subject.bucket, Delete={"Objects": rows})
    assert {row["Key"] for row in told["Deleted"]} == {"a", "b+ c", "absent"}
    assert subject.keys() == ["d"]
    except_for(subject, "versitygw", why="is never quiet")
    quiet = {"Objects": [{"Key": "d"}], "Quiet": True}
    assert "Deleted" not in subject.client.delete_objects(Bucket=subject.bucket, Delete=quiet)


def test_tags_are_kept_beside_the_object(subject: Subject) -> None:
    subject.put("k", Tagging="a=1&b=x%20y")
    where = {"Bucket": subject.bucket, "Key": "k"}
    tags = subject.client.get_object_tagging(**where)["TagSet"]
    assert {tag["Key"]: tag["Value"] for tag in tags} == {"a": "1", "b": "x y"}
    before = subject.head("k")
    subject.client.put_object_tagging(**where, Tagging={"TagSet": [{"Key": "c", "Value": "3"}]})
    assert subject.client.get_object_tagging(**where)["TagSet"] == [{"Key": "c", "Value": "3"}]
    assert subject.head("k")["ETag"] == before["ETag"]
    subject.client.delete_object_tagging(**where)
    assert subject.client.get_object_tagging(**where)["TagSet"] == []


def test_a_multipart_upload_is_one_object(subject: Subject) -> None:
    bodies = [b"a" * PART, b"b" * PART, b"tail"]
    told = upload(subject, "k", bodies, ContentType="text/x", Metadata={"colour": "green"})
    md5s = b"".join(hashlib.md5(body).digest() for body in bodies)
    assert told["ETag"] == f'"{hashlib.md5(md5s).hexdigest()}-3"'
    got = subject.get("k")
    assert got["Body"].read() == b"".join(bodies)
    assert got["ETag"] == told["ETag"]
    assert (got["ContentType"], got["Metadata"]) == ("text/x", {"colour": "green"})
    edge = subject.get("k", Range=f"bytes={PART - 2}-{PART + 1}")
    assert edge["Body"].read() == b"aabb"


def test_a_part_can_be_read_by_its_number(subject: Subject) -> None:
    upload(subject, "k", [b"a" * PART, b"tail"])
    got = subject.get("k", PartNumber=2)
    assert got["Body"].read() == b"tail"
    assert got["PartsCount"] == 2
    assert got["ContentRange"] == f"bytes {PART}-{PART + 3}/{PART + 4}"


def test_parts_can_be_copied_and_replaced_and_listed(subject: Subject) -> None:
    subject.put("source", b"0123456789" * (PART // 5))
    begun = subject.client.create_multipart_upload(Bucket=subject.bucket, Key="k")
    where = {"Bucket": subject.bucket, "Key": "k", "UploadId": begun["UploadId"]}
    first = subject.client.upload_part_copy(
        **where,
        PartNumber=1,
        CopySource=f"{subject.bucket}/source",
        CopySourceRange=f"bytes=1-{PART}",
    )["CopyPartResult"]
    subject.client.upload_part(**where, PartNumber=2, Body=b"old")
    second = subject.client.upload_part(**where, PartNumber=2, Body=b"new")
    listed = subject.client.list_parts(**where)["Parts"]
    assert [(part["PartNumber"], part["Size"]) for part in listed] == [(1, PART), (2, 3)]
    assert listed[1]["ETag"] == second["ETag"]
    parts = [
        {"PartNumber": 1, "ETag": first["ETag"]},
        {"PartNumber": 2, "ETag": second["ETag"]},
    ]
    subject.client.complete_multipart_upload(**where, MultipartUpload={"Parts": parts})
    body = subject.get("k")["Body"].read()
    assert body == (b"0123456789" * (PART // 5))[1 : PART + 1] + b"new"


def test_an_upload_is_listed_until_it_ends(subject: Subject) -> None:
    begun = subject.client.create_multipart_upload(Bucket=subject.bucket, Key="k")
    where = {"Bucket": subject.bucket, "Key": "k", "UploadId": begun["UploadId"]}
    listed = subject.client.list_multipart_uploads(Bucket=subject.bucket, Prefix="k")["Uploads"]
    assert [(row["Key"], row["UploadId"]) for row in listed] == [("k", begun["UploadId"])]
    assert subject.keys() == []
    subject.client.abort_multipart_upload(**where)
    assert "Uploads" not in subject.client.list_multipart_uploads(Bucket=subject.bucket)
    with pytest.raises(ClientError) as failed:
        subject.client.upload_part(**where, PartNumber=1, Body=b"x")
    assert status_and_code(failed) == (404, "NoSuchUpload")


@pytest.mark.parametrize(
    ("numbers", "etag", "code"),
    [
        ([2, 1], None, "InvalidPartOrder"),
        ([1, 3], None, "InvalidPart"),
        ([1, 2], '"00000000000000000000000000000000"', "InvalidPart"),
    ],
)
def test_a_false_list_of_parts_is_refused(
    subject: Subject, numbers: list[int], etag: str | None, code: str
) -> None:
    begun = subject.client.create_multipart_upload(Bucket=subject.bucket, Key="k")
    where = {"Bucket": subject.bucket, "Key": "k", "UploadId": begun["UploadId"]}
    sent = {
        number: subject.client.upload_part(**where, PartNumber=number, Body=b"a" * PART)["ETag"]
        for number in (1, 2)
    }
    parts = [
        {"PartNumber": number, "ETag": etag or sent.get(number, sent[1])} for number in numbers
    ]
    with pytest.raises(ClientError) as failed:
        subject.client.complete_multipart_upload(**where, MultipartUpload={"Parts": parts})
    assert status_and_code(failed) == (400, code)
    assert subject.keys() == []


def test_a_part_before_the_last_has_at_least_5_mib(subject: Subject) -> None:
    with pytest.raises(ClientError) as failed:
        upload(subject, "k", [b"small", b"tail"])
    assert status_and_code(failed) == (400, "EntityTooSmall")


@pytest.mark.parametrize("kind", ["COMPOSITE", "FULL_OBJECT"])
def test_the_checksum_of_parts_is_told_with_the_object(subject: Subject, kind: str) -> None:
    told = upload(
        subject, "k", [b"a" * PART, b"tail"], ChecksumAlgorithm="CRC32", ChecksumType=kind
    )
    head = subject.head("k", ChecksumMode="ENABLED")
    assert head["ChecksumCRC32"] == told["ChecksumCRC32"]
    assert head["ChecksumType"] == kind
    assert told["ChecksumCRC32"].endswith("-2") is (kind == "COMPOSITE")
    if kind == "FULL_OBJECT":
        whole = subject.put("whole", b"a" * PART + b"tail", ChecksumAlgorithm="CRC32")
        assert head["ChecksumCRC32"] == whole["ChecksumCRC32"]


def test_an_answer_can_be_told_to_say_other_headers(subject: Subject) -> None:
    subject.put("k")
    got = subject.get("k", ResponseContentType="text/z", ResponseCacheControl="no-cache")
    assert (got["ContentType"], got["CacheControl"]) == ("text/z", "no-cache")


def test_versions_are_kept_when_asked_for(subject: Subject) -> None:
    subject.client.put_bucket_versioning(
        Bucket=subject.bucket, VersioningConfiguration={"Status": "Enabled"}
    )
    first = subject.put("k", b"first")["VersionId"]
    second = subject.put("k", b"second")["VersionId"]
    assert subject.get("k")["VersionId"] == second
    assert subject.get("k", VersionId=first)["Body"].read() == b"first"
    marker = subject.client.delete_object(Bucket=subject.bucket, Key="k")
    assert marker["DeleteMarker"] is True
    with pytest.raises(ClientError) as failed:
        subject.get("k")
    assert status_and_code(failed) == (404, "NoSuchKey")
    listed = subject.client.list_object_versions(Bucket=subject.bucket)
    assert [row["VersionId"] for row in listed["Versions"]] == [second, first]
    assert [row["VersionId"] for row in listed["DeleteMarkers"]] == [marker["VersionId"]]
    subject.client.delete_object(Bucket=subject.bucket, Key="k", VersionId=marker["VersionId"])
    assert subject.get("k")["Body"].read() == b"second"


def test_a_bucket_is_made_listed_and_removed(subject: Subject) -> None:
    named = [row["Name"] for row in subject.client.list_buckets()["Buckets"]]
    assert subject.bucket in named
    subject.client.head_bucket(Bucket=subject.bucket)
    subject.put("k")
    with pytest.raises(ClientError) as failed:
        subject.client.delete_bucket(Bucket=subject.bucket)
    assert status_and_code(failed) == (409, "BucketNotEmpty")
    subject.client.delete_object(Bucket=subject.bucket, Key="k")
    subject.client.delete_bucket(Bucket=subject.bucket)
    with pytest.raises(ClientError) as failed:
        subject.client.head_bucket(Bucket=subject.bucket)
    assert status_and_code(failed)[0] == 404


def test_a_wrong_secret_is_refused(subject: Subject, request: pytest.FixtureRequest) -> None:
    stranger = s3_client(
        subject.client.meta.endpoint_url,
        access_key=subject.client._request_signer._credentials.access_key,
        secret_key="not the secret",
    )
    with pytest.raises(ClientError) as failed:
        stranger.list_objects_v2(Bucket=subject.bucket)
    assert status_and_code(failed) == (403, "SignatureDoesNotMatch")


def upload(subject: Subject, key: str, bodies: list[bytes], **more: Any) -> Any:
    """Upload parts and complete; return what the completion tells."""
    algorithm = {k: v for k, v in more.items() if k == "ChecksumAlgorithm"}
    begun = subject.client.create_multipart_upload(Bucket=subject.bucket, Key=key, **more)
    where = {"Bucket": subject.bucket, "Key": key, "UploadId": begun["UploadId"]}
    parts = []
    for number, body in enumerate(bodies, 1):
        told = subject.client.upload_part(**where, **algorithm, PartNumber=number, Body=body)
        named = {name: told[name] for name in ("ChecksumCRC32",) if algorithm}
        parts.append({"PartNumber": number, "ETag": told["ETag"], **named})
    return subject.client.complete_multipart_upload(**where, MultipartUpload={"Parts": parts})
