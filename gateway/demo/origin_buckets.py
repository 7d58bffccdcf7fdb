"""The embedded origin's bucket operations: make, remove, list, version."""

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator, Mapping

from gateway.demo.origin_calls import Answer, Call, xml_answer
from gateway.demo.origin_errors import S3Error
from gateway.demo.origin_intake import receive_document
from gateway.demo.origin_listing import ListRequest, Page, list_page
from gateway.demo.origin_store import Bucket, OriginStore, StoredVersion
from gateway.demo.origin_xml import (
    OWNER,
    document,
    iso_date,
    key_text,
    leaf,
    leaves,
    read_elements,
    rows,
)

_KEYS_MAX = 1000


async def list_buckets(store: OriginStore, call: Call) -> Answer:
    """Answer every bucket."""
    del call
    named = (
        leaves({"Name": bucket.name, "CreationDate": iso_date(bucket.created)})
        for _, bucket in sorted(store.buckets.items())
    )
    buckets = rows("Bucket", named)
    return xml_answer(document("ListAllMyBucketsResult", OWNER, f"<Buckets>{buckets}</Buckets>"))


async def create_bucket(store: OriginStore, call: Call) -> Answer:
    """Make a bucket."""
    await receive_document(call)
    store.create_bucket(call.bucket)
    return Answer(200, {"location": f"/{call.bucket}"})


async def delete_bucket(store: OriginStore, call: Call) -> Answer:
    """Remove an empty bucket."""
    store.delete_bucket(call.bucket)
    return Answer(204)


async def head_bucket(store: OriginStore, call: Call) -> Answer:
    """Say that the bucket exists."""
    store.get_bucket(call.bucket)
    return Answer(200, {"x-amz-bucket-region": "us-east-1"})


async def get_location(store: OriginStore, call: Call) -> Answer:
    """Answer the region; us-east-1 is written as nothing."""
    store.get_bucket(call.bucket)
    return xml_answer(document("LocationConstraint"))


async def get_versioning(store: OriginStore, call: Call) -> Answer:
    """Answer whether the bucket keeps versions."""
    status = store.get_bucket(call.bucket).versioning
    return xml_answer(document("VersioningConfiguration", leaf("Status", status) if status else ""))


async def put_versioning(store: OriginStore, call: Call) -> Answer:
    """Enable or suspend versions."""
    bucket = store.get_bucket(call.bucket)
    body = await receive_document(call)
    status = next((row.get("Status", "") for row in read_elements(body, ".")), "")
    if status not in {"Enabled", "Suspended"}:
        raise S3Error("MalformedXML", "Status is Enabled or Suspended")
    bucket.versioning = status
    return Answer(200)


def asked_keys_max(call: Call, name: str = "max-keys") -> int:
    """Return the page size asked for, bounded by S3's own."""
    text = call.query.get(name, str(_KEYS_MAX))
    if not text.isdecimal():
        raise S3Error("InvalidArgument", f"Provided {name} not an integer or within integer range")
    return min(int(text), _KEYS_MAX)


async def list_objects_v1(store: OriginStore, call: Call) -> Answer:
    """Answer ListObjects; NextMarker is given with a delimiter only, as S3 does."""
    bucket = store.get_bucket(call.bucket)
    asked = _list_request(call, after=call.query.get("marker", ""))
    page = list_page(bucket.keys, bucket.is_visible, asked)
    next_marker = page.last if page.is_truncated and asked.delimiter else None
    head = {"Marker": asked.after, "NextMarker": _text(call, next_marker)}
    return xml_answer(_list_document(call, bucket, asked, page, head))


async def list_objects_v2(store: OriginStore, call: Call) -> Answer:
    """Answer ListObjectsV2; the token is opaque to clients and says where the last page ended."""
    bucket = store.get_bucket(call.bucket)
    token, start_after = call.query.get("continuation-token"), call.query.get("start-after")
    asked = _list_request(call, after=(_read_token(token) if token else start_after) or "")
    page = list_page(bucket.keys, bucket.is_visible, asked)
    head = {
        "KeyCount": len(page.keys) + len(page.prefixes),
        "ContinuationToken": token,
        "NextContinuationToken": _token(page.last) if page.is_truncated else None,
        "StartAfter": _text(call, start_after),
    }
    return xml_answer(_list_document(call, bucket, asked, page, head))


async def list_versions(store: OriginStore, call: Call) -> Answer:
    """Answer ListObjectVersions, the newest first; one page holds all versions of its keys."""
    bucket = store.get_bucket(call.bucket)
    asked = _list_request(call, after=call.query.get("key-marker", ""))
    page = list_page(bucket.keys, lambda _: True, asked)
    told = "".join(text for key in page.keys for text in _version_rows(call, bucket, key))
    next_marker = _text(call, page.last if page.is_truncated else None)
    head = {"KeyMarker": asked.after, "NextKeyMarker": next_marker}
    return xml_answer(
        document(
            "ListVersionsResult", _list_head(call, asked, page, head), told, _prefixes(call, page)
        )
    )


def _version_rows(call: Call, bucket: Bucket, key: str) -> Iterator[str]:
    held = bucket.versions[key]
    for version in reversed(held):
        name = "DeleteMarker" if version.is_delete_marker else "Version"
        described = leaves(
            {
                "Key": _text(call, key),
                "VersionId": version.version_id,
                "IsLatest": str(version is held[-1]).lower(),
                "LastModified": iso_date(version.modified),
                "ETag": version.etag or None,
                "Size": None if version.is_delete_marker else version.size,
                "StorageClass": None if version.is_delete_marker else _storage_class(version),
            }
        )
        yield f"<{name}>{described}{OWNER}</{name}>"


def _list_request(call: Call, after: str) -> ListRequest:
    if call.query.get("encoding-type", "url") != "url":
        raise S3Error("InvalidArgument", "Invalid Encoding Method specified in Request")
    return ListRequest(
        prefix=call.query.get("prefix", ""),
        delimiter=call.query.get("delimiter", ""),
        after=after,
        keys_max=asked_keys_max(call),
    )


def _list_document(
    call: Call, bucket: Bucket, asked: ListRequest, page: Page, head: Mapping[str, object]
) -> bytes:
    has_owner = call.query.get("list-type") != "2" or call.query.get("fetch-owner") == "true"
    contents = rows("Contents", (_row(call, bucket, key, has_owner=has_owner) for key in page.keys))
    return document(
        "ListBucketResult", _list_head(call, asked, page, head), contents, _prefixes(call, page)
    )


def _list_head(call: Call, asked: ListRequest, page: Page, more: Mapping[str, object]) -> str:
    return leaves(
        {
            "Name": call.bucket,
            "Prefix": _text(call, asked.prefix),
            "Delimiter": _text(call, asked.delimiter or None),
            "MaxKeys": asked.keys_max,
            "EncodingType": call.query.get("encoding-type"),
            "IsTruncated": str(page.is_truncated).lower(),
            **more,
        }
    )


def _row(call: Call, bucket: Bucket, key: str, *, has_owner: bool) -> str:
    version = bucket.versions[key][-1]
    algorithms = "".join(
        leaf("ChecksumAlgorithm", algorithm.upper()) for algorithm in version.checksums
    )
    described = leaves(
        {
            "Key": _text(call, key),
            "LastModified": iso_date(version.modified),
            "ETag": version.etag,
            "Size": version.size,
            "StorageClass": _storage_class(version),
        }
    )
    return described + algorithms + (OWNER if has_owner else "")


def _storage_class(version: StoredVersion) -> str:
    return version.headers.get("x-amz-storage-class", "STANDARD")


def _prefixes(call: Call, page: Page) -> str:
    return rows("CommonPrefixes", (leaf("Prefix", _text(call, name)) for name in page.prefixes))


def _text(call: Call, key: str | None) -> str | None:
    if key is None:
        return None
    return key_text(key, is_url_encoded="encoding-type" in call.query)


def _token(last: str) -> str:
    return urlsafe_b64encode(last.encode()).decode()


def _read_token(token: str) -> str:
    try:
        return urlsafe_b64decode(token).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise S3Error("InvalidArgument", "The continuation token is incorrect") from error
