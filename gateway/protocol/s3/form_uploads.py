"""From a form's fields to the PUT that they mean, and the answers to it (pure).

Source: AWS, *POST Object*: form fields, response elements.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode, urlsplit

from gateway.model.failures import InvalidRequest
from gateway.protocol.s3.addressing import Target, check_key, encode_key
from gateway.protocol.s3.documents import read_document
from gateway.protocol.s3.form_signature import missing_field
from gateway.protocol.s3.markup import XML_HEAD, element

_FILENAME: Final = "${filename}"
_NEVER_EXPANDED: Final = frozenset({"policy", "x-amz-signature", "x-amz-credential"})
_HEADERS: Final = {
    "acl": "x-amz-acl",
    "cache-control": "Cache-Control",
    "content-disposition": "Content-Disposition",
    "content-encoding": "Content-Encoding",
    "content-language": "Content-Language",
    "content-md5": "Content-MD5",
    "content-type": "Content-Type",
    "expires": "Expires",
    "x-amz-sdk-checksum-algorithm": "x-amz-sdk-checksum-algorithm",
    "x-amz-storage-class": "x-amz-storage-class",
    "x-amz-website-redirect-location": "x-amz-website-redirect-location",
}
_HEADER_PREFIXES: Final = (
    "x-amz-checksum-",
    "x-amz-grant-",
    "x-amz-meta-",
    "x-amz-object-lock-",
    "x-amz-server-side-encryption",
)
_STATUSES: Final = frozenset({"200", "201", "204"})
_IS_SAFE: Final = re.compile(r"[^\x00-\x08\x0a-\x1f\x7f]*").fullmatch


@dataclass(frozen=True, slots=True)
class FormUpload:
    """What a form asks for."""

    target: Target
    headers: dict[str, str]
    """Those of the PUT."""
    success_status: int
    redirect: str
    """Where the browser goes after a success; '' where it stays."""


def expand(fields: Mapping[str, str], filename: str) -> dict[str, str]:
    """Return the fields with the file's own name for `${filename}`, without any folders."""
    name = re.split(r"[/\\]", filename)[-1]
    return {
        field: value if field in _NEVER_EXPANDED else value.replace(_FILENAME, name)
        for field, value in fields.items()
    }


def read_upload(bucket: str, fields: Mapping[str, str]) -> FormUpload:
    """Return what expanded fields ask of `bucket`; raises InvalidRequest (InvalidArgument, ...)."""
    key = fields.get("key", "")
    if not key:
        raise missing_field("key")
    check_key(key)
    status = fields.get("success_action_status", "")
    return FormUpload(
        Target(bucket, key, encode_key(key)),
        _headers(fields),
        int(status) if status in _STATUSES else 204,
        _redirect(fields.get("success_action_redirect") or fields.get("redirect") or ""),
    )


def redirect_location(upload: FormUpload, etag: str) -> str:
    """Return the URL to redirect to, told of what was made: bucket, key, etag."""
    told = urlencode({"bucket": upload.target.bucket, "key": upload.target.key, "etag": etag})
    mark = "&" if urlsplit(upload.redirect).query else "?"
    return f"{upload.redirect}{mark}{told}"


def post_response(upload: FormUpload, location: str, etag: str) -> bytes:
    """Return the body of a 201."""
    parts = (
        element("Location", location),
        element("Bucket", upload.target.bucket or ""),
        element("Key", upload.target.key or ""),
        element("ETag", etag),
    )
    return f"{XML_HEAD}<PostResponse>{''.join(parts)}</PostResponse>".encode()


def _headers(fields: Mapping[str, str]) -> dict[str, str]:
    headers = {}
    for field, value in fields.items():
        name = _HEADERS.get(field) or (field if field.startswith(_HEADER_PREFIXES) else "")
        if name:
            if not _IS_SAFE(value) or not _IS_SAFE(field):
                raise InvalidRequest(
                    f"The field {field!r} has a value that no header can have.",
                    code="InvalidArgument",
                )
            headers[name] = value
    if "tagging" in fields:
        headers["x-amz-tagging"] = _tagging(fields["tagging"])
    return headers


def _tagging(document: str) -> str:
    """Return a `<Tagging>` document as x-amz-tagging says it; raises InvalidRequest."""
    root = read_document(document.encode(), "Tagging")
    tags = [(tag.findtext("Key") or "", tag.findtext("Value") or "") for tag in root.iter("Tag")]
    return urlencode(tags)


def _redirect(url: str) -> str:
    """Return the URL where it can be one; AWS acts as if another were not there."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    is_url = parts.scheme in {"http", "https"} and bool(parts.netloc)
    return url if is_url and url.isascii() and url.isprintable() and " " not in url else ""
