"""What a copy or a new body is told, so that it keeps what the object had."""

from gateway.core.preserving import kept_by_copy, kept_by_rewrite

OF_OBJECT = {
    "Content-Type": "text/plain",
    "Cache-Control": "no-store",
    "Content-Encoding": "gzip",
    "x-amz-meta-File-Owner": "alice",
}
NOT_COPIED = {
    "x-amz-storage-class": "STANDARD_IA",
    "x-amz-server-side-encryption": "aws:kms",
    "x-amz-server-side-encryption-aws-kms-key-id": "key",
    "x-amz-object-lock-mode": "COMPLIANCE",
    "x-amz-website-redirect-location": "/there",
}
OF_ANSWER = {
    "ETag": '"e"',
    "Content-Length": "3",
    "Last-Modified": "then",
    "x-amz-version-id": "v",
    "x-amz-checksum-crc32c": "AAAA",
    "x-amz-replication-status": "COMPLETED",
    "x-amz-tagging-count": "2",
}
HEAD = {**OF_OBJECT, **NOT_COPIED, **OF_ANSWER}


def test_a_copy_is_told_what_s3_does_not_copy():
    assert kept_by_copy(HEAD) == NOT_COPIED


def test_a_rewrite_is_told_everything_of_the_object_and_nothing_of_the_answer():
    of_object = {name.lower(): value for name, value in OF_OBJECT.items()}
    assert kept_by_rewrite(HEAD) == {**of_object, **NOT_COPIED}
