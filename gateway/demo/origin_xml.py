"""The embedded origin's XML: what it writes and what it reads (S3 API reference)."""

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from urllib.parse import quote
from xml.sax.saxutils import escape

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import ParseError, fromstring

from gateway.demo.origin_errors import S3Error

NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
_DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'
_TEXTS_MAX = 65536
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")

OWNER = "<Owner><ID>forebay</ID><DisplayName>forebay</DisplayName></Owner>"


@lru_cache(maxsize=_TEXTS_MAX)  # a listing that is asked for again writes the same rows
def leaf(name: str, value: object) -> str:
    """Return one element with text; control characters become references, as S3 writes them."""
    text = _CONTROL.sub(lambda found: f"&#{ord(found[0])};", escape(str(value)))
    return f"<{name}>{text}</{name}>"


def leaves(values: Mapping[str, object]) -> str:
    """Return one element for each pair, those that are None left out."""
    return "".join(leaf(name, value) for name, value in values.items() if value is not None)


def document(root: str, *inner: str) -> bytes:
    """Return a whole document."""
    return f'{_DECLARATION}<{root} xmlns="{NAMESPACE}">{"".join(inner)}</{root}>'.encode()


def error_document(error: S3Error, resource: str, request_id: str) -> bytes:
    """Return the document of a refusal; it has no namespace."""
    inner = leaves(
        {
            "Code": error.code,
            "Message": error.message,
            "Resource": resource,
            "RequestId": request_id,
        }
    )
    return f"{_DECLARATION}<Error>{inner}</Error>".encode()


@lru_cache(maxsize=_TEXTS_MAX)
def iso_date(seconds: float) -> str:
    """Return the date form of listings, milliseconds that S3 always writes as zero."""
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


@lru_cache(maxsize=_TEXTS_MAX)
def key_text(key: str, *, is_url_encoded: bool) -> str:
    """Return a key as a listing writes it (`encoding-type=url`)."""
    return quote(key, safe="/") if is_url_encoded else key


def read_elements(body: bytes, path: str) -> Iterator[dict[str, str]]:
    """Yield the children of each element at `path` as name to text, namespaces dropped.

    Raises MalformedXML.
    """
    try:
        root = fromstring(body, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError) as error:
        raise S3Error("MalformedXML", "The XML you provided was not well-formed") from error
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
    for element in root.iterfind(path):
        yield {child.tag: child.text or "" for child in element}


def rows(name: str, inner: Iterable[str]) -> str:
    """Return one element for each inner text."""
    return "".join(f"<{name}>{text}</{name}>" for text in inner)
