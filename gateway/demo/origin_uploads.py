"""The embedded origin's multipart uploads (S3 user guide, "Uploading using multipart upload")."""

import hashlib
from base64 import b64decode
from uuid import uuid4

from gateway.demo.origin_bodies import pieces
from gateway.demo.origin_buckets import asked_keys_max
from gateway.demo.origin_calls import Answer, Call, xml_answer
from gateway.demo.origin_conditions import find_range, judge_write
from gateway.demo.origin_digests import (
    CHECKSUM_HEADER,
    combined_crc,
    digests_of,
)
from gateway.demo.origin_errors import S3Error
from gateway.demo.origin_intake import named_algorithm, receive, receive_document
from gateway.demo.origin_objects import (
    blob_of,
    copy_source,
    kept_headers,
    kept_tags,
    version_headers,
)
from gateway.demo.origin_store import OriginStore, Part, StoredVersion, Upload
from gateway.demo.origin_xml import document, iso_date, leaves, read_elements, rows
from gateway.model.ranges import ByteRange
from gateway.protocol.s3.checksums import base64_of, new_digest

_PART_NUMBER_MAX = 10_000
_ALWAYS_FULL_OBJECT = "crc64nvme"
_COMPOSITE = "COMPOSITE"
_FULL_OBJECT = "FULL_OBJECT"


async def create_upload(store: OriginStore, call: Call) -> Answer:
    """Begin an upload; nothing of it is seen before it is completed."""
    store.get_bucket(call.bucket)
    named = named_algorithm(call.headers)
    algorithm = named or store.default_algorithm
    default_type = _FULL_OBJECT if algorithm == _ALWAYS_FULL_OBJECT else _COMPOSITE
    upload_id = uuid4().hex
    store.uploads[upload_id] = Upload(
        bucket=call.bucket,
        key=call.key,
        started=store.clock(),
        headers=kept_headers(call.headers),
        tags=kept_tags(call.headers),
        algorithm=algorithm,
        checksum_type=call.headers.get("x-amz-checksum-type", default_type).upper(),
    )
    told = {"Bucket": call.bucket, "Key": call.key, "UploadId": upload_id}
    chosen = {
        "x-amz-checksum-algorithm": algorithm.upper(),
        "x-amz-checksum-type": store.uploads[upload_id].checksum_type,
    }
    return xml_answer(
        document("InitiateMultipartUploadResult", leaves(told)), chosen if named else {}
    )


async def upload_part(store: OriginStore, call: Call) -> Answer:
    """Keep one part; the same number again replaces it."""
    number, upload = _open_part(store, call)
    received = await receive(store, call, upload.algorithm)
    part = Part(received.blob, received.etag, store.clock(), received.checksums)
    upload.parts[number] = part
    named = {CHECKSUM_HEADER + name: value for name, value in part.checksums.items()}
    return Answer(200, {"etag": part.etag, **named})


async def upload_part_copy(store: OriginStore, call: Call) -> Answer:
    """Keep a span of another object as a part."""
    number, upload = _open_part(store, call)
    source = copy_source(store, call)
    header = call.headers.get("x-amz-copy-source-range", "")
    span = (find_range(header, source.size) if header else None) or ByteRange(0, source.size)
    blob = blob_of(store, source.body, span)
    digests = digests_of(pieces((blob,), 0, blob.size), upload.algorithm)
    part = Part(blob, digests.etag(), store.clock(), digests.checksums())
    upload.parts[number] = part
    told = leaves({"ETag": part.etag, "LastModified": iso_date(part.modified)})
    return xml_answer(document("CopyPartResult", told))


def _open_part(store: OriginStore, call: Call) -> tuple[int, Upload]:
    text = call.query.get("partNumber", "")
    number = int(text) if text.isdecimal() else 0
    if not 1 <= number <= _PART_NUMBER_MAX:
        raise S3Error("InvalidArgument", "Part number must be an integer between 1 and 10000")
    upload = store.get_upload(call.query["uploadId"], call.bucket, call.key)
    if upload.completed is not None:
        raise S3Error("NoSuchUpload", "The specified upload does not exist")
    return number, upload


async def complete_upload(store: OriginStore, call: Call) -> Answer:
    """Lay the named parts end to end; a client that asks again gets the same answer."""
    body = await receive_document(call, names_object=True)
    upload = store.get_upload(call.query["uploadId"], call.bucket, call.key)
    version = upload.completed
    if version is None:
        bucket = store.get_bucket(call.bucket)
        judge_write(call.headers, bucket.find(call.key))
        version = _assembled(store, call, upload, _named_parts(store, upload, body))
        bucket.add(call.key, version)
        upload.completed = version
        upload.parts.clear()
    named = {f"Checksum{name.upper()}": value for name, value in version.checksums.items()}
    told = {
        "Location": f"/{call.bucket}/{call.key}",
        "Bucket": call.bucket,
        "Key": call.key,
        "ETag": version.etag,
        **named,
        "ChecksumType": version.checksum_type if named else None,
    }
    return xml_answer(
        document("CompleteMultipartUploadResult", leaves(told)), version_headers(version)
    )


def _named_parts(store: OriginStore, upload: Upload, body: bytes) -> list[Part]:
    rows_read = list(read_elements(body, "Part"))
    if not rows_read:
        raise S3Error("MalformedXML", "You must specify at least one part")
    parts: list[Part] = []
    before = 0
    for row in rows_read:
        number = int(row.get("PartNumber", "0"))
        if number <= before:
            raise S3Error("InvalidPartOrder", "The list of parts was not in ascending order.")
        before = number
        part = upload.parts.get(number)
        if part is None or part.etag.strip('"') != row.get("ETag", "").strip('"'):
            raise S3Error("InvalidPart", "One or more of the specified parts could not be found.")
        for algorithm, value in part.checksums.items():
            if row.get(f"Checksum{algorithm.upper()}", value) != value:
                raise S3Error("InvalidPart", "A part's checksum is not the one uploaded.")
        parts.append(part)
    if any(part.blob.size < store.part_bytes_min for part in parts[:-1]):
        raise S3Error("EntityTooSmall", "Your proposed upload is smaller than the minimum size")
    return parts


def _assembled(store: OriginStore, call: Call, upload: Upload, parts: list[Part]) -> StoredVersion:
    sizes = tuple(part.blob.size for part in parts)
    md5s = b"".join(bytes.fromhex(part.etag.strip('"')) for part in parts)
    etag = f'"{hashlib.md5(md5s, usedforsecurity=False).hexdigest()}-{len(parts)}"'
    checksum = _object_checksum(upload, parts)
    declared = call.headers.get(CHECKSUM_HEADER + upload.algorithm)
    if upload.algorithm and declared not in {None, checksum}:
        raise S3Error("BadDigest", f"The {upload.algorithm} you specified did not match")
    if call.headers.get("x-amz-mp-object-size", str(sum(sizes))) != str(sum(sizes)):
        raise S3Error("InvalidRequest", "The x-amz-mp-object-size does not match the parts")
    return StoredVersion(
        body=tuple(part.blob for part in parts),
        size=sum(sizes),
        etag=etag,
        modified=store.clock(),
        headers=upload.headers,
        checksums={upload.algorithm: checksum} if upload.algorithm else {},
        checksum_type=upload.checksum_type,
        part_sizes=sizes,
        tags=upload.tags,
        version_id=store.get_bucket(call.bucket).next_version_id(),
    )


def _object_checksum(upload: Upload, parts: list[Part]) -> str:
    """Return the checksum of the whole, or of the parts' checksums with their number behind it."""
    if not upload.algorithm:
        return ""
    taken = [b64decode(part.checksums[upload.algorithm]) for part in parts]
    if upload.checksum_type == _FULL_OBJECT:
        sized = [(crc, part.blob.size) for crc, part in zip(taken, parts, strict=True)]
        return base64_of(combined_crc(upload.algorithm, sized))
    running = new_digest(upload.algorithm)
    running.update(b"".join(taken))
    return f"{base64_of(running.digest())}-{len(parts)}"


async def abort_upload(store: OriginStore, call: Call) -> Answer:
    """Forget an upload and its parts."""
    upload = store.get_upload(call.query["uploadId"], call.bucket, call.key)
    if upload.completed is not None:
        raise S3Error("NoSuchUpload", "The specified upload does not exist")
    del store.uploads[call.query["uploadId"]]
    return Answer(204)


async def list_parts(store: OriginStore, call: Call) -> Answer:
    """Answer the parts kept so far."""
    upload = store.get_upload(call.query["uploadId"], call.bucket, call.key)
    marker = int(call.query.get("part-number-marker", "0") or "0")
    parts_max = asked_keys_max(call, "max-parts")
    numbers = sorted(number for number in upload.parts if number > marker)
    shown = numbers[:parts_max]
    told = {
        "Bucket": call.bucket,
        "Key": call.key,
        "UploadId": call.query["uploadId"],
        "PartNumberMarker": marker,
        "NextPartNumberMarker": shown[-1] if shown else 0,
        "MaxParts": parts_max,
        "IsTruncated": str(len(numbers) > len(shown)).lower(),
    }
    listed = rows("Part", (_part_row(number, upload.parts[number]) for number in shown))
    return xml_answer(document("ListPartsResult", leaves(told), listed))


def _part_row(number: int, part: Part) -> str:
    named = {f"Checksum{name.upper()}": value for name, value in part.checksums.items()}
    return leaves(
        {
            "PartNumber": number,
            "LastModified": iso_date(part.modified),
            "ETag": part.etag,
            "Size": part.blob.size,
            **named,
        }
    )


async def list_uploads(store: OriginStore, call: Call) -> Answer:
    """Answer the uploads under way, by key and start."""
    store.get_bucket(call.bucket)
    prefix, uploads_max = call.query.get("prefix", ""), asked_keys_max(call, "max-uploads")
    marker = (call.query.get("key-marker", ""), call.query.get("upload-id-marker", "\U0010ffff"))
    found = sorted(
        (upload.key, upload_id)
        for upload_id, upload in store.uploads.items()
        if upload.bucket == call.bucket and upload.completed is None
        if upload.key.startswith(prefix) and (upload.key, upload_id) > marker
    )
    shown = found[:uploads_max]
    is_truncated = len(found) > len(shown) > 0
    told = {
        "Bucket": call.bucket,
        "KeyMarker": call.query.get("key-marker", ""),
        "NextKeyMarker": shown[-1][0] if is_truncated else None,
        "NextUploadIdMarker": shown[-1][1] if is_truncated else None,
        "MaxUploads": uploads_max,
        "IsTruncated": str(is_truncated).lower(),
    }
    listed = rows("Upload", (_upload_row(store, key, upload_id) for key, upload_id in shown))
    return xml_answer(document("ListMultipartUploadsResult", leaves(told), listed))


def _upload_row(store: OriginStore, key: str, upload_id: str) -> str:
    started = iso_date(store.uploads[upload_id].started)
    return leaves({"Key": key, "UploadId": upload_id, "Initiated": started})
