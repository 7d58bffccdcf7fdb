"""All operations of S3, as tables: sub-resource -> method -> (operation, IAM action) (pure).

Source: Amazon S3 API Reference and the Service Authorization Reference, *Actions, resources, and
condition keys for Amazon S3*. Deleting a configuration needs the right to put it, as at AWS.
"""

from typing import Final

Row = tuple[str, str]
Rows = dict[str, Row]


def _configuration(name: str, action: str, methods: str = "GET PUT DELETE") -> Rows:
    """Return the rows of a configuration: `Get`/`Put`/`Delete` + name, its rights Get and Put."""
    rights = {"GET": "s3:Get", "PUT": "s3:Put", "DELETE": "s3:Put"}
    return {
        method: (method.capitalize() + name, rights[method] + action) for method in methods.split()
    }


SERVICE_PLAIN: Final[Rows] = {"GET": ("ListBuckets", "s3:ListAllMyBuckets")}

BUCKET_PLAIN: Final[Rows] = {
    "GET": ("ListObjects", "s3:ListBucket"),
    "HEAD": ("HeadBucket", "s3:ListBucket"),
    "PUT": ("CreateBucket", "s3:CreateBucket"),
    "DELETE": ("DeleteBucket", "s3:DeleteBucket"),
    "POST": ("PostObject", "s3:PutObject"),
    "OPTIONS": ("Preflight", "s3:GetBucketCORS"),
}

OBJECT_PLAIN: Final[Rows] = {
    "GET": ("GetObject", "s3:GetObject"),
    "HEAD": ("HeadObject", "s3:GetObject"),
    "PUT": ("PutObject", "s3:PutObject"),
    "DELETE": ("DeleteObject", "s3:DeleteObject"),
    "OPTIONS": ("Preflight", "s3:GetBucketCORS"),
}

BUCKET_SUBRESOURCES: Final[dict[str, Rows]] = {
    "abac": _configuration("BucketAbac", "BucketAbac", "GET PUT"),
    "accelerate": _configuration(
        "BucketAccelerateConfiguration", "AccelerateConfiguration", "GET PUT"
    ),
    "acl": _configuration("BucketAcl", "BucketAcl", "GET PUT"),
    "analytics": _configuration("BucketAnalyticsConfiguration", "AnalyticsConfiguration"),
    "cors": _configuration("BucketCors", "BucketCORS"),
    "delete": {"POST": ("DeleteObjects", "s3:DeleteObject")},
    "encryption": _configuration("BucketEncryption", "EncryptionConfiguration"),
    "intelligent-tiering": _configuration(
        "BucketIntelligentTieringConfiguration", "IntelligentTieringConfiguration"
    ),
    "inventory": _configuration("BucketInventoryConfiguration", "InventoryConfiguration"),
    "lifecycle": {
        "GET": ("GetBucketLifecycleConfiguration", "s3:GetLifecycleConfiguration"),
        "PUT": ("PutBucketLifecycleConfiguration", "s3:PutLifecycleConfiguration"),
        "DELETE": ("DeleteBucketLifecycle", "s3:PutLifecycleConfiguration"),
    },
    "location": {"GET": ("GetBucketLocation", "s3:GetBucketLocation")},
    "logging": _configuration("BucketLogging", "BucketLogging", "GET PUT"),
    "metadataConfiguration": {
        "GET": ("GetBucketMetadataConfiguration", "s3:GetBucketMetadataTableConfiguration"),
        "POST": ("CreateBucketMetadataConfiguration", "s3:CreateBucketMetadataTableConfiguration"),
        "DELETE": (
            "DeleteBucketMetadataConfiguration",
            "s3:DeleteBucketMetadataTableConfiguration",
        ),
    },
    "metadataAnnotationTable": {
        "PUT": (
            "UpdateBucketMetadataAnnotationTableConfiguration",
            "s3:UpdateBucketMetadataAnnotationTableConfiguration",
        ),
    },
    "metadataInventoryTable": {
        "PUT": (
            "UpdateBucketMetadataInventoryTableConfiguration",
            "s3:UpdateBucketMetadataInventoryTableConfiguration",
        ),
    },
    "metadataJournalTable": {
        "PUT": (
            "UpdateBucketMetadataJournalTableConfiguration",
            "s3:UpdateBucketMetadataJournalTableConfiguration",
        ),
    },
    "metadataTable": {
        "GET": ("GetBucketMetadataTableConfiguration", "s3:GetBucketMetadataTableConfiguration"),
        "POST": (
            "CreateBucketMetadataTableConfiguration",
            "s3:CreateBucketMetadataTableConfiguration",
        ),
        "DELETE": (
            "DeleteBucketMetadataTableConfiguration",
            "s3:DeleteBucketMetadataTableConfiguration",
        ),
    },
    "metrics": _configuration("BucketMetricsConfiguration", "MetricsConfiguration"),
    "notification": _configuration(
        "BucketNotificationConfiguration", "BucketNotification", "GET PUT"
    ),
    "object-lock": _configuration(
        "ObjectLockConfiguration", "BucketObjectLockConfiguration", "GET PUT"
    ),
    "ownershipControls": _configuration("BucketOwnershipControls", "BucketOwnershipControls"),
    "policy": {
        "GET": ("GetBucketPolicy", "s3:GetBucketPolicy"),
        "PUT": ("PutBucketPolicy", "s3:PutBucketPolicy"),
        "DELETE": ("DeleteBucketPolicy", "s3:DeleteBucketPolicy"),
    },
    "policyStatus": {"GET": ("GetBucketPolicyStatus", "s3:GetBucketPolicyStatus")},
    "publicAccessBlock": _configuration("PublicAccessBlock", "BucketPublicAccessBlock"),
    "replication": _configuration("BucketReplication", "ReplicationConfiguration"),
    "requestPayment": _configuration("BucketRequestPayment", "BucketRequestPayment", "GET PUT"),
    "session": {"GET": ("CreateSession", "s3express:CreateSession")},
    "tagging": _configuration("BucketTagging", "BucketTagging"),
    "uploads": {"GET": ("ListMultipartUploads", "s3:ListBucketMultipartUploads")},
    "versioning": _configuration("BucketVersioning", "BucketVersioning", "GET PUT"),
    "versions": {"GET": ("ListObjectVersions", "s3:ListBucketVersions")},
    "website": {
        "GET": ("GetBucketWebsite", "s3:GetBucketWebsite"),
        "PUT": ("PutBucketWebsite", "s3:PutBucketWebsite"),
        "DELETE": ("DeleteBucketWebsite", "s3:DeleteBucketWebsite"),
    },
}

OBJECT_SUBRESOURCES: Final[dict[str, Rows]] = {
    "acl": _configuration("ObjectAcl", "ObjectAcl", "GET PUT"),
    "annotation": {
        "GET": ("GetObjectAnnotation", "s3:GetObjectAnnotation"),
        "PUT": ("PutObjectAnnotation", "s3:PutObjectAnnotation"),
        "DELETE": ("DeleteObjectAnnotation", "s3:DeleteObjectAnnotation"),
    },
    "attributes": {"GET": ("GetObjectAttributes", "s3:GetObjectAttributes")},
    "encryption": {"PUT": ("UpdateObjectEncryption", "s3:UpdateObjectEncryption")},
    "legal-hold": _configuration("ObjectLegalHold", "ObjectLegalHold", "GET PUT"),
    # It deletes its source too, which lies in a header: nothing less than every right.
    "renameObject": {"PUT": ("RenameObject", "s3:*")},
    "restore": {"POST": ("RestoreObject", "s3:RestoreObject")},
    "retention": _configuration("ObjectRetention", "ObjectRetention", "GET PUT"),
    "select": {"POST": ("SelectObjectContent", "s3:GetObject")},
    "tagging": {
        "GET": ("GetObjectTagging", "s3:GetObjectTagging"),
        "PUT": ("PutObjectTagging", "s3:PutObjectTagging"),
        "DELETE": ("DeleteObjectTagging", "s3:DeleteObjectTagging"),
    },
    "torrent": {"GET": ("GetObjectTorrent", "s3:GetObjectTorrent")},
    "uploadId": {
        "GET": ("ListParts", "s3:ListMultipartUploadParts"),
        "PUT": ("UploadPart", "s3:PutObject"),
        "POST": ("CompleteMultipartUpload", "s3:PutObject"),
        "DELETE": ("AbortMultipartUpload", "s3:AbortMultipartUpload"),
    },
    "uploads": {"POST": ("CreateMultipartUpload", "s3:PutObject")},
}

# Of objects, what origins that are older than it pass over: they answer GET ?attributes with the
# body, and take PUT ?encryption for the object. Each needs the right to what they would do as well,
# as GetObjectAttributes does at AWS.
PASSED_OVER: Final = frozenset({"annotation", "attributes", "encryption", "torrent"})

# A GET of one thing by name is, without the name, a list: operation -> (parameter, list, action).
LIST_WITHOUT: Final[dict[str, tuple[str, str, str]]] = {
    **{
        f"GetBucket{name}Configuration": (
            "id",
            f"ListBucket{name}Configurations",
            f"s3:Get{name}Configuration",
        )
        for name in ("Analytics", "IntelligentTiering", "Inventory", "Metrics")
    },
    "GetObjectAnnotation": (
        "annotationName",
        "ListObjectAnnotations",
        "s3:ListObjectAnnotations",
    ),
}

# Names in a query that choose no other operation; so do `response-*` and `x-amz-*` (any case).
PARAMETERS: Final = frozenset(
    {
        "AWSAccessKeyId",
        "Expires",
        "Signature",
        "annotation-prefix",
        "annotationName",
        "bucket-region",
        "continuation-token",
        "delimiter",
        "encoding-type",
        "fetch-owner",
        "id",
        "key-marker",
        "list-type",
        "marker",
        "max-annotation-results",
        "max-buckets",
        "max-directory-buckets",
        "max-keys",
        "max-parts",
        "max-uploads",
        "part-number-marker",
        "partNumber",
        "prefix",
        "select-type",
        "start-after",
        "upload-id-marker",
        "versionId",
        "version-id-marker",
        "x-id",
    }
)

_ACL_HEADERS: Final = (
    "x-amz-acl",
    "x-amz-grant-full-control",
    "x-amz-grant-read",
    "x-amz-grant-read-acp",
    "x-amz-grant-write",
    "x-amz-grant-write-acp",
)
_BYPASS: Final = {"x-amz-bypass-governance-retention": "s3:BypassGovernanceRetention"}
_OF_NEW_OBJECT: Final = {
    **dict.fromkeys(_ACL_HEADERS, "s3:PutObjectAcl"),
    "x-amz-tagging": "s3:PutObjectTagging",
    "x-amz-object-lock-mode": "s3:PutObjectRetention",
    "x-amz-object-lock-retain-until-date": "s3:PutObjectRetention",
    "x-amz-object-lock-legal-hold": "s3:PutObjectLegalHold",
}

# Operation -> header -> the further action that it asks for on the same target.
EXTRA_ACTIONS: Final[dict[str, dict[str, str]]] = {
    "PutObject": _OF_NEW_OBJECT,
    "CopyObject": _OF_NEW_OBJECT,
    "CreateMultipartUpload": _OF_NEW_OBJECT,
    "DeleteObject": _BYPASS,
    "DeleteObjectAnnotation": _BYPASS,
    "DeleteObjects": _BYPASS,
    "PutObjectRetention": _BYPASS,
    "CreateBucket": {
        **dict.fromkeys(_ACL_HEADERS, "s3:PutBucketAcl"),
        "x-amz-bucket-object-lock-enabled": "s3:PutBucketObjectLockConfiguration",
        "x-amz-object-ownership": "s3:PutBucketOwnershipControls",
    },
}
