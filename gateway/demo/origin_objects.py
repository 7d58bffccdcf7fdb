"""The embedded origin's object operations: read, write, delete, copy, tags."""

from collections.abc import Mapping
from urllib.parse import parse_qsl, unquote

from gateway.demo.origin_bodies import Blob, pieces
from gateway.demo.origin_calls import Answer, Call, xml_answer
from gateway.demo.origin_conditions import find_range, http_date, judge_read, judge_write
from gateway.demo.origin_digests import CHECKSUM_HEADER, Digests, digests_of
from gateway.demo.origin_errors import S3Error
from gateway.demo.origin_intake import named_algorithm, receive, receive_document
from gateway.demo.origin_store import NULL_VERSION, OriginStore, StoredVersion
from gateway.demo.origin_xml import document, iso_date, leaves, read_elements, rows
from gateway.model.ranges import ByteRange

_KEPT_HEADERS = frozenset(
    {
        "cache-control",
        "content-disposition",
        "content-language",
        "content-type",
        "expires",
        "x-amz-website-redirect-location",
    }
)
_OVERRIDES = (
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-type",
    "expires",
)
_SELF_COPY = (
    "This copy request is illegal because it is trying to copy an object to itself without "
    "changing the object's metadata, storage class, website redirect location or encryption "
    "attributes."
)


def kept_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Return what of a write's headers the object will be served with."""
    kept = {
        name: value
        for name, value in headers.items()
        if name in _KEPT_HEADERS or name.startswith("x-amz-meta-")
    }
    kept.setdefault("content-type", "binary/octet-stream")
    codings = [coding.strip() for coding in headers.get("content-encoding", "").split(",")]
    coding = ", ".join(coding for coding in codings if coding not in {"", "aws-chunked"})
    if coding:
        kept["content-encoding"] = coding
    storage_class = headers.get("x-amz-storage-class", "STANDARD")
    if storage_class != "STANDARD":
        kept["x-amz-storage-class"] = storage_class
    return kept


def kept_tags(headers: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Return the tags of `x-amz-tagging`, which is written like a query string."""
    return tuple(parse_qsl(headers.get("x-amz-tagging", ""), keep_blank_values=True))


def version_headers(version: StoredVersion) -> dict[str, str]:
    """Return the version id header, where the object has one."""
    if version.version_id == NULL_VERSION:
        return {}
    return {"x-amz-version-id": version.version_id}


def checksum_headers(version: StoredVersion) -> dict[str, str]:
    """Return the stored checksums as headers."""
    if not version.checksums:
        return {}
    named = {CHECKSUM_HEADER + name: value for name, value in version.checksums.items()}
    return {**named, "x-amz-checksum-type": version.checksum_type}


async def read_object(store: OriginStore, call: Call) -> Answer:
    """Answer GET and HEAD: conditions first, then the range (RFC 9110 13.2.2)."""
    version = store.get_version(call.bucket, call.key, call.version_id)
    described = {
        "etag": version.etag,
        "last-modified": http_date(version.modified),
        "accept-ranges": "bytes",
        **version.headers,
        **version_headers(version),
    }
    if version.tags:
        described["x-amz-tagging-count"] = str(len(version.tags))
    try:
        judge_read(call.headers, version)
    except S3Error as error:
        error.headers.update(etag=version.etag)
        raise
    for name in _OVERRIDES:
        if f"response-{name}" in call.query:
            described[name] = call.query[f"response-{name}"]
    span = _asked_span(call, version, described)
    if span is None:
        if call.headers.get("x-amz-checksum-mode", "").upper() == "ENABLED":
            described |= checksum_headers(version)
        return Answer(200, described, body=version.body, span=ByteRange(0, version.size))
    described["content-range"] = span.content_range(version.size)
    return Answer(206, described, body=version.body, span=span)


def _asked_span(call: Call, version: StoredVersion, described: dict[str, str]) -> ByteRange | None:
    if "partNumber" not in call.query:
        return find_range(call.headers.get("range", ""), version.size)
    number = int(call.query["partNumber"]) if call.query["partNumber"].isdecimal() else 0
    sizes = version.part_sizes or (version.size,)
    if not 1 <= number <= len(sizes):
        raise S3Error("InvalidRange", "The requested part number is not satisfiable")
    if version.part_sizes:
        described["x-amz-mp-parts-count"] = str(len(sizes))
    start = sum(sizes[: number - 1])
    return ByteRange(start, start + sizes[number - 1]) if version.size else None


async def put_object(store: OriginStore, call: Call) -> Answer:
    """Store a body; conditions are judged before it is read and again in the step that commits."""
    bucket = store.get_bucket(call.bucket)
    judge_write(call.headers, bucket.find(call.key))
    algorithm = named_algorithm(call.headers) or store.default_algorithm
    received = await receive(store, call, algorithm)
    judge_write(call.headers, bucket.find(call.key))
    version = StoredVersion(
        body=(received.blob,),
        size=received.blob.size,
        etag=received.etag,
        modified=store.clock(),
        headers=kept_headers(call.headers),
        checksums=received.checksums,
        tags=kept_tags(call.headers),
        version_id=bucket.next_version_id(),
    )
    bucket.add(call.key, version)
    return Answer(
        200, {"etag": version.etag, **checksum_headers(version), **version_headers(version)}
    )


async def delete_object(store: OriginStore, call: Call) -> Answer:
    """Delete one version, or the key; what is not there is deleted already."""
    bucket = store.get_bucket(call.bucket)
    if "if-match" in call.headers:
        judge_write(call.headers, bucket.find(call.key))
    gone = store.delete(call.bucket, call.key, call.version_id)
    return Answer(204, deletion_headers(gone))


def deletion_headers(gone: StoredVersion | None) -> dict[str, str]:
    """Return what S3 says of the version that was removed or the marker that was made."""
    if gone is None:
        return {}
    marked = {"x-amz-delete-marker": "true"} if gone.is_delete_marker else {}
    return {**marked, **version_headers(gone)}


async def delete_objects(store: OriginStore, call: Call) -> Answer:
    """Delete up to 1,000 keys named in a document."""
    bucket = store.get_bucket(call.bucket)
    body = await receive_document(call, needs_digest=True)
    is_quiet = any(row.get("Quiet") == "true" for row in read_elements(body, "."))
    told, refused = list[str](), list[str]()
    for row in read_elements(body, "Object"):
        if "Key" not in row:
            raise S3Error("MalformedXML", "An Object names no Key")
        key, named = row["Key"], {"Key": row["Key"], "VersionId": row.get("VersionId")}
        try:
            if "ETag" in row:
                judge_write({"if-match": row["ETag"]}, bucket.find(key))
        except S3Error as error:
            refused.append(leaves({**named, "Code": error.code, "Message": error.message}))
            continue
        store.delete(call.bucket, key, row.get("VersionId", ""))
        told.append(leaves(named))
    deleted = "" if is_quiet else rows("Deleted", told)
    return xml_answer(document("DeleteResult", deleted + rows("Error", refused)))


def copy_source(store: OriginStore, call: Call) -> StoredVersion:
    """Return the version that a copy reads, its conditions judged."""
    path, _, version_id = call.headers["x-amz-copy-source"].partition("?versionId=")
    bucket, _, key = unquote(path).removeprefix("/").partition("/")
    version = store.get_version(bucket, key, version_id)
    judge_read(call.headers, version, prefix="x-amz-copy-source-")
    return version


async def copy_object(store: OriginStore, call: Call) -> Answer:
    """Copy a version to a new one; the bytes are shared, the ETag becomes their MD5."""
    bucket = store.get_bucket(call.bucket)
    source = copy_source(store, call)
    is_replacing = call.headers.get("x-amz-metadata-directive", "COPY").upper() == "REPLACE"
    is_retagging = call.headers.get("x-amz-tagging-directive", "COPY").upper() == "REPLACE"
    is_reclassed = "x-amz-storage-class" in call.headers
    if source is bucket.find(call.key) and not (is_replacing or is_reclassed):
        raise S3Error("InvalidRequest", _SELF_COPY)
    judge_write(call.headers, bucket.find(call.key))
    algorithm = named_algorithm(call.headers) or _first(source.checksums) or store.default_algorithm
    digests = _digests_of_copy(source, algorithm)
    version = StoredVersion(
        body=source.body,
        size=source.size,
        etag=source.etag if digests is None else digests.etag(),
        modified=store.clock(),
        headers=kept_headers(call.headers) if is_replacing else source.headers,
        checksums=source.checksums if digests is None else digests.checksums(),
        tags=kept_tags(call.headers) if is_retagging else source.tags,
        version_id=bucket.next_version_id(),
    )
    bucket.add(call.key, version)
    return xml_answer(
        document("CopyObjectResult", copy_result(version)), headers=version_headers(version)
    )


def _digests_of_copy(source: StoredVersion, algorithm: str) -> Digests | None:
    """Return fresh digests, or None where the source's own still describe the copy."""
    is_plain = not source.part_sizes and source.checksum_type == "FULL_OBJECT"
    if is_plain and set(source.checksums) == {algorithm} - {""}:
        return None
    return digests_of(pieces(source.body, 0, source.size), algorithm)


def _first(checksums: Mapping[str, str]) -> str:
    return next(iter(checksums), "")


def copy_result(version: StoredVersion) -> str:
    """Return what CopyObject and UploadPartCopy tell of the copy."""
    named = {f"Checksum{name.upper()}": value for name, value in version.checksums.items()}
    return leaves({"ETag": version.etag, "LastModified": iso_date(version.modified), **named})


def blob_of(store: OriginStore, body: tuple[Blob, ...], span: ByteRange) -> Blob:
    """Return a new blob with a span of a body (for parts copied by range)."""
    writer = store.new_blob()
    for piece in pieces(body, span.start, span.stop):
        writer.write(piece)
    return writer.finish()


async def get_tagging(store: OriginStore, call: Call) -> Answer:
    """Answer the tags of a version."""
    version = store.get_version(call.bucket, call.key, call.version_id)
    tags = rows("Tag", (leaves({"Key": key, "Value": value}) for key, value in version.tags))
    return xml_answer(document("Tagging", f"<TagSet>{tags}</TagSet>"), version_headers(version))


async def put_tagging(store: OriginStore, call: Call) -> Answer:
    """Replace the tags of a version; neither ETag nor Last-Modified change."""
    body = await receive_document(call)
    tags = tuple(
        (row.get("Key", ""), row.get("Value", "")) for row in read_elements(body, ".//Tag")
    )
    return Answer(200, version_headers(store.retag(call.bucket, call.key, call.version_id, tags)))


async def delete_tagging(store: OriginStore, call: Call) -> Answer:
    """Remove the tags of a version."""
    return Answer(204, version_headers(store.retag(call.bucket, call.key, call.version_id, ())))
