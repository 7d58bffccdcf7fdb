"""Which request is which operation: method x level x sub-resource (S3 API reference, "Actions")."""

from collections.abc import Mapping
from types import MappingProxyType

from gateway.demo import origin_buckets as buckets
from gateway.demo import origin_objects as objects
from gateway.demo import origin_uploads as uploads
from gateway.demo.origin_calls import Call, Operation
from gateway.demo.origin_errors import S3Error

_SUB_RESOURCES = (
    "uploadId",
    "uploads",
    "tagging",
    "versioning",
    "versions",
    "delete",
    "location",
)
_NOT_MODELLED = frozenset(
    {
        *("accelerate", "acl", "analytics", "attributes", "cors", "encryption"),
        *("intelligent-tiering", "inventory", "legal-hold", "lifecycle", "logging", "metrics"),
        *("notification", "object-lock", "ownershipControls", "policy", "policyStatus"),
        *("publicAccessBlock", "replication", "requestPayment", "restore", "retention"),
        *("select", "torrent", "website"),
    }
)

OPERATIONS: Mapping[tuple[str, str, str], tuple[str, Operation]] = MappingProxyType(
    {
        ("GET", "service", ""): ("ListBuckets", buckets.list_buckets),
        ("PUT", "bucket", ""): ("CreateBucket", buckets.create_bucket),
        ("DELETE", "bucket", ""): ("DeleteBucket", buckets.delete_bucket),
        ("HEAD", "bucket", ""): ("HeadBucket", buckets.head_bucket),
        ("GET", "bucket", ""): ("ListObjects", buckets.list_objects_v1),
        ("GET", "bucket", "v2"): ("ListObjectsV2", buckets.list_objects_v2),
        ("GET", "bucket", "versions"): ("ListObjectVersions", buckets.list_versions),
        ("GET", "bucket", "versioning"): ("GetBucketVersioning", buckets.get_versioning),
        ("PUT", "bucket", "versioning"): ("PutBucketVersioning", buckets.put_versioning),
        ("GET", "bucket", "location"): ("GetBucketLocation", buckets.get_location),
        ("GET", "bucket", "uploads"): ("ListMultipartUploads", uploads.list_uploads),
        ("POST", "bucket", "delete"): ("DeleteObjects", objects.delete_objects),
        ("GET", "object", ""): ("GetObject", objects.read_object),
        ("HEAD", "object", ""): ("HeadObject", objects.read_object),
        ("PUT", "object", ""): ("PutObject", objects.put_object),
        ("PUT", "object", "copy"): ("CopyObject", objects.copy_object),
        ("DELETE", "object", ""): ("DeleteObject", objects.delete_object),
        ("GET", "object", "tagging"): ("GetObjectTagging", objects.get_tagging),
        ("PUT", "object", "tagging"): ("PutObjectTagging", objects.put_tagging),
        ("DELETE", "object", "tagging"): ("DeleteObjectTagging", objects.delete_tagging),
        ("POST", "object", "uploads"): ("CreateMultipartUpload", uploads.create_upload),
        ("PUT", "object", "uploadId"): ("UploadPart", uploads.upload_part),
        ("PUT", "object", "uploadId copy"): ("UploadPartCopy", uploads.upload_part_copy),
        ("GET", "object", "uploadId"): ("ListParts", uploads.list_parts),
        ("POST", "object", "uploadId"): ("CompleteMultipartUpload", uploads.complete_upload),
        ("DELETE", "object", "uploadId"): ("AbortMultipartUpload", uploads.abort_upload),
    }
)


def name_operation(call: Call) -> tuple[str, Operation]:
    """Return the operation's name and what carries it out.

    Raises NotImplemented for what this origin does not model, MethodNotAllowed for what S3 has not.
    """
    if not _NOT_MODELLED.isdisjoint(call.query):
        raise S3Error("NotImplemented", "A header or query you provided is not implemented")
    level = "object" if call.key else "bucket" if call.bucket else "service"
    sub_resource = next((name for name in _SUB_RESOURCES if name in call.query), "")
    if call.query.get("list-type") == "2" and not sub_resource:
        sub_resource = "v2"
    if call.method == "PUT" and "x-amz-copy-source" in call.headers:
        sub_resource = f"{sub_resource} copy".strip()
    found = OPERATIONS.get((call.method, level, sub_resource))
    if found is None:
        raise S3Error("MethodNotAllowed", "The specified method is not allowed on this resource")
    return found
