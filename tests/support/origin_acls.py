"""An origin that knows several users: who may read which key, judged anew for every request."""

from collections import defaultdict
from datetime import UTC, datetime

from gateway.demo.origin import EmbeddedOrigin
from gateway.demo.origin_errors import S3Error
from gateway.protocol.http.head import RequestHead
from gateway.protocol.s3.sigv4 import Seed, check_time, read_claim, verify
from tests.support.origins import ACCESS_KEY, SECRET_KEY

ANN = ("ANN-AT-ORIGIN", "ann/secret/at/origin")
BOB = ("BOB-AT-ORIGIN", "bob/secret/at/origin")
FOREBAY_KEYS = (ACCESS_KEY, SECRET_KEY)
NOBODY = ""
"""Whoever signs nothing."""


class Acls:
    """Judges each request of `origin` by who signed it."""

    def __init__(self, origin: EmbeddedOrigin) -> None:
        self.users = dict((FOREBAY_KEYS, ANN, BOB))
        self.denied: defaultdict[str, set[str]] = defaultdict(set)
        """Access key -> the paths that it may not touch; a path ending in / is all below it."""
        self.denied[NOBODY].add("/")
        self.asked: list[tuple[str, str, str]] = []
        """(access key, method, path) of everything that was let through."""
        origin.authenticate = self.authenticate

    def authenticate(self, head: RequestHead) -> Seed | None:
        """Return the seed of who may; raises S3Error (AccessDenied)."""
        claim = read_claim(head)
        seed = None
        if claim is not None:
            if claim.access_key not in self.users:
                raise S3Error("InvalidAccessKeyId", "No such key")
            check_time(claim, datetime.now(UTC))
            seed = verify(head, claim, self.users[claim.access_key])
        who = claim.access_key if claim is not None else NOBODY
        if not self.allows(who, head.path):
            raise S3Error("AccessDenied", "Access Denied")
        self.asked.append((who, head.method, head.path))
        return seed

    def allows(self, who: str, path: str) -> bool:
        """Return whether `who` may touch `path`."""
        return not any(
            path == one or (one.endswith("/") and path.startswith(one)) for one in self.denied[who]
        )

    def askers(self, path: str | None = None) -> set[str]:
        """Return who was let through (to one path)."""
        return {who for who, _, asked in self.asked if path in (None, asked)}
