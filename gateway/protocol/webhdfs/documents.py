"""What WebHDFS answers, as Hadoop's JSON: keys sorted, no blanks, UTF-8 (pure).

Source: org.apache.hadoop.hdfs.web.JsonUtil, and JsonUtilClient, which reads it.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from gateway.protocol.webhdfs.extended_attributes import encode_value

Json = Mapping[str, "Json"] | Sequence["Json"] | str | int | bool | None

LONG_MAX: Final = 2**63 - 1
_NO_QUOTA: Final = -1
_CHECKSUM_CRC32C: Final = 2
"""org.apache.hadoop.util.DataChecksum.Type.CRC32C."""


def to_json(document: Json) -> bytes:
    """Return a document as it is sent."""
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    return text.encode("utf-8", "backslashreplace")


@dataclass(frozen=True, slots=True)
class FileStatus:
    """A file, a directory or a link, in HDFS's terms; times in milliseconds since 1970."""

    kind: str
    """FILE, DIRECTORY or SYMLINK."""
    length: int
    modified: int
    accessed: int
    mode: int
    owner: str
    group: str
    block_bytes: int
    symlink: str = ""

    def document(self, suffix: str) -> Json:
        """Return it; `suffix` is its name below the path that was asked, '' for that itself.

        There are no inode numbers (0 is Hadoop's word for none), and of a directory's children
        nobody keeps a count (-1: not known).
        """
        is_directory, is_file = self.kind == "DIRECTORY", self.kind == "FILE"
        document: dict[str, Json] = {
            "accessTime": self.accessed,
            "blockSize": self.block_bytes if is_file else 0,
            "childrenNum": -1 if is_directory else 0,
            "fileId": 0,
            "group": self.group,
            "length": self.length if is_file else 0,
            "modificationTime": self.modified,
            "owner": self.owner,
            "pathSuffix": suffix,
            "permission": f"{self.mode:o}",
            "replication": 1 if is_file else 0,
            "storagePolicy": 0,
            "type": self.kind,
        }
        if self.kind == "SYMLINK":
            document["symlink"] = self.symlink
        return document


LISTING_BEGIN: Final = b'{"FileStatuses":{"FileStatus":['
LISTING_END: Final = b"]}}"


def listing_part(statuses: Iterable[tuple[str, FileStatus]], *, is_first: bool) -> bytes:
    """Return some statuses of a listing, to stand between LISTING_BEGIN and LISTING_END."""
    parts = b",".join(to_json(status.document(suffix)) for suffix, status in statuses)
    return parts if is_first or not parts else b"," + parts


def listing_batch(statuses: Iterable[tuple[str, FileStatus]], remaining: int) -> Json:
    """Return one batch; `remaining` entries come after it, as far as is known."""
    listed = [status.document(suffix) for suffix, status in statuses]
    return {
        "DirectoryListing": {
            "partialListing": {"FileStatuses": {"FileStatus": listed}},
            "remainingEntries": remaining,
        }
    }


def file_status(status: FileStatus) -> Json:
    """Return the answer of GETFILESTATUS."""
    return {"FileStatus": status.document("")}


def content_summary(files: int, directories: int, length: int) -> Json:
    """Return the answer of GETCONTENTSUMMARY."""
    return {
        "ContentSummary": {
            "directoryCount": directories,
            "ecPolicy": "" if directories else "Replicated",
            "fileCount": files,
            "length": length,
            "quota": _NO_QUOTA,
            "snapshotDirectoryCount": 0,
            "snapshotFileCount": 0,
            "snapshotLength": 0,
            "snapshotSpaceConsumed": 0,
            "spaceConsumed": length,
            "spaceQuota": _NO_QUOTA,
            "typeQuota": {},
        }
    }


def quota_usage(files: int, directories: int, length: int) -> Json:
    """Return the answer of GETQUOTAUSAGE."""
    return {
        "QuotaUsage": {
            "fileAndDirectoryCount": files + directories,
            "quota": _NO_QUOTA,
            "spaceConsumed": length,
            "spaceQuota": _NO_QUOTA,
            "typeQuota": {},
        }
    }


def file_checksum(algorithm: str, checksum: bytes) -> Json:
    """Return the answer of GETFILECHECKSUM."""
    return {
        "FileChecksum": {
            "algorithm": algorithm,
            "bytes": checksum.hex() + "00000000",
            "length": len(checksum),
        }
    }


def acl_status(status: FileStatus) -> Json:
    """Return the answer of GETACLSTATUS: no entries beyond the mode's."""
    return {
        "AclStatus": {
            "entries": [],
            "group": status.group,
            "owner": status.owner,
            "permission": f"{status.mode:o}",
            "stickyBit": bool(status.mode & 0o1000),
        }
    }


def attributes(values: Mapping[str, bytes], encoding: str | None) -> Json:
    """Return the answer of GETXATTRS."""
    return {
        "XAttrs": [
            {"name": name, "value": encode_value(value, encoding) if value else None}
            for name, value in values.items()
        ]
    }


def attribute_names(names: Iterable[str]) -> Json:
    """Return the answer of LISTXATTRS: a list that is written as a text, as Hadoop reads it."""
    return {"XAttrNames": json.dumps(list(names), ensure_ascii=False, separators=(",", ":"))}


def server_defaults(block_bytes: int) -> Json:
    """Return the answer of GETSERVERDEFAULTS."""
    return {
        "FsServerDefaults": {
            "blockSize": block_bytes,
            "bytesPerChecksum": 512,
            "checksumType": _CHECKSUM_CRC32C,
            "defaultStoragePolicyId": 0,
            "encryptDataTransfer": False,
            "fileBufferSize": 4096,
            "keyProviderUri": "",
            "replication": 1,
            "snapshotTrashRootEnabled": False,
            "trashInterval": 0,
            "writePacketSize": 65536,
        }
    }


def fs_status() -> Json:
    """Return the answer of GETSTATUS: a bucket has no end, and nobody counts what it holds."""
    return {"FsStatus": {"capacity": LONG_MAX, "remaining": LONG_MAX, "used": 0}}


def trash_root(path: str, status: FileStatus) -> Json:
    """Return one row of GETTRASHROOTS's answer, whose words are not those of a FileStatus."""
    return {
        "accessTime": status.accessed,
        "blockReplication": 0,
        "blockSize": 0,
        "group": status.group,
        "isDirectory": True,
        "length": 0,
        "modificationTime": status.modified,
        "owner": status.owner,
        "path": path,
        "permission": f"{status.mode:o}",
    }


def token(url_string: str | None) -> Json:
    """Return the answer of GETDELEGATIONTOKEN."""
    return {"Token": {"urlString": url_string} if url_string is not None else None}


def answer_path(path: str) -> Json:
    """Return the answer of GETHOMEDIRECTORY and others."""
    return {"Path": path}


def answer_boolean(*, value: bool) -> Json:
    """Return the answer of MKDIRS and others."""
    return {"boolean": value}


def answer_long(value: int) -> Json:
    """Return the answer of RENEWDELEGATIONTOKEN."""
    return {"long": value}


def location(url: str) -> Json:
    """Return the answer of a first step with `noredirect=true`."""
    return {"Location": url}
