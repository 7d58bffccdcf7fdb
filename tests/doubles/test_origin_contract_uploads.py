"""The contract of multipart uploads."""

import hashlib
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.support.contract import Subject, status_and_code

PART = 5 << 20


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
