"""A byte-exact S3 client on the standard library alone: what it is told to send, it sends.

It is the suites' witness. It shares no code with the gateway (its signer is its own) nor with any
client under test, it runs in every client's environment, and it asks the origin directly what is
really there. https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
"""

import contextlib
import hmac
import http.client
import ssl
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from urllib.parse import quote, urlsplit
from xml.etree import ElementTree as ET

UNSIGNED = "UNSIGNED-PAYLOAD"
_TIMEOUT_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole answer; `headers` keeps the order and case that were received."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str | None:
        """Return the first value of a header."""
        found = (value for key, value in self.headers if key.lower() == name.lower())
        return next(found, None)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a client is pointed: an endpoint, a bucket there, and who it says it is."""

    endpoint: str
    bucket: str
    access_key: str
    secret_key: str
    ca_file: str | None = None
    region: str = "us-east-1"
    session_token: str | None = None
    """Of temporary credentials; RawS3 does not know it, since the witness has lasting ones."""

    @property
    def netloc(self) -> str:
        """Return host and port."""
        return urlsplit(self.endpoint).netloc

    @property
    def is_secure(self) -> bool:
        """Return whether it is https."""
        return self.endpoint.startswith("https:")


def encoded(key: str) -> str:
    """Return a key as S3 wants it in a path: every octet escaped but the unreserved and `/`."""
    return quote(key, safe="/-._~")


class RawS3:
    """Signs and sends; one connection a request, so that no request inherits another's trouble."""

    def __init__(self, place: Place) -> None:
        self.place = place

    def ask(
        self,
        method: str,
        path: str,
        query: str = "",
        headers: Mapping[str, str] | None = None,
        *,
        body: bytes = b"",
        payload_hash: str | None = None,
    ) -> Reply:
        """Return the answer to a signed request for the raw `path` and `query`."""
        digest = payload_hash or sha256(body).hexdigest()
        signed = self.signed(method, path, query, dict(headers or {}), digest)
        if body or method in {"PUT", "POST"}:
            signed["Content-Length"] = str(len(body))
        return send(self.place, method, f"{path}?{query}" if query else path, signed, body)

    def signed(
        self, method: str, path: str, query: str, headers: dict[str, str], payload_hash: str
    ) -> dict[str, str]:
        """Return the headers with Host, date, payload hash and signature."""
        place = self.place
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        headers = {
            "Host": place.netloc,
            **headers,
            "x-amz-date": stamp,
            "x-amz-content-sha256": payload_hash,
        }
        lowered = sorted((name.lower(), " ".join(value.split())) for name, value in headers.items())
        names = ";".join(name for name, _ in lowered)
        canonical = "\n".join(
            [
                method,
                path,
                _canonical_query(query),
                *(f"{name}:{value}" for name, value in lowered),
                "",
                names,
                payload_hash,
            ]
        )
        scope = f"{stamp[:8]}/{place.region}/s3/aws4_request"
        hashed = sha256(canonical.encode()).hexdigest()
        text = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashed}"
        key = f"AWS4{place.secret_key}".encode()
        for part in scope.split("/"):
            key = hmac.digest(key, part.encode(), "sha256")
        signature = hmac.digest(key, text.encode(), "sha256").hex()
        headers["Authorization"] = (
            f"AWS4-HMAC-SHA256 Credential={place.access_key}/{scope}, "
            f"SignedHeaders={names}, Signature={signature}"
        )
        return headers

    def path(self, key: str = "") -> str:
        """Return the raw path of a key, or of the bucket."""
        return f"/{self.place.bucket}/{encoded(key)}" if key else f"/{self.place.bucket}"

    def put(self, key: str, body: bytes, headers: Mapping[str, str] | None = None) -> str:
        """Put an object and return its ETag; raises AssertionError if the answer is not 200."""
        reply = self.ask("PUT", self.path(key), "", headers, body=body)
        assert reply.status == 200, (
            f"PUT {key!r} at the origin: {reply.status} {reply.body[:300]!r}"
        )
        return reply.header("ETag") or ""

    def find(self, key: str) -> bytes | None:
        """Return an object's body; None if there is none; raises AssertionError for all else."""
        reply = self.ask("GET", self.path(key))
        if reply.status == 404:
            return None
        assert reply.status == 200, (
            f"GET {key!r} at the origin: {reply.status} {reply.body[:300]!r}"
        )
        return reply.body

    def keys(self, prefix: str) -> set[str]:
        """Return up to 1,000 keys under a prefix."""
        query = f"list-type=2&prefix={quote(prefix, safe='-._~')}"
        reply = self.ask("GET", self.path(), query)
        assert reply.status == 200, f"LIST at the origin: {reply.status} {reply.body[:300]!r}"
        return set(texts(reply.body, "Contents/Key"))


def send(
    place: Place, method: str, target: str, headers: Mapping[str, str], body: bytes = b""
) -> Reply:
    """Send exactly this and return the answer; a broken connection is status 0."""
    connection: http.client.HTTPConnection
    if place.is_secure:
        context = ssl.create_default_context(cafile=place.ca_file)
        connection = http.client.HTTPSConnection(
            place.netloc, timeout=_TIMEOUT_SECONDS, context=context
        )
    else:
        connection = http.client.HTTPConnection(place.netloc, timeout=_TIMEOUT_SECONDS)
    try:
        connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
        for name, value in headers.items():
            connection.putheader(name, value)
        # A server may refuse before it has read all, and close: its answer counts.
        with contextlib.suppress(ConnectionError):
            connection.endheaders(body or None)
        answer = connection.getresponse()
        return Reply(answer.status, tuple(answer.getheaders()), answer.read())
    except (ConnectionError, http.client.HTTPException) as broken:
        return Reply(0, (), repr(broken).encode())
    finally:
        connection.close()


def fetch(place: Place, method: str, url: str, body: bytes = b"") -> Reply:
    """Use a presigned URL as a program without credentials would."""
    parts = urlsplit(url)
    assert parts.netloc == place.netloc, f"the URL names {parts.netloc}"
    headers = {"Host": parts.netloc}
    if method == "PUT":
        headers["Content-Length"] = str(len(body))
    return send(place, method, f"{parts.path}?{parts.query}", headers, body)


def texts(document: bytes, path: str) -> Iterable[str]:
    """Yield the texts of all elements at a path, whatever their namespace."""
    steps = "/".join(f"{{*}}{step}" for step in path.split("/"))
    # Only the standard library is everywhere, and the documents are of servers that we started.
    found = ET.fromstring(document).findall(f".//{steps}")  # noqa: S314
    return [element.text or "" for element in found]


def _canonical_query(query: str) -> str:
    """Return the sorted query; `query` must be escaped as S3 wants it already."""
    pairs = [part if "=" in part else f"{part}=" for part in query.split("&") if part]
    return "&".join(sorted(pairs, key=lambda pair: pair.split("=", 1)))
