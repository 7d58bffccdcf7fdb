"""What other signers sign verifies; what changes the text that they signed does not."""

import hashlib
from collections import Counter
from hmac import compare_digest

from multidict import CIMultiDict, CIMultiDictProxy

from gateway.model.failures import AuthenticationFailed, Failure, InvalidRequest
from gateway.protocol.http.head import RequestHead
from gateway.protocol.s3.aws_chunked import AwsChunkedDecoder
from gateway.protocol.s3.sigv4 import Claim, read_claim, verify
from tests.models import sigv4_model
from tests.models.sigv4_model import Wire
from tests.models.sigv4_requests import ACCESS_KEY, REGION, SECRET, SIGNERS, Asked, Sent

AMZ_DATE = "20261121T063000Z"
TRAILER = "x-amz-checksum-sha256"


def prove(signer: str, asked: Asked, changes: list[tuple[str, int]], counts: Counter[str]) -> None:
    """Sign, verify, and verify again after each change; `counts` tells what was tried."""
    sent = SIGNERS[signer](asked)
    head = sent.head()
    claim = read_claim(head)
    assert claim is not None
    assert (claim.access_key, claim.region) == (ACCESS_KEY, REGION)
    assert claim.session_token == asked.token
    assert claim.presigned == ("presigned" in signer)
    assert compare_digest(verify(head, claim, SECRET).signature, claim.signature)
    assert not _verifies(head, claim, SECRET + "x")
    texts = _texts(sent, claim)
    signed = [text for text in texts if _is_signature_of(claim, text)]
    assert signed, "the model does not know what was signed"
    counts["signed"] += 1
    for name, at in changes:
        counts[_prove_change(sent, sent.changed(name, at), signed[0])] += 1


def _prove_change(sent: Sent, other: Sent, signed: str) -> str:
    """Return what became of a changed request, which verifies just where the model says so."""
    if other == sent:
        return "changes that changed nothing"
    head = other.head()
    try:
        claim = read_claim(head)
    except (AuthenticationFailed, InvalidRequest):
        return "changed: claims refused"
    if claim is None:
        return "changed: claims gone"
    texts = _texts(other, claim)
    is_right = any(_is_signature_of(claim, text) for text in texts)
    assert _verifies(head, claim, SECRET) == is_right, (other, claim)
    if is_right:
        assert signed in texts, "another canonical request has this signature"
        return "changed: the same canonical request, verified"
    return "changed: another canonical request, refused"


def _texts(sent: Sent, claim: Claim) -> tuple[str, str]:
    """Return the two texts of the model, either of which the signature may be of."""
    query = sent.query
    if claim.presigned:
        pairs = query.split("&")
        query = "&".join(one for one in pairs if not one.startswith("X-Amz-Signature="))
    wire = Wire(
        sent.method, sent.path, query, sent.headers, claim.signed_headers, claim.payload_hash
    )
    return sigv4_model.canonical(wire), sigv4_model.as_sent(wire)


def _is_signature_of(claim: Claim, text: str) -> bool:
    return sigv4_model.signature(SECRET, claim.amz_date, claim.region, text) == claim.signature


def _verifies(head: RequestHead, claim: Claim, secret: str) -> bool:
    try:
        verify(head, claim, secret)
    except AuthenticationFailed:
        return False
    return True


def prove_chunks(
    chunks: list[bytes], *, has_trailer: bool, cut: int, at: int, counts: Counter[str]
) -> None:
    """Frame and sign chunks as the model does; decode them cut, and with a bit turned."""
    kind = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD" + "-TRAILER" * has_trailer
    plain = b"".join(chunks)
    headers = _chunked_headers(kind, len(plain), has_trailer=has_trailer)
    signature = headers["authorization"].rpartition("=")[2]
    body = _framed(chunks, signature, plain if has_trailer else None)
    assert _decoded(headers, [body[:cut], body[cut:]]) == plain
    counts["bodies of signed chunks"] += 1
    turned = bytearray(body)
    turned[at % len(body)] ^= 1 << at % 7
    try:
        assert _decoded(headers, [bytes(turned)]) == plain
        counts["bodies with a bit turned: the same bytes within"] += 1
    except Failure:
        counts["bodies with a bit turned: refused"] += 1


def _chunked_headers(kind: str, length: int, *, has_trailer: bool) -> dict[str, str]:
    headers = {
        "host": "h",
        "x-amz-content-sha256": kind,
        "x-amz-date": AMZ_DATE,
        "x-amz-decoded-content-length": str(length),
    } | ({"x-amz-trailer": TRAILER} if has_trailer else {})
    names = sorted(headers)
    wire = Wire("PUT", "/b/k", "", list(headers.items()), names, kind)
    text = sigv4_model.canonical(wire)
    signature = sigv4_model.signature(SECRET, AMZ_DATE, REGION, text)
    headers["authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={ACCESS_KEY}/{AMZ_DATE[:8]}/{REGION}/s3/aws4_request, "
        f"SignedHeaders={';'.join(names)}, Signature={signature}"
    )
    return headers


def _framed(chunks: list[bytes], previous: str, trailed: bytes | None) -> bytes:
    key = sigv4_model.signing_key(SECRET, AMZ_DATE, REGION)
    body = b""
    for chunk in [*chunks, b""]:
        previous = sigv4_model.chunk_signature(key, previous, AMZ_DATE, REGION, chunk)
        line = f"{len(chunk):x};chunk-signature={previous}\r\n".encode()
        body += line + (chunk + b"\r\n" if chunk else b"")
    if trailed is not None:
        line = f"{TRAILER}:{hashlib.sha256(trailed).hexdigest()}\n"
        signature = sigv4_model.trailer_signature(key, previous, AMZ_DATE, REGION, line)
        body += f"{line[:-1]}\r\nx-amz-trailer-signature:{signature}\r\n".encode()
    return body + b"\r\n"


def _decoded(headers: dict[str, str], pieces: list[bytes]) -> bytes:
    head = RequestHead("PUT", "/b/k", "", CIMultiDictProxy(CIMultiDict(headers)))
    claim = read_claim(head)
    assert claim is not None
    seed = verify(head, claim, SECRET)
    decoder = AwsChunkedDecoder.of(head.headers, claim.payload_hash, seed)
    assert decoder is not None
    plain = b"".join(b"".join(decoder.feed(piece)) for piece in pieces)
    decoder.finish()
    return plain
