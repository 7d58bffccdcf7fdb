"""CompleteMultipartUpload: which parts are asked for, and the answer to a repeated one (pure).

https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html
"""

from hashlib import md5
from typing import Final

from gateway.model.names import ObjectName
from gateway.protocol.s3.documents import (
    find_document,
    malformed_xml,
    read_document,
    write_document,
)
from gateway.protocol.s3.markup import NAMESPACE, XML_HEAD, element

PARTS_MAX = 10_000
"""AWS, *Amazon S3 multipart upload limits*."""

_RESULT: Final = "CompleteMultipartUploadResult"


def check_parts(body: bytes) -> None:
    """Raise InvalidRequest (MalformedXML) for more parts than an upload can have.

    Counted without reading the document: the origin judges it, and this is only a bound.
    """
    if body.count(b"Part>") > 2 * PARTS_MAX:
        raise malformed_xml()


def part_etags(body: bytes) -> list[str]:
    """Return the ETags of the parts in the order asked; raises InvalidRequest (MalformedXML)."""
    root = read_document(body, "CompleteMultipartUpload")
    return [(part.findtext("ETag") or "").strip() for part in root.iter("Part")]


def multipart_etag(etags: list[str]) -> str | None:
    """Return the unquoted ETag of an object of parts with these ETags; None: not all are MD5s."""
    digest = md5(usedforsecurity=False)
    for etag in etags:
        try:
            digest.update(bytes.fromhex(etag.strip('"')))
        except ValueError:
            return None
    return f"{digest.hexdigest()}-{len(etags)}" if etags else None


def has_etag(result: bytes) -> bool:
    """Return whether a CompleteMultipartUploadResult names an ETag; True for what is no result."""
    root = find_document(result)
    if root is None or root.tag != _RESULT:
        return True
    return bool((root.findtext("ETag") or "").strip('" '))


def with_etag(result: bytes, etag: str) -> bytes:
    """Return a result that has none with `etag` (with its quotes), and all else as it was."""
    return _with(result, "ETag", etag)


def with_location(result: bytes, location: str) -> bytes:
    """Return a result that tells where its reader finds the object, and all else as it was.

    The origin tells its own address, which is nobody's who came through a gateway.
    """
    return _with(result, "Location", location)


def _with(result: bytes, name: str, value: str) -> bytes:
    root = find_document(result)
    ours = find_document(f"<a>{element(name, value)}</a>".encode())
    if root is None or ours is None or root.tag != _RESULT:
        return result
    for there in root.findall(name):
        root.remove(there)
    root.extend(ours)
    return write_document(root, NAMESPACE)


def complete_result(name: ObjectName, etag: str, location: str) -> bytes:
    """Return the body of a success; `etag` with its quotes."""
    parts = (
        element("Location", location),
        element("Bucket", name.bucket),
        element("Key", name.key),
        element("ETag", etag),
    )
    return (
        f'{XML_HEAD}<CompleteMultipartUploadResult xmlns="{NAMESPACE}">'
        f"{''.join(parts)}</CompleteMultipartUploadResult>"
    ).encode()
