"""Every operation of the S3 API is named; nothing unknown slips through under a weaker right."""

import pytest
from botocore.loaders import Loader
from botocore.model import ServiceModel
from multidict import CIMultiDict

from gateway.protocol.s3.addressing import Target
from gateway.protocol.s3.operations import all_operations, name_operation

SERVICE = Target(None, None, "")
BUCKET = Target("b", None, "")
OBJECT = Target("b", "k", "k")
MODEL = ServiceModel(Loader().load_service_model("s3", "service-2"))

# Older names of the same request, and what has no bucket on this endpoint.
SAME_AS = {
    "GetBucketLifecycle": "GetBucketLifecycleConfiguration",
    "GetBucketNotification": "GetBucketNotificationConfiguration",
    "PutBucketLifecycle": "PutBucketLifecycleConfiguration",
    "PutBucketNotification": "PutBucketNotificationConfiguration",
    "ListDirectoryBuckets": "ListBuckets",
}
OF_MODEL = sorted(set(MODEL.operation_names) - {"WriteGetObjectResponse"})


@pytest.mark.parametrize("name", OF_MODEL)
def test_every_operation_of_the_api_is_named(name):
    model = MODEL.operation_model(name)
    path, _, query = model.http["requestUri"].partition("?")
    target = OBJECT if "{Key" in path else BUCKET if "{Bucket}" in path else SERVICE
    shape = model.input_shape
    members = shape.members.items() if shape else ()
    required = shape.required_members if shape else ()
    headers = CIMultiDict()
    optional = set()
    names = {pair.partition("=")[0] for pair in query.split("&") if pair}
    for member, value in members:
        wire_name = value.serialization.get("name")
        if value.serialization.get("location") == "querystring":
            (names if member in required else optional).add(wire_name)
        elif value.serialization.get("location") == "header" and member in required:
            headers[wire_name] = "x"
    named = name_operation(model.http["method"], target, names, headers)
    assert named.name == SAME_AS.get(name, name)
    # No optional parameter makes another operation of it, except those that are one.
    more = names | {each for each in optional if each not in {"uploadId", "partNumber"}}
    if "versionId" not in more:
        assert name_operation(model.http["method"], target, more, headers) == named
    assert name_operation(model.http["method"], target, more | {"new"}, headers).action == "s3:*"


@pytest.mark.parametrize(
    ("method", "target", "names", "name", "action"),
    [
        ("GET", SERVICE, "", "ListBuckets", "s3:ListAllMyBuckets"),
        ("GET", BUCKET, "", "ListObjects", "s3:ListBucket"),
        ("GET", BUCKET, "list-type prefix", "ListObjectsV2", "s3:ListBucket"),
        ("HEAD", BUCKET, "", "HeadBucket", "s3:ListBucket"),
        ("GET", OBJECT, "", "GetObject", "s3:GetObject"),
        ("GET", OBJECT, "x-id", "GetObject", "s3:GetObject"),
        ("GET", OBJECT, "partNumber", "GetObject", "s3:GetObject"),
        ("GET", OBJECT, "versionId", "GetObject", "s3:GetObjectVersion"),
        ("HEAD", OBJECT, "versionId", "HeadObject", "s3:GetObjectVersion"),
        ("GET", OBJECT, "versionId acl", "GetObjectAcl", "s3:GetObjectVersionAcl"),
        ("PUT", OBJECT, "versionId tagging", "PutObjectTagging", "s3:PutObjectVersionTagging"),
        ("DELETE", OBJECT, "versionId", "DeleteObject", "s3:DeleteObjectVersion"),
        ("GET", OBJECT, "retention versionId", "GetObjectRetention", "s3:GetObjectRetention"),
        ("GET", OBJECT, "response-content-type X-Amz-Date", "GetObject", "s3:GetObject"),
        ("PUT", OBJECT, "uploadId partNumber", "UploadPart", "s3:PutObject"),
        ("PUT", OBJECT, "partNumber", "Unknown", "s3:*"),
        ("DELETE", OBJECT, "uploadId", "AbortMultipartUpload", "s3:AbortMultipartUpload"),
        ("DELETE", BUCKET, "policy", "DeleteBucketPolicy", "s3:DeleteBucketPolicy"),
        ("DELETE", BUCKET, "cors", "DeleteBucketCors", "s3:PutBucketCORS"),
        ("POST", BUCKET, "delete", "DeleteObjects", "s3:DeleteObject"),
        ("POST", BUCKET, "", "PostObject", "s3:PutObject"),
        ("POST", OBJECT, "select select-type", "SelectObjectContent", "s3:GetObject"),
        ("GET", BUCKET, "inventory id", "GetBucketInventoryConfiguration", None),
        ("GET", BUCKET, "inventory", "ListBucketInventoryConfigurations", None),
        ("DELETE", BUCKET, "delete", "Unknown", "s3:*"),
        ("DELETE", BUCKET, "quota", "Unknown", "s3:*"),
        ("GET", BUCKET, "events prefix", "Unknown", "s3:*"),
        ("GET", OBJECT, "acl tagging", "Unknown", "s3:*"),
        ("GET", OBJECT, "ACL", "Unknown", "s3:*"),
        ("GET", OBJECT, "uploads", "Unknown", "s3:*"),
        ("PUT", OBJECT, "x-amz-copy-source", "Unknown", "s3:*"),
        ("PUT", OBJECT, "X-Amz-Copy-Source", "Unknown", "s3:*"),
        ("PUT", SERVICE, "", "Unknown", "s3:*"),
        ("PATCH", OBJECT, "", "Unknown", "s3:*"),
        ("PUT", OBJECT, "renameObject", "RenameObject", "s3:*"),
    ],
)
def test_named(method, target, names, name, action):
    operation = name_operation(method, target, set(names.split()), {})
    assert operation.name == name
    assert action is None or operation.action == action
    assert operation.is_known == (name != "Unknown")


def test_copies_are_told_by_their_header():
    headers = CIMultiDict({"X-Amz-Copy-Source": "/b/k"})
    assert name_operation("PUT", OBJECT, (), headers).name == "CopyObject"
    part = name_operation("PUT", OBJECT, {"uploadId", "partNumber"}, headers)
    assert part.name == "UploadPartCopy"
    assert name_operation("GET", OBJECT, (), headers).name == "GetObject"


def test_headers_that_need_a_further_right():
    tagged = CIMultiDict({"x-amz-tagging": "a=b", "X-Amz-Acl": "private"})
    assert name_operation("PUT", OBJECT, (), tagged).also == (
        "s3:PutObjectAcl",
        "s3:PutObjectTagging",
    )
    assert name_operation("PUT", OBJECT, {"X-Amz-Tagging"}, {}).also == ("s3:PutObjectTagging",)
    assert name_operation("PUT", OBJECT, (), {}).also == ()
    bypass = {"x-amz-bypass-governance-retention": "true"}
    assert name_operation("DELETE", OBJECT, (), bypass).also == ("s3:BypassGovernanceRetention",)


@pytest.mark.parametrize(
    ("method", "names", "also"),
    [
        ("GET", "attributes", ("s3:GetObject",)),
        ("GET", "attributes versionId", ("s3:GetObjectVersion",)),
        ("GET", "annotation", ("s3:GetObject",)),
        ("PUT", "encryption", ("s3:PutObject",)),
        ("DELETE", "annotation", ("s3:DeleteObject",)),
        ("GET", "tagging", ()),
        ("GET", "", ()),
    ],
)
def test_what_an_older_origin_takes_for_the_plain_request_needs_that_right_too(method, names, also):
    assert name_operation(method, OBJECT, set(names.split()), {}).also == also


def test_actions_are_iam_actions():
    for operation in all_operations():
        assert operation.action.startswith(("s3:", "s3express:"))
        assert operation.level in {"service", "bucket", "object"}
