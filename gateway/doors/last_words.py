"""What a client is told that has no request: bad HTTP, too late, too many connections."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from aiohttp import web

RETRY_SECONDS: Final = 2


@dataclass(frozen=True, slots=True)
class LastWords:
    """How one door tells such errors; their codes are S3's, as those of failures are."""

    tell: Callable[[str, str], tuple[int, bytes]]
    """From an error's code and the answer's id to its status and body."""
    content_type: str
    id_header: str

    def error_answer(self, code: str) -> web.Response:
        """Return an error that ends its connection."""
        identity = _new_id()
        status, body = self.tell(code, identity)
        response = web.Response(
            status=status,
            body=body,
            content_type=self.content_type,
            headers={self.id_header: identity, "Server": "Forebay"},
        )
        response.force_close()
        return response

    def goodbye(self, code: str) -> bytes:
        """Return the same as bytes, for who has not sent a whole request."""
        identity = _new_id()
        status, body = self.tell(code, identity)
        retry = f"Retry-After: {RETRY_SECONDS}\r\n" if code == "SlowDown" else ""
        head = (
            f"HTTP/1.1 {status} {code}\r\nServer: Forebay\r\n{self.id_header}: {identity}\r\n"
            f"Content-Type: {self.content_type}\r\nContent-Length: {len(body)}\r\n{retry}"
            "Connection: close\r\n\r\n"
        )
        return head.encode() + body


def _new_id() -> str:
    return secrets.token_hex(8).upper()
