"""The embedded origin's catalogue: buckets, keys, versions and unfinished uploads.

Every change is one synchronous step, so the store is strongly consistent: what a request began to
answer after a write returned, sees that write. The catalogue lives in memory; bodies lie in memory
or, given a folder, in one file each.
"""

from bisect import bisect_left, insort
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import time
from uuid import uuid4

from gateway.demo.origin_bodies import Blob, BlobWriter, FileWriter, MemoryWriter
from gateway.demo.origin_errors import S3Error

NULL_VERSION = "null"


@dataclass(frozen=True, slots=True)
class StoredVersion:
    """One version of one object, or a delete marker."""

    body: tuple[Blob, ...]
    size: int
    etag: str
    """With its quotes."""
    modified: float
    """Seconds since the epoch."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """What GET and HEAD repeat, names in lower case: content type, user metadata, ..."""
    checksums: Mapping[str, str] = field(default_factory=dict)
    """Algorithm (`crc32`) to the header's value."""
    checksum_type: str = "FULL_OBJECT"
    part_sizes: tuple[int, ...] = ()
    """Bytes of each part, where the object was uploaded in parts."""
    tags: tuple[tuple[str, str], ...] = ()
    version_id: str = NULL_VERSION
    is_delete_marker: bool = False


@dataclass(frozen=True, slots=True)
class Part:
    """One uploaded part."""

    blob: Blob
    etag: str
    modified: float
    checksums: Mapping[str, str]


@dataclass(slots=True)
class Upload:
    """A multipart upload; `completed` keeps its answer for the client that asks again."""

    bucket: str
    key: str
    started: float
    headers: Mapping[str, str]
    tags: tuple[tuple[str, str], ...]
    algorithm: str
    checksum_type: str
    parts: dict[int, Part] = field(default_factory=dict)
    completed: StoredVersion | None = None


@dataclass(slots=True)
class Bucket:
    """A bucket: its keys in order, and for each key its versions, the newest last."""

    name: str
    created: float
    versioning: str = ""
    """As GetBucketVersioning says it: empty, `Enabled` or `Suspended`."""
    keys: list[str] = field(default_factory=list)
    versions: dict[str, list[StoredVersion]] = field(default_factory=dict)

    def find(self, key: str, version_id: str = "") -> StoredVersion | None:
        """Return the named version or the newest one, delete markers included."""
        held = self.versions.get(key, [])
        if not version_id:
            return held[-1] if held else None
        return next((version for version in held if version.version_id == version_id), None)

    def is_visible(self, key: str) -> bool:
        """Return whether a plain GET would find the key."""
        newest = self.find(key)
        return newest is not None and not newest.is_delete_marker

    def add(self, key: str, version: StoredVersion) -> None:
        """Make `version` the newest; the null version replaces the null version."""
        held = self.versions.get(key)
        if held is None:
            insort(self.keys, key)
            held = self.versions[key] = []
        held[:] = [old for old in held if old.version_id != version.version_id]
        held.append(version)

    def remove(self, key: str, version_id: str) -> StoredVersion | None:
        """Forget one version for good and return it."""
        version = self.find(key, version_id)
        if version is None:
            return None
        held = self.versions[key]
        held.remove(version)
        if not held:
            del self.versions[key]
            del self.keys[bisect_left(self.keys, key)]
        return version

    def next_version_id(self) -> str:
        """Return the id that the next write gets."""
        return uuid4().hex if self.versioning == "Enabled" else NULL_VERSION


class OriginStore:
    """All buckets and uploads."""

    def __init__(self, folder: Path | None = None, clock: Callable[[], float] = time) -> None:
        """Keep bodies in `folder`, or in memory; `clock` gives seconds since the epoch."""
        self.folder = folder
        self.clock = clock
        self.default_algorithm = "crc64nvme"
        """The checksum S3 takes where the client names none (since December 2024); '' for none."""
        self.part_bytes_min = 5 << 20
        self.buckets: dict[str, Bucket] = {}
        self.uploads: dict[str, Upload] = {}

    def get_bucket(self, name: str) -> Bucket:
        """Return the bucket or raise NoSuchBucket."""
        if name not in self.buckets:
            raise S3Error("NoSuchBucket", "The specified bucket does not exist")
        return self.buckets[name]

    def create_bucket(self, name: str) -> Bucket:
        """Return a new, empty bucket."""
        if name in self.buckets:
            raise S3Error("BucketAlreadyOwnedByYou", "You already own this bucket")
        self.buckets[name] = Bucket(name, self.clock())
        return self.buckets[name]

    def delete_bucket(self, name: str) -> None:
        """Forget an empty bucket."""
        if self.get_bucket(name).keys:
            raise S3Error("BucketNotEmpty", "The bucket you tried to delete is not empty")
        del self.buckets[name]

    def get_version(self, bucket: str, key: str, version_id: str = "") -> StoredVersion:
        """Return what a GET would serve, or raise as S3 does."""
        version = self.get_bucket(bucket).find(key, version_id)
        if version is None:
            code = "NoSuchVersion" if version_id else "NoSuchKey"
            raise S3Error(code, "The specified key does not exist.")
        if version.is_delete_marker:
            marked = {"x-amz-delete-marker": "true", "x-amz-version-id": version.version_id}
            code = "MethodNotAllowed" if version_id else "NoSuchKey"
            raise S3Error(code, "The specified key does not exist.", headers=marked)
        return version

    def retag(
        self, bucket: str, key: str, version_id: str, tags: tuple[tuple[str, str], ...]
    ) -> StoredVersion:
        """Give a version other tags, in its place, and return it."""
        old = self.get_version(bucket, key, version_id)
        new = replace(old, tags=tags)
        held = self.buckets[bucket].versions[key]
        held[held.index(old)] = new
        return new

    def get_upload(self, upload_id: str, bucket: str, key: str) -> Upload:
        """Return the upload if it belongs to this object, or raise NoSuchUpload."""
        upload = self.uploads.get(upload_id)
        if upload is None or (upload.bucket, upload.key) != (bucket, key):
            raise S3Error("NoSuchUpload", "The specified upload does not exist")
        return upload

    def new_blob(self) -> BlobWriter:
        """Return a writer for a body or a part."""
        return MemoryWriter() if self.folder is None else FileWriter(self.folder)

    def delete(self, bucket_name: str, key: str, version_id: str = "") -> StoredVersion | None:
        """Delete as S3 does; return the version removed or the delete marker made, if any."""
        bucket = self.get_bucket(bucket_name)
        if version_id or not bucket.versioning:
            return bucket.remove(key, version_id or NULL_VERSION)
        marker = StoredVersion(
            (), 0, "", self.clock(), version_id=bucket.next_version_id(), is_delete_marker=True
        )
        bucket.add(key, marker)
        return marker
