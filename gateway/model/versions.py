"""What a version of an object is, and when two versions have the same body (pure).

The validator is the tuple (ETag, size, Last-Modified, version id). Chunks on flash are keyed by the
*body* they belong to, so a chunk can never be stale, only unwanted.
"""

from dataclasses import dataclass
from hashlib import blake2b

from gateway.model.names import ObjectName


@dataclass(frozen=True, slots=True)
class Version:
    """One version of one object, as the origin described it in one answer."""

    etag: str
    """As sent, with its quotes; weak or empty ETags are never made into a version."""
    size: int
    """Bytes of the whole body."""
    last_modified: str
    """The HTTP date, verbatim (1 s granularity)."""
    version_id: str | None = None
    checksums: tuple[tuple[str, str], ...] = ()
    """Full-object checksums the origin stores: (header name in lower case, base64), sorted."""

    def is_same_tuple(self, other: "Version") -> bool:
        """Return whether the validator tuples are equal."""
        return (
            self.etag == other.etag
            and self.size == other.size
            and self.last_modified == other.last_modified
            and self.version_id == other.version_id
        )

    def has_same_body(self, other: "Version") -> bool:
        """Return whether both versions provably have one body (semantics: *Same body*).

        ETag and size must be equal, and so must be Last-Modified and version id, or a full-object
        checksum that the origin stores: two different bodies can be built with one MD5. Checksums
        that differ prove different bodies, also where both were written within one second.
        """
        if self.etag != other.etag or self.size != other.size:
            return False
        mine, theirs = dict(self.checksums), dict(other.checksums)
        shared = mine.keys() & theirs.keys()
        if any(mine[name] != theirs[name] for name in shared):
            return False
        return bool(shared) or self.is_same_tuple(other)


def body_id(name: ObjectName, version: Version, chunk_bytes: int, names_key: bytes = b"") -> bytes:
    """Return the 16-byte key under which the chunks of this version's body lie on flash.

    Checksums are part of it: the row that knew them may be gone while its chunks remain. With a
    `names_key` it tells nobody who has not got that whether a version he knows is there.
    """
    digest = blake2b(digest_size=16, key=names_key)
    for part in (
        name.bucket,
        name.key,
        version.etag,
        str(version.size),
        version.last_modified,
        version.version_id or "",
        str(chunk_bytes),
        *(f"{name}={value}" for name, value in version.checksums),
    ):
        digest.update(part.encode("utf-8", "surrogatepass") + b"\0")
    return digest.digest()
