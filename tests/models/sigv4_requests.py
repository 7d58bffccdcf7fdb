"""Requests that are hard to sign, signed by botocore and the CRT, and ways to change them."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from urllib.parse import quote

from awscrt import auth as crt
from awscrt.http import HttpHeaders, HttpRequest
from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import strategies as st
from multidict import CIMultiDict, CIMultiDictProxy

from gateway.protocol.http.head import RequestHead

ACCESS_KEY, SECRET, REGION = (
    "AKIAIOSFODNN7EXAMPLE",
    "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
    "eu-1",
)
NOW = datetime(2026, 11, 21, 6, 30, tzinfo=UTC)
UNSIGNED = "UNSIGNED-PAYLOAD"

letters = st.characters(codec="utf-8", exclude_categories=("Cs",))
odd = st.text(letters, min_size=1, max_size=24) | st.text(
    "ab/.~+ %=&?#*'()!;:@,$\\|\"<>", min_size=1, max_size=16
)
keys = odd | st.sampled_from(["/", "//a//", "../..", "./a", "a%2Fb", "%", "%25", "+", " a ", "é/ü"])


def _is_free(name: str) -> bool:
    """Return whether no signer may add the name itself."""
    return name in {"x-amz-acl", "x-amz-meta-b"} or not name.lower().startswith("x-amz-")


query_names = (
    odd | st.sampled_from(["prefix", "acl", "versionId", "A", "a", "x-amz-acl", "x-amz-meta-b"])
).filter(lambda name: name not in {"Signature", "AWSAccessKeyId"} and _is_free(name))
queries = st.lists(st.tuples(query_names, odd | st.just("")), max_size=4)
values = st.text('a b\t,;=/+"', max_size=12) | st.text(
    st.characters(min_codepoint=0x20, max_codepoint=0x2FF, exclude_characters="\x7f"), max_size=8
)
header_names = st.sampled_from(
    [
        "x-amz-meta-a",
        "X-Amz-Meta-B",
        "x-amz-acl",
        "Content-Type",
        "Cache-Control",
        "Range",
        "x-other",
    ]
)
hosts = st.sampled_from(["localhost:9000", "h", "b.s3.example.com", "[::1]:8080", "h:80", "h:443"])
tokens = st.none() | st.text("abcXYZ0189+/=", min_size=1, max_size=40)


@dataclass(frozen=True)
class Asked:
    """A request to be signed: the key and query decoded, header values as they will be sent."""

    method: str
    host: str
    key: str
    query: tuple[tuple[str, str], ...]
    headers: tuple[tuple[str, str], ...]
    token: str | None

    @property
    def path(self) -> str:
        return "/bucket/" + quote(self.key, safe="/~")

    @property
    def raw_query(self) -> str:
        return "&".join(f"{quote(n, safe='-_.~')}={quote(v, safe='-_.~')}" for n, v in self.query)


@dataclass(frozen=True)
class Sent:
    """A request as it goes over the wire."""

    method: str
    path: str
    query: str
    headers: tuple[tuple[str, str], ...]

    def head(self) -> RequestHead:
        headers = CIMultiDict(self.headers)
        return RequestHead(self.method, self.path, self.query, CIMultiDictProxy(headers))

    def changed(self, name: str, at: int) -> "Sent":
        """Return it after one of CHANGES; a '?' that came into the path begins the query."""
        one = CHANGES[name](self, at)
        path, _, query = f"{one.path}?{one.query}".partition("?")
        return replace(one, path=path, query=query.removesuffix("?"))


asked = st.builds(
    Asked,
    st.sampled_from(["GET", "PUT", "HEAD", "DELETE", "POST"]),
    hosts,
    keys,
    queries.map(tuple),
    st.lists(st.tuples(header_names, values), max_size=4).map(tuple),
    tokens,
)


def by_botocore(one: Asked) -> Sent:
    """Return the request with botocore's signature in its header."""
    request = _botocore(one, one.raw_query)
    signer = S3SigV4Auth(Credentials(ACCESS_KEY, SECRET, one.token), "s3", REGION)
    signer.add_auth(request)
    return _sent(one, request.url, request.headers.items())


def by_botocore_presigned(one: Asked) -> Sent:
    """Return the request with botocore's signature in its query; headers must go with it."""
    request = _botocore(one, one.raw_query)
    signer = S3SigV4QueryAuth(Credentials(ACCESS_KEY, SECRET, one.token), "s3", REGION, 60)
    signer.add_auth(request)
    return _sent(one, request.url, request.headers.items())


def by_crt(one: Asked) -> Sent:
    """Return the request with the CRT's signature in its header."""
    return _by_crt(one, crt.AwsSignatureType.HTTP_REQUEST_HEADERS)


def by_crt_presigned(one: Asked) -> Sent:
    """Return the request with the CRT's signature in its query."""
    return _by_crt(one, crt.AwsSignatureType.HTTP_REQUEST_QUERY_PARAMS)


SIGNERS: dict[str, Callable[[Asked], Sent]] = {
    "botocore": by_botocore,
    "botocore presigned": by_botocore_presigned,
    "CRT": by_crt,
    "CRT presigned": by_crt_presigned,
}


def _botocore(one: Asked, query: str) -> AWSRequest:
    url = f"http://{one.host}{one.path}" + (f"?{query}" if query else "")
    request = AWSRequest(one.method, url)
    for name, value in one.headers:
        # botocore sends Latin-1 and squeezes its no-break spaces too: no server can verify those.
        request.headers.add_header(name, value.translate({0x85: "_", 0xA0: "_"}))
    request.headers["Host"] = one.host
    return request


def _sent(one: Asked, url: str, headers) -> Sent:
    target = url.partition("://")[2][len(one.host) :]
    path, _, query = target.partition("?")
    return Sent(one.method, path, query, tuple(headers))


def _by_crt(one: Asked, kind: crt.AwsSignatureType) -> Sent:
    target = one.path + (f"?{one.raw_query}" if one.raw_query else "")
    request = HttpRequest(one.method, target, HttpHeaders([("Host", one.host), *one.headers]))
    presigned = kind is crt.AwsSignatureType.HTTP_REQUEST_QUERY_PARAMS
    config = crt.AwsSigningConfig(
        algorithm=crt.AwsSigningAlgorithm.V4,
        signature_type=kind,
        credentials_provider=crt.AwsCredentialsProvider.new_static(ACCESS_KEY, SECRET, one.token),
        region=REGION,
        service="s3",
        date=NOW,
        use_double_uri_encode=False,
        should_normalize_uri_path=False,
        signed_body_value=UNSIGNED,
        signed_body_header_type=crt.AwsSignedBodyHeaderType.NONE
        if presigned
        else crt.AwsSignedBodyHeaderType.X_AMZ_CONTENT_SHA_256,
        expiration_in_seconds=60 if presigned else None,
    )
    signed = crt.aws_sign_request(request, config).result(30)
    path, _, query = signed.path.partition("?")
    return Sent(one.method, path, query, tuple(signed.headers))


def _replaced(text: str, at: int, change: Callable[[str], str]) -> str:
    at %= max(len(text), 1)
    return text[:at] + change(text[at : at + 1]) + text[at + 1 :]


def _other_header(sent: Sent, at: int, change: Callable[[str], str]) -> Sent:
    """Change one header's value, the signature's own left alone."""
    free = [n for n, (name, _) in enumerate(sent.headers) if name.lower() != "authorization"]
    chosen = free[at % len(free)]
    headers = list(sent.headers)
    headers[chosen] = (headers[chosen][0], change(headers[chosen][1]))
    return replace(sent, headers=tuple(headers))


def _pairs(sent: Sent, change: Callable[[list[str]], list[str]]) -> Sent:
    return replace(sent, query="&".join(change(sent.query.split("&"))))


CHANGES: dict[str, Callable[[Sent, int], Sent]] = {
    "method": lambda sent, at: replace(sent, method=("GET", "PUT", "DELETE", "HEAD")[at % 4]),
    "letter of the path": lambda sent, at: replace(
        sent, path="/bucket/" + _replaced(sent.path[8:], at, lambda one: "x" if one != "x" else "y")
    ),
    "letter into the path": lambda sent, at: replace(sent, path=sent.path + "/?.%x"[at % 5]),
    "spelling of the path": lambda sent, _: replace(
        sent, path=re.sub("%[0-9A-F]{2}", lambda found: found[0].lower(), sent.path)
    ),
    "slashes encoded": lambda sent, _: replace(
        sent, path="/bucket/" + sent.path[8:].replace("/", "%2F")
    ),
    "percent twice": lambda sent, _: replace(sent, path=sent.path.replace("%", "%25")),
    "plus for space": lambda sent, _: replace(sent, query=sent.query.replace("%20", "+")),
    "plus in the path": lambda sent, _: replace(sent, path=sent.path.replace("%20", "+")),
    "order of the query": lambda sent, _: _pairs(sent, lambda pairs: pairs[::-1]),
    "a pair more": lambda sent, at: _pairs(
        sent, lambda pairs: [*pairs, ("acl", "acl=", "prefix=b", "&", "=")[at % 5]]
    ),
    "a pair twice": lambda sent, at: _pairs(sent, lambda pairs: [*pairs, pairs[at % len(pairs)]]),
    "a pair less": lambda sent, at: _pairs(
        sent, lambda pairs: pairs[: at % len(pairs)] + pairs[at % len(pairs) + 1 :]
    ),
    "letter of the query": lambda sent, at: replace(
        sent, query=_replaced(sent.query, at, lambda one: "1" if one != "1" else "2")
    ),
    "header's value": lambda sent, at: _other_header(sent, at, lambda value: value + "x"),
    "spaces in a header": lambda sent, at: _other_header(
        sent, at, lambda value: f" \t{value.replace(' ', '   ')}  "
    ),
    "other spaces in a header": lambda sent, at: _other_header(
        sent, at, lambda value: value.replace(" ", "\u00a0") or "\u3000"
    ),
    "header's name": lambda sent, _: replace(
        sent, headers=tuple((name.swapcase(), value) for name, value in sent.headers)
    ),
    "header split": lambda sent, _: replace(
        sent,
        headers=tuple(
            (name, part)
            for name, value in sent.headers
            for part in (value.split(",") if name.lower().startswith("x-amz-meta") else [value])
        ),
    ),
    "header gone": lambda sent, at: replace(
        sent,
        headers=tuple(one for n, one in enumerate(sent.headers) if n != at % len(sent.headers)),
    ),
    "order of the headers": lambda sent, _: replace(sent, headers=sent.headers[::-1]),
    "an unsigned header": lambda sent, at: replace(
        sent,
        headers=(*sent.headers, (("x-amz-meta-z", "If-Match", "x-amz-copy-source")[at % 3], "1")),
    ),
    "letter of the claim": lambda sent, at: replace(
        sent,
        headers=tuple(
            (name, _replaced(value, at, lambda one: "a" if one != "a" else "b"))
            if name.lower() == "authorization"
            else (name, value)
            for name, value in sent.headers
        ),
    ),
}
