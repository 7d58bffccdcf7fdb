"""Checksums: known values, what is no checksum, and the proof of a body."""

from base64 import b64encode
from hashlib import md5, sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from gateway.model.failures import BodyMismatch, Failure, InvalidRequest, NotSupported
from gateway.protocol.s3.checksums import (
    ALGORITHMS,
    BodyProof,
    base64_of,
    expected_digests,
    new_digest,
    trailer_checksum,
)

BODY = b"123456789"
# The check values of the CRC catalogue; RFC 1321, FIPS 180; the xxHash reference (seed 0).
KNOWN = {
    "crc32": "cbf43926",
    "crc32c": "e3069283",
    "crc64nvme": "ae8b14860a799888",
    "md5": "25f9e794323b453885f5181f1b624d0b",
    "sha1": "f7c3bc1d808e04732adf679965ccc34ca7ae3441",
    "sha256": "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225",
    "xxhash64": "8cb841db40e6ae83",
}


def value_of(algorithm, body=BODY):
    digest = new_digest(algorithm)
    digest.update(body)
    return base64_of(digest.digest())


@pytest.mark.parametrize("algorithm", KNOWN)
def test_known_values(algorithm):
    digest = new_digest(algorithm)
    digest.update(BODY)
    assert digest.digest().hex() == KNOWN[algorithm]


@given(st.sampled_from(sorted(ALGORITHMS)), st.binary(max_size=99), st.integers(0, 99))
def test_pieces_give_the_digest_of_the_whole(algorithm, body, cut):
    digest = new_digest(algorithm)
    digest.update(body[:cut])
    digest.update(memoryview(body)[cut:])
    found = digest.digest()
    assert base64_of(found) == value_of(algorithm, body)
    assert len(found) == ALGORITHMS[algorithm][0]


@pytest.mark.parametrize("algorithm", sorted(ALGORITHMS))
def test_a_checksum_header_is_proven(algorithm):
    header = f"x-amz-checksum-{algorithm}"
    headers = CIMultiDict({header.title(): value_of(algorithm)})
    proof = BodyProof.of(headers)
    proof.update(BODY)
    assert proof.finish() == {header: value_of(algorithm)}
    proof = BodyProof.of(headers)
    proof.update(BODY[1:])
    with pytest.raises(BodyMismatch) as caught:
        proof.finish()
    assert caught.value.code == "BadDigest"


@pytest.mark.parametrize("algorithm", sorted(ALGORITHMS))
def test_a_trailer_is_proven(algorithm):
    name = f"x-amz-checksum-{algorithm}"
    headers = CIMultiDict({"X-Amz-Trailer": name.title()})
    proof = BodyProof.of(headers)
    proof.update(BODY)
    assert proof.finish({name: value_of(algorithm)}) == {name: value_of(algorithm)}
    for body, trailers, code in [
        (BODY[1:], {name: value_of(algorithm)}, "BadDigest"),
        (BODY, {name: "AAA"}, "InvalidRequest"),
        (BODY, {}, "MalformedTrailerError"),
    ]:
        proof = BodyProof.of(headers)
        proof.update(body)
        with pytest.raises(Failure) as caught:
            proof.finish(trailers)
        assert caught.value.code == code


def test_all_that_is_promised_is_proven():
    hashed, content_md5 = sha256(BODY).hexdigest(), b64encode(md5(BODY).digest()).decode()
    headers = CIMultiDict({"Content-MD5": content_md5, "X-Amz-Checksum-SHA256": value_of("sha256")})
    proof = BodyProof.of(headers, hashed)
    proof.update(BODY)
    assert proof.finish() == {"x-amz-checksum-sha256": value_of("sha256")}
    proof = BodyProof.of({"x-amz-content-sha256": hashed})
    with pytest.raises(BodyMismatch) as caught:
        proof.finish()
    assert caught.value.code == "XAmzContentSHA256Mismatch"
    proof = BodyProof.of({"Content-MD5": content_md5})
    with pytest.raises(BodyMismatch) as caught:
        proof.finish()
    assert caught.value.code == "BadDigest"


@pytest.mark.parametrize("hashed", ["UNSIGNED-PAYLOAD", "STREAMING-UNSIGNED-PAYLOAD-TRAILER", None])
def test_nothing_promised(hashed):
    assert expected_digests({}, hashed) == []
    headers = {"x-amz-checksum-type": "FULL_OBJECT", "x-amz-checksum-algorithm": "CRC32"}
    assert expected_digests({**headers, "x-amz-checksum-mode": "ENABLED"}, hashed) == []
    assert trailer_checksum({}) is None


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"Content-MD5": "x"}, "InvalidDigest"),
        ({"Content-MD5": ""}, "InvalidDigest"),
        ({"Content-MD5": "AAAA"}, "InvalidDigest"),
        ({"Content-MD5": "\u00e9"}, "InvalidDigest"),
        ({"x-amz-checksum-crc32": "AAAA"}, "InvalidRequest"),
        ({"x-amz-checksum-crc32": "AAAAAA==-3"}, "InvalidRequest"),
        ({"x-amz-checksum-crc32": "AAAAAA==", "x-amz-checksum-sha1": "A" * 28}, "InvalidRequest"),
        ({"x-amz-content-sha256": ""}, "InvalidArgument"),
        ({"x-amz-content-sha256": "x" * 64}, "InvalidArgument"),
        ({"x-amz-content-sha256": "ab " * 21 + "a"}, "InvalidArgument"),
        ({"x-amz-content-sha256": "ab" * 31}, "InvalidArgument"),
    ],
)
def test_what_is_no_digest(headers, code):
    with pytest.raises(InvalidRequest) as caught:
        expected_digests(headers)
    assert caught.value.code == code


def test_one_checksum_only():
    sum_and_trailer = {"x-amz-checksum-crc32": "AAAAAA==", "x-amz-trailer": "x-amz-checksum-crc32c"}
    with pytest.raises(InvalidRequest, match="single"):
        BodyProof.of(sum_and_trailer)
    with pytest.raises(InvalidRequest, match="single"):
        trailer_checksum({"x-amz-trailer": "x-amz-checksum-crc32,x-amz-checksum-sha1"})
    with pytest.raises(NotSupported):
        trailer_checksum({"x-amz-trailer": "x-amz-checksum-rot13"})
    assert trailer_checksum({"x-amz-trailer": "x-amz-meta-a"}) is None


def test_checksums_of_an_object_are_not_those_of_the_body_that_completes_it():
    headers = {"x-amz-checksum-crc32": "AAAAAA==-3", "Content-MD5": "A" * 22 + "=="}
    found = expected_digests(headers, checksums=False)
    assert [each.header for each in found] == ["content-md5"]
