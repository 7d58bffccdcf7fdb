"""From host and raw path to bucket and key, byte-exact."""

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model.failures import InvalidRequest
from gateway.model.names import ObjectName
from gateway.protocol.s3.addressing import Target, encode_key, locate

DOMAINS = ("s3.example.com", "example.com")


@pytest.mark.parametrize(
    ("host", "path", "bucket", "key"),
    [
        ("h", "/", None, None),
        ("h", "/bucket", "bucket", None),
        ("h", "/bucket/", "bucket", None),
        ("h", "/bucket/k", "bucket", "k"),
        ("h", "/bucket//k", "bucket", "/k"),
        ("h", "/bucket///", "bucket", "//"),
        ("h", "/bucket/./../.", "bucket", "./../."),
        ("h", "/bucket/a+b%20c%3Fd%23e%25", "bucket", "a+b c?d#e%"),
        ("h", "/bucket/%2e%2E%2f", "bucket", "../"),
        ("h", "/bucket/é%C3%A9", "bucket", "éé"),
        ("h", "/bucket/%00%0D%0A", "bucket", "\0\r\n"),
        ("h", "/b%75cket/k", "bucket", "k"),
        ("h", "/tenant%3Abucket/k", "tenant:bucket", "k"),
        ("s3.example.com", "/bucket/k", "bucket", "k"),
        ("bucket.s3.example.com", "/k/", "bucket", "k/"),
        ("bucket.s3.example.com:9000", "/", "bucket", None),
        ("my.bucket.S3.Example.COM.", "//k", "my.bucket", "/k"),
        ("bucket.example.com", "/k", "bucket", "k"),
        ("notexample.com", "/bucket/k", "bucket", "k"),
        ("[::1]:9000", "/bucket/k", "bucket", "k"),
        ("127.0.0.1:9000", "/bucket/k", "bucket", "k"),
        ("", "/bucket/k", "bucket", "k"),
    ],
)
def test_located(host, path, bucket, key):
    target = locate(host, path, DOMAINS)
    assert (target.bucket, target.key) == (bucket, key)
    if key is not None:
        assert target.name == ObjectName(bucket, key)
        assert path.endswith(target.raw_key)


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/bucket/%", "InvalidURI"),
        ("/bucket/%4", "InvalidURI"),
        ("/bucket/%zz", "InvalidURI"),
        ("/bucket/%ff", "InvalidURI"),
        ("/bucket/%ED%A0%80", "InvalidURI"),
        ("/bucket/\udcff", "InvalidURI"),
        ("*", "InvalidURI"),
        ("", "InvalidURI"),
        ("//k", "InvalidBucketName"),
        ("/:bucket/k", "InvalidBucketName"),
        ("/../k", "InvalidBucketName"),
        ("/./k", "InvalidBucketName"),
        ("/a%2Fb/k", "InvalidBucketName"),
        ("/a%00/k", "InvalidBucketName"),
        ("/a%0Ab/k", "InvalidBucketName"),
        ("/a b/k", "InvalidBucketName"),
        ("/bucket\n/k", "InvalidBucketName"),
        ("/" + "b" * 256, "InvalidBucketName"),
        ("/bucket/" + "k" * 1025, "KeyTooLongError"),
        ("/bucket/" + "%C3%A9" * 513, "KeyTooLongError"),
    ],
)
def test_refused(path, code):
    with pytest.raises(InvalidRequest) as caught:
        locate("h", path, DOMAINS)
    assert caught.value.code == code


def test_the_longest_key_is_1024_bytes():
    assert locate("h", "/b/" + "k" * 1024).key == "k" * 1024
    assert locate("h", "/b/" + "%C3%A9" * 512).key == "é" * 512


@given(st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=200))
def test_every_key_survives(key):
    assert locate("h", f"/bucket/{encode_key(key)}", DOMAINS).key == key
    assert locate("b.example.com", f"/{encode_key(key)}", DOMAINS).key == key


def test_a_target_without_a_key_has_no_name():
    with pytest.raises(InvalidRequest):
        _ = Target("bucket", None, "").name
    assert Target("bucket", None, "").resource == "/bucket"
    assert Target("bucket", "/k", "/k").resource == "/bucket//k"
    assert Target(None, None, "").resource == "/"


def test_hosts_of_any_length_are_not_kept_in_memory():
    tracemalloc.start()
    try:
        for number in range(256):
            assert locate(f"{number:030000d}", "/bucket/key", ("s3.test",)).bucket == "bucket"
        assert tracemalloc.get_traced_memory()[0] < 1_000_000
    finally:
        tracemalloc.stop()
