"""Targets of signatures and digests: claims in header, query, form; checksums; sealed secrets."""

import base64
from contextlib import suppress
from datetime import UTC, datetime

from gateway.model.failures import Failure
from gateway.protocol.http.dates import find_amz_date
from gateway.protocol.s3.checksums import ALGORITHMS, BodyProof, base64_of, new_digest
from gateway.protocol.s3.claimed_key import find_claimed_key
from gateway.protocol.s3.form_signature import read_form_claim, verify_form
from gateway.protocol.s3.sigv4 import check_time, read_claim, verify
from gateway.state.sealing import Sealer, SealError, parse_keys
from tests.fuzzing.target import Portions, Target, head_of, text_of
from tests.golden.aws_sigv4 import HEADER_EXAMPLES, PRESIGNED_TARGET

NOBODYS_SECRET = "with this secret nobody has signed anything"
NOW = datetime(2013, 5, 24, tzinfo=UTC)
SEALERS = tuple(Sealer([bytes([number]) * 32], "fuzzing") for number in range(2))


def read_signature(raw: bytes) -> None:
    head = head_of(raw)
    assert len(find_claimed_key(head)) <= 128
    with suppress(Failure):
        claim = read_claim(head)
        if claim is None:
            return
        assert claim.service == "s3"
        assert find_amz_date(claim.amz_date) is not None
        assert "host" in claim.signed_headers
        with suppress(Failure):
            check_time(claim, NOW)
        verify(head, claim, NOBODYS_SECRET)
        raise AssertionError("a signature of nobody's was taken")


def fields_of(raw: bytes) -> dict[str, str]:
    """Return a form's fields, a line each; a form's texts are UTF-8."""
    lines = raw.decode("utf-8", "replace").split("\n")
    pairs = (line.partition("=") for line in lines)
    return {name.lower(): value.replace("\r", "\n") for name, mark, value in pairs if mark}


def read_form_signature(raw: bytes) -> None:
    fields = fields_of(raw)
    with suppress(Failure):
        claim = read_form_claim(fields)
        if claim is not None:
            verify_form(claim, fields["policy"], NOBODYS_SECRET)
            raise AssertionError("a signature of nobody's was taken")


def prove(raw: bytes) -> None:
    portions = Portions(raw)
    body, is_right = portions.piece(portions.number(64)), portions.choice((False, True))
    algorithm = portions.choice(tuple(ALGORITHMS))
    head = head_of(b"PUT /\n" + portions.rest())
    headers = head.headers.copy()
    if is_right:
        digest = new_digest(algorithm)
        digest.update(body)
        headers[f"x-amz-checksum-{algorithm}"] = base64_of(digest.digest())
    trailers = {name.lower(): value for name, value in headers.items()}
    with suppress(Failure):
        proof = BodyProof.of(headers)
        proof.update(body)
        proven = proof.finish(trailers)
        for name, value in proven.items():
            digest = new_digest(name.removeprefix("x-amz-checksum-"))
            digest.update(body)
            assert base64_of(digest.digest()) == value


def open_sealed(raw: bytes) -> None:
    sealer, other = SEALERS
    with suppress(SealError):
        parse_keys(text_of(raw))
    with suppress(SealError):
        sealer.open(raw, "owner")
        raise AssertionError("it was never sealed")
    sealer.is_current(raw)
    sealed = sealer.seal(raw, "owner")
    assert sealer.open(sealed, "owner") == raw
    changed = bytearray(sealed)
    changed[len(raw) % len(sealed)] ^= 1 + (len(raw) % 255)
    for closed, whose, text in (
        (other, "owner", sealed),
        (sealer, "another", sealed),
        (sealer, "owner", bytes(changed)),
    ):
        with suppress(SealError):
            closed.open(text, whose)
            raise AssertionError("it was opened by whom it was not sealed for")


def _written(name: str) -> bytes:
    example = HEADER_EXAMPLES[name]
    lines = [f"{field}: {value}" for field, value in example.headers.items()]
    return "\n".join([f"{example.method} {example.target}", *lines]).encode()


_FORM = (
    b"policy=e30=\nx-amz-algorithm=AWS4-HMAC-SHA256\n"
    b"x-amz-credential=AK/20130524/us-east-1/s3/aws4_request\nx-amz-date=20130524T000000Z\n"
    b"x-amz-signature=00\nx-amz-security-token=t"
)

TARGETS = (
    Target(
        "sigv4",
        read_signature,
        (*map(_written, HEADER_EXAMPLES), f"GET {PRESIGNED_TARGET}\nHost: h".encode()),
        b"AWS4-HMAC-SHA256|Credential=|SignedHeaders=|Signature=|"
        b"\nAuthorization: |\nx-amz-date: 20130524T000000Z|\nDate: |host;|"
        b"/s3/aws4_request|&|X-Amz-Expires=604800|X-Amz-Content-Sha256=|"
        b"UNSIGNED-PAYLOAD|%2F|+|\nx-amz-meta-a: \xc2\xa0 \xff|AWSAccessKeyId=|"
        b"X-Amz-Security-Token=",
    ),
    Target(
        "form-claim",
        read_form_signature,
        (_FORM, b"AWSAccessKeyId=a\nsignature=b", b"key=k"),
        b"\npolicy=|\nx-amz-|AWS4-HMAC-SHA256|/s3/aws4_request|20130524",
    ),
    Target(
        "checksums",
        prove,
        (
            b"\x05hello\x01\x00Content-MD5: XUFAKrxLKna5cZ2REBfFkg==",
            b"\x05hello\x00\x01x-amz-checksum-crc32: NhCmhg==\nx-amz-trailer: x-amz-checksum-crc32",
            (
                b"\x00\x00\x00x-amz-content-sha256: "
                b"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
            ),
        ),
        b"\nx-amz-checksum-|\nx-amz-trailer: |\nContent-MD5: |" + "|".join(ALGORITHMS).encode(),
    ),
    Target(
        "sealed",
        open_sealed,
        (
            SEALERS[0].seal(b"secret", "another"),
            SEALERS[1].seal(b"", "owner"),
            base64.b64encode(bytes(32)) + b"\n" + base64.b64encode(bytes(32)),
        ),
        bytes_max=512,
    ),
)
