"""One contract for every origin the tests stand on: what the real ones keep, the double keeps."""

import hashlib
from base64 import b64encode
from datetime import UTC, datetime, timedelta

import pytest
from botocore.exceptions import ClientError

from tests.support.contract import BODY, Subject, except_for, status_and_code
from tests.support.origins import s3_client

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


def test_an_answer_can_be_told_to_say_other_headers(subject: Subject) -> None:
    subject.put("k")
    got = subject.get("k", ResponseContentType="text/z", ResponseCacheControl="no-cache")
    assert (got["ContentType"], got["CacheControl"]) == ("text/z", "no-cache")


def test_a_wrong_secret_is_refused(subject: Subject, request: pytest.FixtureRequest) -> None:
    stranger = s3_client(
        subject.client.meta.endpoint_url,
        access_key=subject.client._request_signer._credentials.access_key,
        secret_key="not the secret",
    )
    with pytest.raises(ClientError) as failed:
        stranger.list_objects_v2(Bucket=subject.bucket)
    assert status_and_code(failed) == (403, "SignatureDoesNotMatch")
