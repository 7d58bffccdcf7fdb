"""What of an object must be said again, so that a copy or a new body of it keeps it (pure).

CopyObject copies metadata and tags, but not the storage class, the encryption, the redirect or the
lock; whoever replaces the metadata, or writes a body anew, says everything again. ACLs are not
kept: a copy is its bucket owner's, as S3 makes it.
https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html
"""

from collections.abc import Mapping
from typing import Final

METADATA: Final = "x-amz-meta-"
REPLACING: Final = {"x-amz-metadata-directive": "REPLACE"}
_SAID_AGAIN: Final = frozenset(
    {
        "x-amz-object-lock-legal-hold",
        "x-amz-object-lock-mode",
        "x-amz-object-lock-retain-until-date",
        "x-amz-server-side-encryption",
        "x-amz-server-side-encryption-aws-kms-key-id",
        "x-amz-server-side-encryption-bucket-key-enabled",
        "x-amz-storage-class",
        "x-amz-website-redirect-location",
    }
)
_METADATA_OF_SYSTEM: Final = frozenset(
    {
        "cache-control",
        "content-disposition",
        "content-encoding",
        "content-language",
        "content-type",
        "expires",
    }
)
TAGS: Final = "x-amz-tagging-count"
"""What tells that an object has tags: an upload in its place must be given them."""


def kept_by_copy(head: Mapping[str, str]) -> dict[str, str]:
    """Return what a copy with the source's own metadata must be told; `head` is the source's."""
    return {lower: value for name, value in head.items() if (lower := name.lower()) in _SAID_AGAIN}


def kept_by_rewrite(head: Mapping[str, str]) -> dict[str, str]:
    """Return all that a copy with other metadata, or a new body, must be told to be as before."""
    return {
        lower: value
        for name, value in head.items()
        if (lower := name.lower()) in _SAID_AGAIN | _METADATA_OF_SYSTEM
        or lower.startswith(METADATA)
    }
