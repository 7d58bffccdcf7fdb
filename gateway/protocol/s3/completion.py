"""CompleteMultipartUpload: which parts are asked for, and the answer to a repeated one (pure).

https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html
"""

from hashlib import md5

from gateway.model.names import ObjectName
from gateway.protocol.s3.documents import read_document
from gateway.protocol.s3.markup import NAMESPACE, XML_HEAD, element


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
