"""Answers that Forebay reads or changes: DeleteResult, ListBuckets, errors in a 200 (pure)."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from gateway.model.failures import OriginUnreachable
from gateway.protocol.s3.documents import find_document, write_document
from gateway.protocol.s3.markup import NAMESPACE, XML_HEAD, element

# What may stand before a root: keep-alive whitespace, which S3 sends while a long operation runs,
# and the declaration.
_BEFORE_ROOT = re.compile(rb"\A\s*(?:<\?xml[^>]*\?>\s*)?")
_IS_ERROR = re.compile(rb"\s*(?:<\?xml[^>]*\?>\s*)?<Error[\s>/]").match


@dataclass(frozen=True, slots=True)
class DeleteError:
    """One object that DeleteObjects did not delete, and why."""

    key: str
    version_id: str | None
    code: str
    message: str

    def xml(self) -> str:
        """Return its `<Error>`."""
        version = element("VersionId", self.version_id) if self.version_id is not None else ""
        code, message = element("Code", self.code), element("Message", self.message)
        return f"<Error>{element('Key', self.key)}{version}{code}{message}</Error>"


@dataclass(frozen=True, slots=True)
class ErrorDocument:
    """An S3 error as read."""

    code: str
    message: str


def delete_result(origin_body: bytes | None, errors: Iterable[DeleteError]) -> bytes:
    """Return the DeleteResult of the origin with `errors` of ours in it.

    `origin_body` is None where nothing was left to ask the origin. Raises OriginUnreachable where
    it is no DeleteResult: what became of the keys is then unknown.
    """
    added = "".join(error.xml() for error in errors)
    if origin_body is None:
        return f'{XML_HEAD}<DeleteResult xmlns="{NAMESPACE}">{added}</DeleteResult>'.encode()
    if not added:
        return origin_body
    root = find_document(origin_body, len(origin_body))
    ours = find_document(f"<DeleteResult>{added}</DeleteResult>".encode())
    if root is None or root.tag != "DeleteResult" or ours is None:
        raise OriginUnreachable("The origin's answer to DeleteObjects cannot be read.")
    root.extend(ours)
    return write_document(root, NAMESPACE)


def read_delete_errors(origin_body: bytes) -> list[DeleteError]:
    """Return what a DeleteResult says was not deleted; raises OriginUnreachable for another."""
    root = find_document(origin_body, len(origin_body))
    if root is None or root.tag != "DeleteResult":
        raise OriginUnreachable("The origin's answer to DeleteObjects cannot be read.")
    return [
        DeleteError(
            error.findtext("Key") or "",
            error.findtext("VersionId"),
            error.findtext("Code") or "InternalError",
            error.findtext("Message") or "",
        )
        for error in root.findall("Error")
    ]


def visible_buckets(origin_body: bytes, is_visible: Callable[[str], bool]) -> bytes:
    """Return a ListAllMyBucketsResult with only the buckets for which `is_visible(name)` holds.

    Raises OriginUnreachable for what cannot be read: nothing unjudged is shown.
    """
    root = find_document(origin_body, len(origin_body))
    if root is None or root.tag != "ListAllMyBucketsResult":
        raise OriginUnreachable("The origin's answer to ListBuckets cannot be read.")
    for buckets in root.iter("Buckets"):
        for bucket in list(buckets):
            if not is_visible(bucket.findtext("Name") or ""):
                buckets.remove(bucket)
    return write_document(root, NAMESPACE)


def with_buckets(origin_body: bytes, added: Iterable[tuple[str, str]]) -> bytes:
    """Return a ListAllMyBucketsResult with further buckets, given as (name, moment), by name.

    Raises OriginUnreachable for what cannot be read.
    """
    root = find_document(origin_body, len(origin_body))
    buckets = root.find("Buckets") if root is not None else None
    if root is None or root.tag != "ListAllMyBucketsResult" or buckets is None:
        raise OriginUnreachable("The origin's answer to ListBuckets cannot be read.")
    ours = "".join(
        f"<Bucket>{element('Name', name)}{element('CreationDate', moment)}</Bucket>"
        for name, moment in added
    )
    made = find_document(f"<Buckets>{ours}</Buckets>".encode())
    assert made is not None  # noqa: S101 - written just above
    names = {bucket.findtext("Name") for bucket in made}
    kept = [bucket for bucket in buckets if bucket.findtext("Name") not in names]
    buckets[:] = sorted([*kept, *made], key=lambda bucket: bucket.findtext("Name") or "")
    return write_document(root, NAMESPACE)


def is_error(body: bytes) -> bool:
    """Return whether a body, or its beginning, is an error document.

    CopyObject, UploadPartCopy and CompleteMultipartUpload may answer 200 and then fail.
    """
    return _IS_ERROR(body) is not None


def without_declaration(body: bytes) -> bytes:
    """Return a document without what stands before its root: it goes behind whitespace."""
    return _BEFORE_ROOT.sub(b"", body, count=1)


def find_error(body: bytes) -> ErrorDocument | None:
    """Return the error that a whole body is, or None."""
    if not is_error(body):
        return None
    root = find_document(body)
    if root is None or root.tag != "Error":
        return None
    return ErrorDocument(root.findtext("Code") or "InternalError", root.findtext("Message") or "")
