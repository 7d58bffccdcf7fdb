"""aws-chunked: AWS's published bodies, every way to cut them, and every way to break them."""

import io
import re
from hashlib import sha256
from hmac import digest
from itertools import pairwise

import pytest
from awscrt.checksums import crc32c
from botocore.httpchecksum import AwsChunkedWrapper, Crc32Checksum
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict, CIMultiDictProxy

from gateway.model.failures import AuthenticationFailed, BodyMismatch, Failure, NotSupported
from gateway.protocol.http.head import RequestHead
from gateway.protocol.s3.aws_chunked import FRAMINGS, AwsChunkedDecoder, find_framing
from gateway.protocol.s3.checksums import BodyProof
from gateway.protocol.s3.sigv4 import Seed, read_claim, verify
from tests.golden.aws_sigv4 import (
    CHUNK_SIGNATURES,
    HEADER_EXAMPLES,
    SECRET,
    TRAILER,
    TRAILER_CHUNK_SIGNATURES,
    TRAILER_SIGNATURE,
)

SEED = Seed("0" * 64, b"k" * 32, "20130524/us-east-1/s3/aws4_request", "20130524T000000Z")
SIGNED = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
SIGNED_TRAILER = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
UNSIGNED_TRAILER = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
PLAIN = "UNSIGNED-PAYLOAD"
SUM = "x-amz-checksum-crc32"
EMPTY = sha256(b"").hexdigest()


def sign(text):
    return digest(SEED.key, text.encode(), "sha256").hex()


def framed(kind, chunks, trailers=()):
    """Return the aws-chunked body of `chunks`, as a client of that framing writes it."""
    previous, body = SEED.signature, b""
    for chunk in [*chunks, b""]:
        line = f"{len(chunk):x}"
        if kind.startswith(SIGNED):
            head = f"AWS4-HMAC-SHA256-PAYLOAD\n{SEED.amz_date}\n{SEED.scope}\n{previous}"
            previous = sign(f"{head}\n{EMPTY}\n{sha256(chunk).hexdigest()}")
            line += f";chunk-signature={previous}"
        body += line.encode() + b"\r\n" + (chunk + b"\r\n" if chunk else b"")
    for name, value in trailers:
        body += f"{name}:{value}\r\n".encode()
    if kind == SIGNED_TRAILER and trailers:
        lines = "".join(f"{name}:{value}\n" for name, value in sorted(trailers))
        head = f"AWS4-HMAC-SHA256-TRAILER\n{SEED.amz_date}\n{SEED.scope}\n{previous}"
        signature = sign(f"{head}\n{sha256(lines.encode()).hexdigest()}")
        body += f"x-amz-trailer-signature:{signature}\r\n".encode()
    return body + b"\r\n"


def decoder(kind, length, trailers=(), seed=SEED):
    headers = {"Content-Encoding": "aws-chunked", "x-amz-decoded-content-length": str(length)}
    if trailers:
        headers["x-amz-trailer"] = ",".join(trailers)
    made = AwsChunkedDecoder.of(headers, kind, seed)
    assert made is not None
    return made


def decode(made, pieces):
    out = b"".join(b"".join(made.feed(piece)) for piece in pieces)
    made.finish()
    return out


def published(name, signatures, end):
    example = HEADER_EXAMPLES[name]
    headers = CIMultiDictProxy(CIMultiDict(example.headers))
    head = RequestHead("PUT", example.target, "", headers)
    claim = read_claim(head)
    body = b"".join(
        f"{size:x};chunk-signature={signature}\r\n".encode() + (b"a" * size + b"\r\n") * bool(size)
        for size, signature in signatures
    )
    made = AwsChunkedDecoder.of(headers, claim.payload_hash, verify(head, claim, SECRET))
    return made, headers, body + end


def test_the_published_chunks_decode():
    made, headers, body = published("put chunks", CHUNK_SIGNATURES, b"\r\n")
    assert str(len(body)) == headers["Content-Length"]
    assert decode(made, [body]) == b"a" * 66560


@pytest.mark.parametrize("line_end", ["\r\n", "\n\r\n"])
def test_the_published_chunks_with_a_trailer_decode(line_end):
    end = f"{TRAILER}{line_end}x-amz-trailer-signature:{TRAILER_SIGNATURE}{line_end}\r\n"
    made, headers, body = published(
        "put chunks and a trailer", TRAILER_CHUNK_SIGNATURES, end.encode()
    )
    proof = BodyProof.of(headers)
    for at in range(0, len(body), 997):
        for piece in made.feed(body[at : at + 997]):
            proof.update(piece)
    made.finish()
    assert proof.finish(made.trailers) == {"x-amz-checksum-crc32c": "sOO8/Q=="}
    assert crc32c(b"a" * 66560).to_bytes(4, "big").hex() == "b0e3bcfd"


KINDS = [(SIGNED, ()), (SIGNED_TRAILER, ((SUM, "AAAAAA=="),)), (PLAIN, ())]
KINDS += [(UNSIGNED_TRAILER, ()), (UNSIGNED_TRAILER, ((SUM, "AAAAAA=="),))]
NAMES = ["signed", "signed-trailer", "plain", "unsigned", "unsigned-trailer"]
every_kind = pytest.mark.parametrize(("kind", "trailers"), KINDS, ids=NAMES)


@every_kind
@pytest.mark.parametrize("chunks", [[], [b"x"], [b"0\r\n\r\n", b"a;chunk-signature=", b"\r\n" * 9]])
def test_whole_byte_by_byte_and_with_bytes_behind(kind, trailers, chunks):
    body, plain = framed(kind, chunks, trailers), b"".join(chunks)
    names = [name for name, _ in trailers]
    assert decode(decoder(kind, len(plain), names), [body]) == plain
    one_by_one = decoder(kind, len(plain), names)
    assert decode(one_by_one, [body[at : at + 1] for at in range(len(body))]) == plain
    assert one_by_one.trailers == dict(trailers)
    for behind in (b"x", b"0\r\n\r\n", b"\x00", b"\r\n" * 4096):
        with pytest.raises(Failure):
            decode(decoder(kind, len(plain), names), [body, behind])


@given(
    st.sampled_from(KINDS),
    st.lists(st.binary(min_size=1, max_size=300), max_size=6),
    st.lists(st.integers(0, 2500), max_size=12),
)
def test_cut_anywhere(kind_and_trailers, chunks, cuts):
    kind, trailers = kind_and_trailers
    body, plain = framed(kind, chunks, trailers), b"".join(chunks)
    edges = [0, *sorted(cut for cut in cuts if cut <= len(body)), len(body)]
    pieces = [body[a:b] for a, b in pairwise(edges)]
    made = decoder(kind, len(plain), [name for name, _ in trailers])
    assert decode(made, pieces) == plain


@every_kind
def test_every_truncation_is_noticed(kind, trailers):
    body = framed(kind, [b"hello", b"world"], trailers)
    # The last empty line may be missing where nothing was to come before it.
    spare = 0 if trailers else 2
    for stop in range(len(body) - spare):
        made = decoder(kind, 10, [name for name, _ in trailers])
        with pytest.raises(Failure) as caught:
            decode(made, [body[:stop]])
        assert caught.value.code == "IncompleteBody"


@pytest.mark.parametrize(("kind", "trailers"), KINDS[:2], ids=NAMES[:2])
def test_every_changed_byte_of_a_signed_body_is_noticed(kind, trailers):
    body = framed(kind, [b"hello", b"world"], trailers)
    names = [name for name, _ in trailers]
    for at in range(len(body) - 2):
        changed = bytearray(body)
        changed[at] ^= 1
        made = decoder(kind, 10, names)
        try:
            plain = decode(made, [bytes(changed)])
        except Failure:
            continue
        # Only the case of a size's or a name's letter may change nothing.
        assert plain == b"helloworld", at


def test_a_failure_is_final():
    body = framed(SIGNED, [b"hello"]).replace(b"hello", b"hellO")
    made = decoder(SIGNED, 5)
    with pytest.raises(AuthenticationFailed) as caught:
        made.feed(body)
    assert caught.value.code == "SignatureDoesNotMatch"
    with pytest.raises(AuthenticationFailed):
        made.feed(b"")
    with pytest.raises(AuthenticationFailed):
        made.finish()


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"ffffffffffffffff\r\n", "IncompleteBody"),
        (b"fffffffffffffff0\r\n", "IncompleteBody"),
        (b"10000000000000000\r\n", "InvalidRequest"),
        (b"-5\r\nhello\r\n0\r\n\r\n", "InvalidRequest"),
        (b"0x5\r\nhello\r\n0\r\n\r\n", "InvalidRequest"),
        (b"+5\r\nhello\r\n0\r\n\r\n", "InvalidRequest"),
        (b" 5\r\nhello\r\n0\r\n\r\n", "InvalidRequest"),
        (b"\r\nhello", "InvalidRequest"),
        (b"5\nhello\r\n0\r\n\r\n", "InvalidRequest"),
        (b"5\r\nhello0\r\n\r\n", "InvalidRequest"),
        (b"5\r\nhelloo\r\n0\r\n\r\n", "InvalidRequest"),
        (b"5" * 600, "InvalidRequest"),
        (b"5;" + b"x" * 600, "InvalidRequest"),
        (b"4\r\nhell\r\n0\r\n\r\n", "IncompleteBody"),
        (b"6\r\nhello!\r\n0\r\n\r\n", "IncompleteBody"),
        (b"5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n", "IncompleteBody"),
        (b"5\r\nhello\r\n0\r\n\r\nGET /", "InvalidRequest"),
        (b"5\r\nhello\r\n0\r\n\r\n\r\n", None),
        (b"5\r\nhello\r\n0\r\n", None),
        (b"00005;anything=1\r\nhello\r\n0\r\n\r\n", None),
        (b"5\r\nhello\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n", "MalformedTrailerError"),
    ],
)
def test_framing_that_is_broken_or_nearly(body, code):
    outcomes = set()
    for pieces in ([body], [body[at : at + 1] for at in range(len(body))]):
        made = decoder(UNSIGNED_TRAILER, 5)
        try:
            assert decode(made, pieces) == b"hello"
            outcomes.add(None)
        except Failure as failure:
            outcomes.add(failure.code)
    assert outcomes == {code}


@pytest.mark.parametrize(
    "trailer",
    [
        b"\r\n",
        b"x-amz-checksum-sha1:AAAA\r\n\r\n",
        b"x-amz-checksum-crc32\r\n\r\n",
        b"x-amz-checksum-crc32:a\r\nx-amz-checksum-crc32:b\r\n\r\n",
        b"x-amz-checksum-crc32:\xff\r\n\r\n",
        b"x-amz-trailer-signature:aa\r\n\r\n",
        b"x-amz-checksum-crc32:" + b"a" * 5000,
        b"x-amz-checksum-crc32:a\r\nhost:evil\r\n\r\n",
    ],
)
def test_trailers_that_are_malformed(trailer):
    with pytest.raises(Failure) as caught:
        decode(decoder(UNSIGNED_TRAILER, 5, [SUM]), [b"5\r\nhello\r\n0\r\n" + trailer])
    assert caught.value.code == "MalformedTrailerError"


def test_signed_trailers_without_their_signature_never_end():
    body = framed(SIGNED_TRAILER, [b"hello"], [(SUM, "AAAAAA==")])
    unsigned = re.sub(rb"x-amz-trailer-signature:[0-9a-f]+\r\n", b"", body)
    with pytest.raises(BodyMismatch):
        decode(decoder(SIGNED_TRAILER, 5, [SUM]), [unsigned])


def test_signed_trailers_that_were_changed():
    body = framed(SIGNED_TRAILER, [b"hello"], [(SUM, "AAAAAA==")])
    with pytest.raises(AuthenticationFailed):
        decode(decoder(SIGNED_TRAILER, 5, [SUM]), [body.replace(b"AAAAAA", b"AAAAAB")])


@given(st.binary(max_size=5000), st.integers(1, 2000))
def test_what_botocore_frames_decodes(plain, chunk_bytes):
    wrapper = AwsChunkedWrapper(
        io.BytesIO(plain), checksum_cls=Crc32Checksum, checksum_name=SUM, chunk_size=chunk_bytes
    )
    made = decoder(UNSIGNED_TRAILER, len(plain), [SUM], seed=None)
    assert decode(made, list(wrapper)) == plain
    proof = BodyProof.of({"x-amz-trailer": SUM})
    proof.update(plain)
    assert proof.finish(made.trailers) == made.trailers


def test_a_large_piece_within_a_chunk_is_not_copied():
    made = decoder(PLAIN, 1 << 20)
    made.feed(b"100000\r\n")
    piece = bytes(1 << 16)
    assert made.feed(piece)[0] is piece


def test_what_is_framed_is_told_by_the_headers():
    chunked = {"Content-Encoding": "aws-chunked,gzip"}
    length = {"x-amz-decoded-content-length": "5"}
    for kind, framing in FRAMINGS.items():
        assert find_framing({}, kind) is framing
    assert find_framing({}, PLAIN) is None
    assert find_framing({"Content-Encoding": "gzip"}, PLAIN) is None
    # As S3: with the hash of the body as sent, aws-chunked is a coding like any other.
    assert find_framing(chunked | length, EMPTY) is None
    assert find_framing(chunked | length, PLAIN) is not None
    with pytest.raises(Failure, match="aws-chunked encoding is not supported"):
        find_framing(chunked, PLAIN)
    with pytest.raises(NotSupported, match="ECDSA"):
        find_framing({}, "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD")


@pytest.mark.parametrize(
    ("length", "code"),
    [
        (None, "MissingContentLength"),
        ("", "InvalidArgument"),
        ("-1", "InvalidArgument"),
        ("1e3", "InvalidArgument"),
        ("٣", "InvalidArgument"),
        ("9" * 17, "InvalidArgument"),
    ],
)
def test_a_decoded_length_that_is_none(length, code):
    headers = {} if length is None else {"x-amz-decoded-content-length": length}
    with pytest.raises(Failure) as caught:
        AwsChunkedDecoder.of(headers, UNSIGNED_TRAILER, None)
    assert caught.value.code == code


def test_a_signed_framing_needs_a_signed_request():
    with pytest.raises(AuthenticationFailed):
        decoder(SIGNED, 5, seed=None)


@given(
    st.sampled_from(KINDS),
    st.lists(
        st.binary(max_size=40)
        | st.sampled_from([b"\r\n", b"0\r\n", b"5\r\n", b";chunk-signature=", SUM.encode(), b":"]),
        max_size=12,
    ),
)
def test_whatever_comes_is_judged_in_words(kind_and_trailers, pieces):
    kind, trailers = kind_and_trailers
    made = decoder(kind, 5, [name for name, _ in trailers])
    try:
        assert len(decode(made, pieces)) == 5
    except Failure as failure:
        expected = {"IncompleteBody", "InvalidRequest", "MalformedTrailerError"}
        assert failure.code in expected | {"SignatureDoesNotMatch"}  # noqa: PT017 - or none at all
