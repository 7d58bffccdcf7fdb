"""Requests that Forebay must understand to pass them on: DeleteObjects, copy sources (pure)."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway.model.failures import InvalidRequest, NotSupported
from gateway.model.names import ObjectName
from gateway.protocol.http.percent import decode_query, encode
from gateway.protocol.s3.addressing import check_bucket, check_key, encode_key
from gateway.protocol.s3.documents import malformed_xml, read_document
from gateway.protocol.s3.markup import NAMESPACE, XML_HEAD, element

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

KEYS_MAX = 1000
"""AWS, DeleteObjects: a request lists at most 1,000 keys."""


@dataclass(frozen=True, slots=True)
class DeleteEntry:
    """One object to delete."""

    key: str
    version_id: str | None
    others: tuple[tuple[str, str], ...] = ()
    """Further elements, as (tag, text): ETag, LastModifiedTime, Size and what AWS adds to them."""

    def xml(self) -> str:
        """Return its `<Object>`."""
        parts = [element("Key", self.key)]
        if self.version_id is not None:
            parts.append(element("VersionId", self.version_id))
        parts += [element(tag, text) for tag, text in self.others]
        return f"<Object>{''.join(parts)}</Object>"


@dataclass(frozen=True, slots=True)
class DeleteRequest:
    """The body of DeleteObjects."""

    keys: list[DeleteEntry]
    quiet: bool


def parse_delete_objects(body: bytes) -> DeleteRequest:
    """Return what a DeleteObjects body asks; raises InvalidRequest (MalformedXML)."""
    root = read_document(body, "Delete")
    entries = []
    quiet = False
    for child in root:
        if child.tag == "Object":
            entries.append(_entry(child))
        elif child.tag == "Quiet":
            quiet = (child.text or "").strip().lower() == "true"
        else:
            raise malformed_xml()
        if len(entries) > KEYS_MAX:
            raise malformed_xml()
    if not entries:
        raise malformed_xml()
    return DeleteRequest(entries, quiet)


def delete_objects_xml(entries: Iterable[DeleteEntry], *, quiet: bool) -> bytes:
    """Return the DeleteObjects body of `entries`, nothing of them lost."""
    objects = "".join(entry.xml() for entry in entries)
    flag = "<Quiet>true</Quiet>" if quiet else ""
    return f'{XML_HEAD}<Delete xmlns="{NAMESPACE}">{objects}{flag}</Delete>'.encode()


def copy_source(header: str) -> tuple[ObjectName, str | None]:
    """Return (object, version id) of an x-amz-copy-source: `[/]bucket/key[?versionId=id]`.

    It is URL-encoded, and a '+' in it is a space, as S3 reads it. Raises InvalidRequest
    (InvalidArgument) for what names no object, NotSupported for an access point's ARN.
    """
    path, mark, version = header.strip().rpartition("?versionId=")
    if not mark:
        path, version = version, ""
    try:
        bucket, _, key = decode_query(path).removeprefix("/").partition("/")
        version_id = decode_query(version) if mark else None
    except InvalidRequest:
        raise InvalidRequest("Invalid copy source encoding.", code="InvalidArgument") from None
    if bucket.startswith("arn:"):
        raise NotSupported("A copy source that is an ARN is not supported.")
    if not bucket or not key:
        raise InvalidRequest(
            "Invalid copy source object key; expecting /bucket/key.", code="InvalidArgument"
        )
    return ObjectName(check_bucket(bucket), check_key(key)), version_id


def copy_source_header(name: ObjectName, version_id: str | None) -> str:
    """Return the x-amz-copy-source that names an object, for the origin.

    Made anew and not passed on, so that the origin reads the very name that was authorised. As SDKs
    write it, without a slash before: the origin's policies may ask for it (s3:x-amz-copy-source).
    """
    path = f"{encode(name.bucket)}/{encode_key(name.key)}"
    return path if version_id is None else f"{path}?versionId={encode(version_id)}"


def _entry(node: "Element") -> DeleteEntry:
    key: str | None = None
    version_id: str | None = None
    others = []
    for child in node:
        text = child.text or ""
        if len(child):
            raise malformed_xml()
        if child.tag == "Key" and key is None:
            key = text
        elif child.tag == "VersionId" and version_id is None:
            version_id = text
        elif child.tag in {"Key", "VersionId"}:
            # A second key would be judged by nobody, and might be what the origin deletes.
            raise malformed_xml()
        else:
            others.append((child.tag, text))
    if not key:
        raise malformed_xml()
    return DeleteEntry(key, version_id, tuple(others))
