"""Who is denied, and every way to ask: the rows and columns of the access matrix."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from yarl import URL

from gateway.access.identities import secret_mark
from gateway.access.session_tokens import PURPOSE, Session, SessionTokens
from gateway.protocol.s3.signing import presign
from gateway.state.sealing import Sealer
from tests.support.gateway_settings import ADMIN
from tests.support.gateway_worker import Gateway
from tests.support.signed_client import Reply, object_path


def _allow(action: str | list[str], resource: str | list[str], **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


STATE_KEY = bytes(range(32))
"""What the gateway seals sessions with."""
EVERYTHING = _allow("*", "*")
SHUT = {"Effect": "Deny", "Action": "*", "Resource": ["bucket", "bucket/*"]}
GROUPS = [{"name": "shut-out", "policy": {"Version": "2012-10-17", "Statement": [SHUT]}}]


@dataclass(frozen=True)
class Denied:
    """A principal that may do nothing of the matrix in `bucket`; None: nobody knows who it is."""

    name: str
    policy: Any = None
    groups: tuple[str, ...] = ()
    is_known: bool = True
    secret: str = "a secret"
    """What the gateway knows; the client signs with `a secret`."""
    may: frozenset[str] = frozenset()
    """Operations that its right covers after all."""
    is_anonymous: bool = False
    session_policy: str | None = None
    """Where it signs with a session of its own: the session's policy, '' for none."""

    @property
    def keys(self) -> tuple[str, str]:
        if self.session_policy is not None:
            return f"session-{self.name}", "a secret"
        return self._own_key, "a secret"

    @property
    def token(self) -> str | None:
        """Return the session token that it sends."""
        if self.session_policy is None:
            return None
        session = Session(
            access_key=self.keys[0],
            secret_key=self.keys[1],
            issued_us=1_700_000_000_000_000,
            expires=4_000_000_000,
            identity=self.name,
            identity_key=self._own_key,
            role="",
            name="",
            web=None,
            policy=self.session_policy,
            secret_mark=secret_mark(self.secret),
        )
        return SessionTokens(Sealer([STATE_KEY], PURPOSE)).seal(session)[0]

    @property
    def _own_key(self) -> str:
        return f"matrix-{self.name}"

    def tables(self) -> list[dict[str, Any]]:
        """Return its entry in the settings, if it has one."""
        entry = {"policy": self.policy, "groups": list(self.groups), "secret_key": self.secret}
        return [self._named(entry)] if self.is_known else []

    def allowed_tables(self) -> list[dict[str, Any]]:
        """Return the entry of somebody with the same keys who may do everything."""
        return [self._named({"policy": "admin", "secret_key": self.keys[1]})]

    def _named(self, entry: dict[str, Any]) -> dict[str, Any]:
        return {"name": self.name, "access_key": self._own_key, **entry}


def _when(**condition: Any) -> list[dict[str, Any]]:
    return [_allow("*", "*", Condition=condition)]


DENIED = [
    Denied("anonymous", is_known=False, is_anonymous=True),
    Denied("unknown", is_known=False),
    Denied("wrong-secret", "admin", secret="another secret"),
    Denied("stranger", [_allow("s3:*", ["other", "other/*"])]),
    Denied("denied", [EVERYTHING, SHUT]),
    Denied("in-a-group", "admin", ("shut-out",)),
    Denied("elsewhere", _when(IpAddress={"aws:SourceIp": "192.0.2.0/24"})),
    Denied("not-by-tls", _when(Bool={"aws:SecureTransport": "true"})),
    Denied("too-late", _when(DateLessThan={"aws:CurrentTime": "2020-01-01T00:00:00Z"})),
    Denied("not-at-home", [_allow("s3:*", "bucket/home/${aws:username}/*")]),
    Denied("writer", [_allow("s3:PutObject", "bucket/*")], may=frozenset({"put", "create upload"})),
    Denied(
        "lister",
        [_allow(["s3:ListBucket", "s3:ListBucketVersions"], "bucket")],
        may=frozenset({"head bucket", "list"}),
    ),
    Denied("in-a-session", [_allow("s3:*", ["other", "other/*"])], session_policy=""),
    Denied("narrowed", "admin", session_policy=json.dumps({"Statement": [EVERYTHING, SHUT]})),
]


@dataclass(frozen=True)
class Asking:
    """One way to ask."""

    name: str
    method: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    is_of_bucket: bool = False
    is_presigned: bool = False


READS = [
    Asking("get", "GET"),
    Asking("get a range", "GET", headers={"Range": "bytes=0-3"}),
    Asking("get the last bytes", "GET", headers={"Range": "bytes=-3"}),
    Asking("get if changed", "GET", headers={"If-None-Match": '"other"'}),
    Asking("get if the same", "GET", headers={"If-Match": '"other"'}),
    Asking("get since", "GET", headers={"If-Modified-Since": "Sat, 01 Jan 2050 00:00:00 GMT"}),
    Asking("get a part", "GET", "partNumber=1"),
    Asking("get a version", "GET", "versionId=null"),
    Asking("get under other headers", "GET", "response-content-type=text%2Fplain"),
    Asking("get explained", "GET", headers={"x-forebay-explain": "1"}),
    Asking("get presigned", "GET", is_presigned=True),
    Asking("head", "HEAD"),
    Asking("head a range", "HEAD", headers={"Range": "bytes=0-3"}),
    Asking("head a version", "HEAD", "versionId=null"),
    Asking("head presigned", "HEAD", is_presigned=True),
    Asking("acl", "GET", "acl"),
    Asking("tags", "GET", "tagging"),
    Asking("attributes", "GET", "attributes", {"x-amz-object-attributes": "ETag,ObjectSize"}),
]
OTHERS = [
    Asking("retention", "GET", "retention"),
    Asking("legal hold", "GET", "legal-hold"),
    Asking("select", "POST", "select&select-type=2", body=b"<x/>"),
    Asking("something new", "GET", "novelty"),
    Asking("delete", "DELETE"),
    Asking("delete a version", "DELETE", "versionId=null"),
    Asking("put", "PUT", body=b"overwritten"),
    Asking("put tags", "PUT", "tagging", body=b"<x/>"),
    Asking("put an acl", "PUT", "acl", {"x-amz-acl": "public-read"}),
    Asking("copy onto it", "PUT", headers={"x-amz-copy-source": "/bucket/secret"}),
    Asking("create upload", "POST", "uploads"),
    Asking("list parts", "GET", "uploadId=1"),
    Asking("abort", "DELETE", "uploadId=1"),
    Asking("rename", "PUT", "renameObject", {"x-amz-rename-source": "/bucket/secret"}),
]
OF_BUCKET = [
    Asking("list", "GET", is_of_bucket=True),
    Asking("list", "GET", "list-type=2&prefix=k", is_of_bucket=True),
    Asking("list", "GET", "versions", is_of_bucket=True),
    Asking("list uploads", "GET", "uploads", is_of_bucket=True),
    Asking("head bucket", "HEAD", is_of_bucket=True),
    Asking("policy", "GET", "policy", is_of_bucket=True),
    Asking("put a policy", "PUT", "policy", body=b"{}", is_of_bucket=True),
    Asking("location", "GET", "location", is_of_bucket=True),
    Asking("delete bucket", "DELETE", is_of_bucket=True),
]


async def ask(gateway: Gateway, who: Denied, asking: Asking, bucket: str, key: str) -> Reply:
    """Return the answer to one cell of the matrix."""
    path = f"/{bucket}" if asking.is_of_bucket else object_path(bucket, key)
    parts: dict[str, Any] = {"query": asking.query, "headers": dict(asking.headers)}
    if who.is_anonymous or asking.is_presigned:
        query = asking.query if who.is_anonymous else _presigned(gateway, who, asking, path)
        url = URL(f"{gateway.endpoint}{path}?{query}", encoded=True)
        async with gateway.session.request(
            asking.method, url, headers=asking.headers, data=asking.body or None
        ) as answer:
            return Reply(answer.status, answer.headers, await answer.read())
    return await gateway.as_principal(who.keys, who.token).ask(
        asking.method, path, body=asking.body, **parts
    )


def _presigned(gateway: Gateway, who: Denied, asking: Asking, path: str) -> str:
    return presign(
        asking.method,
        urlsplit(gateway.endpoint).netloc,
        path,
        asking.query,
        {},
        access_key=who.keys[0],
        secret=who.keys[1],
        session_token=who.token,
        region="us-east-1",
        amz_date=datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ"),
        expires_seconds=60,
    )


def identities(*tables: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the settings' identities: an administrator and those."""
    admin = {"name": "admin", "access_key": ADMIN[0], "secret_key": ADMIN[1], "policy": "admin"}
    return [admin, *(entry for table in tables for entry in table)]
