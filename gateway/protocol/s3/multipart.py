"""The documents of copies and multipart uploads that Forebay makes itself (pure).

https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html,
API_CreateMultipartUpload, API_CopyObject, API_UploadPartCopy.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from gateway.model.failures import OriginUnreachable
from gateway.protocol.s3.documents import find_document
from gateway.protocol.s3.markup import NAMESPACE, XML_HEAD, element

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

CHECKSUM: Final = "x-amz-checksum-crc32c"
"""The checksum that Forebay's own uploads carry: it combines, and CPUs compute it."""
_CHECKSUM_TAG: Final = "ChecksumCRC32C"


@dataclass(frozen=True, slots=True)
class Part:
    """One part that the origin has taken."""

    number: int
    etag: str
    """With its quotes."""
    size: int
    checksum: str = ""
    """Its CRC32C in base64; '' where the origin keeps none, or did not tell that of a copy."""


@dataclass(frozen=True, slots=True)
class CopyResult:
    """What CopyObject, UploadPartCopy or CompleteMultipartUpload tell of what they made."""

    etag: str
    last_modified: str
    """As listings show it, ISO 8601; '' where it is not told."""
    checksum: str
    """CRC32C in base64, or ''."""


def complete_document(parts: Iterable[Part]) -> bytes:
    """Return the body of a CompleteMultipartUpload of these parts, in order."""
    rows = "".join(
        f"<Part>{element('PartNumber', str(part.number))}{element('ETag', part.etag)}"
        f"{element(_CHECKSUM_TAG, part.checksum) if part.checksum else ''}</Part>"
        for part in parts
    )
    return (
        f'{XML_HEAD}<CompleteMultipartUpload xmlns="{NAMESPACE}">{rows}</CompleteMultipartUpload>'
    ).encode()


def read_upload_id(body: bytes) -> str:
    """Return the id of a new upload; raises OriginUnreachable for what cannot be read."""
    upload_id = (_root(body, "InitiateMultipartUploadResult").findtext("UploadId") or "").strip()
    if not upload_id:
        raise OriginUnreachable("The origin began an upload and told no UploadId.")
    return upload_id


def read_copy_result(body: bytes, root: str) -> CopyResult:
    """Return what a document with that root tells; raises OriginUnreachable for another."""
    found = _root(body, root)
    etag = (found.findtext("ETag") or "").strip().strip('"')
    return CopyResult(
        f'"{etag}"' if etag else "",
        (found.findtext("LastModified") or "").strip(),
        (found.findtext(_CHECKSUM_TAG) or "").strip(),
    )


def _root(body: bytes, root: str) -> "Element":
    found = find_document(body)
    if found is None or found.tag != root:
        raise OriginUnreachable(f"The origin's {root} cannot be read.")
    return found
