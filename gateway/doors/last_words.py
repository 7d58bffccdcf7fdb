"""What a client is told that has no request: bad HTTP, too late, too many connections."""

import secrets
from typing import Final

from aiohttp import web

from gateway.protocol.s3.errors import ERRORS, error_xml

RETRY_SECONDS: Final = 2


def error_answer(code: str) -> web.Response:
    """Return an S3 error that ends its connection."""
    status, words = ERRORS[code]
    identity = secrets.token_hex(8).upper()
    response = web.Response(
        status=status,
        body=error_xml(code, words, "", identity),
        content_type="application/xml",
        headers={"x-amz-request-id": identity, "Server": "Forebay"},
    )
    response.force_close()
    return response


def goodbye(code: str) -> bytes:
    """Return the same as bytes, for who has not sent a whole request."""
    status, words = ERRORS[code]
    identity = secrets.token_hex(8).upper()
    body = error_xml(code, words, "", identity)
    retry = f"Retry-After: {RETRY_SECONDS}\r\n" if code == "SlowDown" else ""
    head = (
        f"HTTP/1.1 {status} {code}\r\nServer: Forebay\r\nx-amz-request-id: {identity}\r\n"
        f"Content-Type: application/xml\r\nContent-Length: {len(body)}\r\n{retry}"
        "Connection: close\r\n\r\n"
    )
    return head.encode() + body
