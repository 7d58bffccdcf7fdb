"""aws-chunked bodies as clients frame them, and as liars do (AWS, *Signature calculations*)."""

from collections.abc import Sequence
from hashlib import sha256
from hmac import digest

from gateway.protocol.s3.signing import EMPTY_SHA256, signing_key

SIGNED = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
SIGNED_TRAILER = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
UNSIGNED_TRAILER = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"


def chunks_of(body: bytes, chunk_bytes: int = 64 * 1024) -> list[bytes]:
    """Return the body cut into chunks."""
    return [body[start : start + chunk_bytes] for start in range(0, len(body), chunk_bytes)]


def framed(
    kind: str,
    chunks: Sequence[bytes],
    *,
    headers: dict[str, str],
    secret: str,
    trailers: Sequence[tuple[str, str]] = (),
    lie_in_chunk: int | None = None,
) -> bytes:
    """Return the framed body; `headers` are the request's signed ones, whose signature seeds it.

    The signature of chunk `lie_in_chunk` is made over other bytes than those sent.
    """
    previous = headers["authorization"].rpartition("Signature=")[2]
    amz_date = headers["x-amz-date"]
    key = signing_key(secret, amz_date[:8], "us-east-1")
    scope = f"{amz_date}\n{amz_date[:8]}/us-east-1/s3/aws4_request"
    body = b""
    for number, chunk in enumerate([*chunks, b""]):
        line = f"{len(chunk):x}"
        if kind in (SIGNED, SIGNED_TRAILER):
            told = b"other bytes" if number == lie_in_chunk else chunk
            text = f"AWS4-HMAC-SHA256-PAYLOAD\n{scope}\n{previous}\n{EMPTY_SHA256}\n"
            previous = digest(key, (text + sha256(told).hexdigest()).encode(), "sha256").hex()
            line += f";chunk-signature={previous}"
        body += line.encode() + b"\r\n" + (chunk + b"\r\n" if chunk else b"")
    for name, value in trailers:
        body += f"{name}:{value}\r\n".encode()
    if kind == SIGNED_TRAILER:
        lines = "".join(f"{name}:{value}\n" for name, value in trailers)
        text = f"AWS4-HMAC-SHA256-TRAILER\n{scope}\n{previous}\n"
        text += sha256(lines.encode()).hexdigest()
        signature = digest(key, text.encode(), "sha256").hex()
        body += f"x-amz-trailer-signature:{signature}\r\n".encode()
    return body + b"\r\n"
