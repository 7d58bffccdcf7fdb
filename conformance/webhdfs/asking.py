"""Raw WebHDFS over HTTP, on the standard library: one request, or the two steps of one.

What it is told to send it sends, byte for byte; a redirect is followed by hand, so that both
answers can be looked at. https://hadoop.apache.org/docs/stable/hadoop-project-dist/hadoop-hdfs/WebHDFS.html
"""

import contextlib
import http.client
import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

PREFIX = "/webhdfs/v1"
_TIMEOUT_SECONDS = 120


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str:
        """Return the first value of a header; '' where there is none."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), "")

    def json(self) -> dict[str, object]:
        """Return the body as a document; {} where it is none."""
        with contextlib.suppress(ValueError):
            document = json.loads(self.body)
            return document if isinstance(document, dict) else {}
        return {}

    @property
    def next_url(self) -> str:
        """Return where the second step goes; '' where there is none."""
        if self.status == 307:
            return self.header("Location")
        return str(self.json().get("Location", ""))

    @property
    def exception(self) -> str:
        """Return the name of the exception; '' where there is none."""
        told = self.json().get("RemoteException")
        return str(told.get("exception")) if isinstance(told, dict) else ""


def ask(
    authority: str,
    method: str,
    target: str,
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
    *,
    tls: ssl.SSLContext | None = None,
) -> Answer:
    """Send one request and return its answer; raises OSError, HTTPException."""
    connection: http.client.HTTPConnection
    if tls is not None:
        connection = http.client.HTTPSConnection(authority, timeout=_TIMEOUT_SECONDS, context=tls)
    else:
        connection = http.client.HTTPConnection(authority, timeout=_TIMEOUT_SECONDS)
    try:
        connection.putrequest(method, target, skip_accept_encoding=True)
        for name, value in (headers or {}).items():
            connection.putheader(name, value)
        if body is not None:
            connection.putheader("Content-Type", "application/octet-stream")
        if body is not None or method in {"PUT", "POST"}:
            connection.putheader("Content-Length", str(len(body or b"")))
        # A server may refuse before it has read all, and close: its answer counts.
        with contextlib.suppress(ConnectionError):
            connection.endheaders(body or None)
        answer = connection.getresponse()
        return Answer(answer.status, tuple(answer.getheaders()), answer.read())
    finally:
        connection.close()


def ask_url(
    url: str, method: str, body: bytes | None = None, *, tls: ssl.SSLContext | None = None
) -> Answer:
    """Do the second step at the URL that the first gave, with nothing but that URL."""
    parts = urlsplit(url)
    target = f"{parts.path}?{parts.query}" if parts.query else parts.path
    return ask(parts.netloc, method, target, None, body, tls=tls if url[:6] == "https:" else None)
