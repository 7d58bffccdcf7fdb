"""The head of a request: what stood on the wire, byte-exact, and how to look at it (pure)."""

from dataclasses import dataclass, field

from multidict import CIMultiDictProxy

from gateway.model.failures import InvalidRequest, NotSupported
from gateway.protocol.http.percent import decode_query


@dataclass(frozen=True, slots=True)
class RequestHead:
    """Method, target and headers of one request."""

    method: str
    path: str
    """The raw path: percent-encoded as sent, begins with '/', never normalised."""
    query: str
    """The raw query, without its '?'."""
    headers: CIMultiDictProxy[str]
    secure: bool = False
    _pairs: list[tuple[str, str]] | None = field(
        default=None, init=False, repr=False, compare=False
    )

    @property
    def host(self) -> str:
        """Return the Host header as sent, with its port; '' where there is none."""
        return self.headers.get("Host", "")

    def query_pairs(self) -> list[tuple[str, str]]:
        """Return the query's pairs, decoded, in the order sent; '+' is a space.

        The list is made once and shared: do not change it. Raises InvalidRequest (InvalidURI).
        """
        pairs = self._pairs
        if pairs is None:
            pairs = parse_query(self.query)
            object.__setattr__(self, "_pairs", pairs)
        return pairs

    def query_get(self, name: str) -> str | None:
        """Return the first value of `name` ('' where it has none), or None where it is absent."""
        if not self.query:
            return None
        for key, value in self.query_pairs():
            if key == name:
                return value
        return None

    def query_names(self) -> set[str]:
        """Return the decoded names in the query."""
        return {name for name, _ in self.query_pairs()} if self.query else set()


def check_expectation(head: RequestHead) -> None:
    """Raise InvalidRequest (417) for an Expect that is not 100-continue (RFC 9110 10.1.1).

    An empty header expects nothing: S3 and Ceph go on.
    """
    expected = head.headers.get("Expect", "").strip().lower()
    if expected not in ("", "100-continue"):
        raise InvalidRequest(
            "The only expectation that is supported is 100-continue.", code="ExpectationFailed"
        )


def check_transfer_coding(head: RequestHead) -> None:
    """Raise NotSupported (501) for a body in another transfer coding than chunked (RFC 9112 6.1).

    Who undoes `gzip, chunked` and who does not read two bodies; so do those who take an empty
    Transfer-Encoding for one, and those who do not.
    """
    if not is_plainly_framed(head):
        raise NotSupported("A transfer coding other than chunked is not supported.")


def is_plainly_framed(head: RequestHead) -> bool:
    """Return whether every reader of this head finds the same end of its body."""
    return head.headers.get("Transfer-Encoding", "chunked").strip().lower() == "chunked"


def parse_query(raw_query: str) -> list[tuple[str, str]]:
    """Return the decoded (name, value) pairs of a raw query; raises InvalidRequest (InvalidURI)."""
    pairs = []
    for pair in raw_query.split("&"):
        if pair:
            name, _, value = pair.partition("=")
            pairs.append((decode_query(name), decode_query(value)))
    return pairs


def split_target(raw_target: str) -> tuple[str, str]:
    """Return (path, query) of a request target, raw.

    Takes the origin-form and the absolute-form (RFC 9112 3.2.2): some clients send
    `GET http://host:port/bucket/key?x`. Any other form, as '*', is returned as the path.
    """
    if not raw_target.startswith("/"):
        scheme, mark, rest = raw_target.partition("://")
        if mark and "/" not in scheme and "?" not in scheme:
            raw_target = rest[_authority_length(rest) :]
            if not raw_target.startswith("/"):
                raw_target = "/" + raw_target
    path, _, query = raw_target.partition("?")
    return path, query


def _authority_length(rest: str) -> int:
    ends = [at for at in (rest.find("/"), rest.find("?")) if at >= 0]
    return min(ends, default=len(rest))
