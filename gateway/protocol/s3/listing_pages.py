"""A listing as S3 cuts and writes it: ListObjectsV2 and ListObjects of our own rows (pure).

The rows come from an ordered scan that can begin anywhere, so that a common prefix of a million
keys costs one step: the scan begins anew behind it.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from gateway.model.failures import InvalidRequest
from gateway.model.snapshots import Recorded
from gateway.protocol.http.percent import encode_path
from gateway.protocol.s3.markup import NAMESPACE, XML_HEAD, element, escape

KEYS_MAX: Final = 1000
_MAX_KEYS_LETTERS: Final = 10
_CURSOR_KIND: Final = "1"
_BAD_CURSOR: Final = "The continuation token provided is incorrect"

Scan = Callable[[bytes, bytes | None], Iterator[Recorded]]
"""Rows from a key's bytes on (included) up to others (excluded; None: the end), in order."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a listing is asked for."""

    is_v2: bool
    prefix: str
    delimiter: str
    after: str
    """`start-after` or `marker`; keys from there on, itself excluded."""
    token: str | None
    keys_max: int
    is_encoded: bool
    shows_owner: bool


@dataclass(frozen=True, slots=True)
class Page:
    """Objects and common prefixes, each in order; `last` is the highest of both."""

    objects: tuple[Recorded, ...]
    prefixes: tuple[str, ...]
    is_truncated: bool
    last: str


def read_asked(pairs: Iterable[tuple[str, str]]) -> Asked:
    """Return what a query asks; raises InvalidRequest (InvalidArgument) as S3 does."""
    asked: dict[str, str] = {}
    for name, value in pairs:
        asked.setdefault(name, value)
    is_v2 = "list-type" in asked
    if is_v2 and asked["list-type"] != "2":
        raise InvalidRequest("Invalid List Type specified in Request", code="InvalidArgument")
    encoding = asked.get("encoding-type", "")
    if encoding not in {"", "url"}:
        raise InvalidRequest("Invalid Encoding Method specified in Request", code="InvalidArgument")
    token = asked.get("continuation-token") if is_v2 else None
    if token == "":
        raise InvalidRequest(_BAD_CURSOR, code="InvalidArgument")
    return Asked(
        is_v2=is_v2,
        prefix=asked.get("prefix", ""),
        delimiter=asked.get("delimiter", ""),
        after=asked.get("start-after" if is_v2 else "marker", ""),
        token=token,
        keys_max=_keys_max(asked.get("max-keys", "")),
        is_encoded=bool(encoding),
        shows_owner=not is_v2 or asked.get("fetch-owner", "").lower() == "true",
    )


def cut_page(scan: Scan, asked: Asked) -> Page:
    """Return the page that `asked` names; raises InvalidRequest for a token of no page's."""
    prefix = asked.prefix.encode("utf-8", "surrogatepass")
    begins, skipped = _begin(asked)
    at: bytes | None = max(prefix, begins)
    stop = _behind(prefix)
    objects: list[Recorded] = []
    groups: list[str] = []
    last = ""
    while at is not None and (stop is None or at < stop):
        for row in scan(at, stop):
            group = _common_prefix(row.key, asked)
            if group != skipped or not group:
                if len(objects) + len(groups) >= asked.keys_max:
                    return Page(tuple(objects), tuple(groups), asked.keys_max > 0, last)
                last = group or row.key
                if not group:
                    objects.append(row)
                    continue
                groups.append(group)
            at = _behind(group.encode("utf-8", "surrogatepass"))
            break
        else:
            at = None
    return Page(tuple(objects), tuple(groups), is_truncated=False, last=last)


def write_page(bucket: str, asked: Asked, page: Page) -> bytes:
    """Return the ListBucketResult."""
    text = encode_path if asked.is_encoded else str
    parts = [
        element("Name", bucket),
        element("Prefix", text(asked.prefix)),
        *_cursors(asked, page, text),
        element("MaxKeys", str(asked.keys_max)),
    ]
    if asked.delimiter:
        parts.append(element("Delimiter", text(asked.delimiter)))
    if asked.is_encoded:
        parts.append(element("EncodingType", "url"))
    parts.append(element("IsTruncated", str(page.is_truncated).lower()))
    parts += [_contents(row, text, shows_owner=asked.shows_owner) for row in page.objects]
    parts += [
        f"<CommonPrefixes>{element('Prefix', text(group))}</CommonPrefixes>"
        for group in page.prefixes
    ]
    body = "".join(parts)
    return f'{XML_HEAD}<ListBucketResult xmlns="{NAMESPACE}">{body}</ListBucketResult>'.encode()


def _contents(row: Recorded, text: Callable[[str], str], *, shows_owner: bool) -> str:
    return (
        f"<Contents><Key>{escape(text(row.key))}</Key><LastModified>{row.modified}"
        f"</LastModified><ETag>{_etag(row.etag)}</ETag><Size>{row.size}</Size>"
        f"{row.owner if shows_owner else ''}{row.more}</Contents>"
    )


def _etag(etag: str) -> str:
    """Return an ETag, escaped; its quotes are known, and the rest seldom needs it."""
    if len(etag) > 1 and etag[0] == etag[-1] == '"':
        return f"&quot;{escape(etag[1:-1])}&quot;"
    return escape(etag)


def _cursors(asked: Asked, page: Page, text: Callable[[str], str]) -> Iterator[str]:
    """Yield where the page begins and where the next one does."""
    if not asked.is_v2:
        yield element("Marker", text(asked.after))
        if page.is_truncated and asked.delimiter:  # without one, S3 leaves it out
            yield element("NextMarker", text(page.last))
        return
    yield element("KeyCount", str(len(page.objects) + len(page.prefixes)))
    if asked.after:
        yield element("StartAfter", text(asked.after))
    if asked.token is not None:
        yield element("ContinuationToken", asked.token)
    if page.is_truncated:
        token = urlsafe_b64encode(page.last.encode("utf-8", "surrogatepass")).decode()
        yield element("NextContinuationToken", _CURSOR_KIND + token)


def _begin(asked: Asked) -> tuple[bytes, str]:
    """Return the first key that may be shown, and the common prefix that was shown already."""
    after = asked.after if asked.token is None else _read_token(asked.token)
    return (after.encode("utf-8", "surrogatepass") + b"\0" if after else b""), after


def _read_token(token: str) -> str:
    try:
        found = urlsafe_b64decode(token[1:].encode("ascii")).decode("utf-8", "surrogatepass")
    except ValueError:
        found = ""
    if not found or not token.startswith(_CURSOR_KIND):
        raise InvalidRequest(_BAD_CURSOR, code="InvalidArgument")
    return found


def _common_prefix(key: str, asked: Asked) -> str:
    """Return what `key` is rolled up into; '' where it stands for itself."""
    if not asked.delimiter:
        return ""
    cut = key.find(asked.delimiter, len(asked.prefix))
    return "" if cut < 0 else key[: cut + len(asked.delimiter)]


def _behind(prefix: bytes) -> bytes | None:
    """Return the lowest bytes that are above all that begins with `prefix`; None: there are none.

    UTF-8 has no byte 0xFF, so that the last one can always be counted up.
    """
    return prefix[:-1] + bytes((prefix[-1] + 1,)) if prefix else None


def _keys_max(text: str) -> int:
    if not text:
        return KEYS_MAX
    if not text.isascii() or not text.isdigit() or len(text) > _MAX_KEYS_LETTERS:
        raise InvalidRequest("Provided max-keys not an integer", code="InvalidArgument")
    return min(int(text), KEYS_MAX)
