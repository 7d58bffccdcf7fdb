"""GETs as clients ask them: by a presigned URL, signed in the header, or plain."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any
from uuid import uuid4

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from conformance.performance.origins import (
    ACCESS_KEY,
    BUCKET,
    REGION,
    SECRET_KEY,
    Server,
    s3_client,
)

_LINK_SECONDS = 6 * 3600
_EMPTY_SHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


@dataclass(frozen=True, slots=True)
class Ask:
    """One GET: its target, and all headers that it needs, Host among them."""

    target: str
    fields: Mapping[str, str]

    @property
    def raw(self) -> bytes:
        """Return the head as it stands on the wire."""
        fields = (f"{name}: {value}" for name, value in self.fields.items())
        return ("\r\n".join([f"GET {self.target} HTTP/1.1", *fields]) + "\r\n\r\n").encode()


def link(server: Server, key: str, method: str = "GET") -> str:
    """Return a URL of an object: presigned, or plain where the server asks for no signature."""
    return links(server, [key], method)[0]


def links(server: Server, keys: Iterable[str], method: str = "GET") -> list[str]:
    """Return the URLs of several objects, as `link` does."""
    endpoint = f"http://{server.authority}"
    if server.proof == "none":
        return [f"{endpoint}/{BUCKET}/{key}" for key in keys]
    return [_presigned(endpoint, key, method) for key in keys]


@cache  # so that a cache that knows a request by its URL meets the same one again
def _presigned(endpoint: str, key: str, method: str) -> str:
    operation = {"GET": "get_object", "HEAD": "head_object", "PUT": "put_object"}[method]
    url: str = _client(endpoint).generate_presigned_url(
        operation, Params={"Bucket": BUCKET, "Key": key}, ExpiresIn=_LINK_SECONDS
    )
    return url


@cache
def _client(endpoint: str) -> Any:
    return s3_client(endpoint)


def asks(
    server: Server, keys: Iterable[str], *, by_link: bool = False, bucket: str = BUCKET
) -> list[Ask]:
    """Return a GET of each key, signed in the header unless the server or the caller will not."""
    if server.proof == "header" or (server.proof == "any" and not by_link):
        return [signed(server, f"/{bucket}/{key}") for key in keys]
    start = f"http://{server.authority}"
    return [Ask(url.removeprefix(start), _host(server)) for url in links(server, keys)]


def signed(server: Server, target: str) -> Ask:
    """Return a GET as an SDK signs it: it has a number of its own, so that each is new."""
    signer = SigV4Auth(Credentials(ACCESS_KEY, SECRET_KEY), "s3", REGION)
    request = AWSRequest("GET", f"http://{server.authority}{target}")
    request.context["timestamp"] = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    fields = {
        **_host(server),
        "amz-sdk-invocation-id": str(uuid4()),
        "X-Amz-Date": request.context["timestamp"],
        "X-Amz-Content-SHA256": _EMPTY_SHA256,
    }
    for name, value in fields.items():
        request.headers[name] = value
    text = signer.canonical_request(request)
    signature = signer.signature(signer.string_to_sign(request, text), request)
    signed = signer.signed_headers(signer.headers_to_sign(request))
    fields["Authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={signer.scope(request)}, SignedHeaders={signed}, "
        f"Signature={signature}"
    )
    return Ask(target, fields)


def _host(server: Server) -> dict[str, str]:
    return {"Host": server.authority}
