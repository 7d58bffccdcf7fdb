"""Rows and extents: what the index says about an object and about a chunk (pure).

A row is kept under a 16-byte hash of the object's name, because LMDB keys end at 511 bytes and S3
keys at 1,024; it holds the full name, which every read compares. A row may also be a tombstone: it
says when the object was forgotten, so that a confirmation asked for earlier cannot bring it back.
"""

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from itertools import chain
from typing import Any, Protocol

from gateway.flash.units import opened_bytes
from gateway.model.names import ObjectName
from gateway.model.versions import Version

# Row format, is tombstone, has version id, was confirmed to another than Forebay itself, confirmed
# (ns), bucket bytes, key bytes, size, body, number of checksums, number of headers; then bucket,
# key and the texts parted by NUL: the last one is whom it was confirmed to, where it was another.
_HEAD = struct.Struct("<BBBBqHHQ16sHH")
_FORMAT = 1
_CHUNK_KEY = struct.Struct(">16sI")
_EXTENT = struct.Struct("<IIQI")
_SEALED_EXTENT = struct.Struct("<IIQII")
_SEPARATOR = "\0"

CHUNK_KEY_BYTES = _CHUNK_KEY.size


class BodyOwner(Protocol):
    """An object's name, its version, and the body whose chunks are kept; a `Row` is one."""

    @property
    def name(self) -> ObjectName:
        """The object's name."""

    @property
    def version(self) -> Version:
        """The version that the chunks were read from."""

    @property
    def body(self) -> bytes:
        """The 16-byte body id (`model.versions.body_id`)."""


@dataclass(frozen=True, slots=True)
class Extent:
    """Where the bytes of one chunk lie: `length` bytes at `offset` of segment `segment`."""

    segment: int
    offset: int
    length: int
    crc32c: int
    plain_crc32c: int | None = None
    """CRC32C of the chunk's own bytes where those on flash are sealed, which `crc32c` is of."""

    @property
    def is_sealed(self) -> bool:
        """Return whether the bytes on flash are sealed."""
        return self.plain_crc32c is not None

    @property
    def body_bytes(self) -> int:
        """Return the length of the chunk itself."""
        return self.length if self.plain_crc32c is None else opened_bytes(self.length)

    @property
    def body_crc32c(self) -> int:
        """Return the CRC32C of the chunk itself."""
        return self.crc32c if self.plain_crc32c is None else self.plain_crc32c


@dataclass(frozen=True, slots=True)
class Row:
    """What is known of an object: its version, its body on flash, the headers confirmed last."""

    name: ObjectName
    version: Version
    body: bytes
    headers: tuple[tuple[str, str], ...]
    confirmed_ns: int
    """Wall-clock ns when the confirming question was sent; 0 or in the future: unconfirmed."""
    confirmed_to: str = ""
    """The mark of the voice (`model.voices`) that asked; '' is Forebay itself."""


def encode_text(text: str) -> bytes:
    """Return the bytes of a name or header; keys that are not Unicode come as surrogates."""
    return text.encode("utf-8", "surrogatepass")


def row_key(name: ObjectName, names_key: bytes = b"") -> bytes:
    """Return the 16-byte key under which the row of `name` is kept.

    With a `names_key` nobody can tell without it whether a name that he guesses is there.
    """
    text = encode_text(name.bucket) + b"\0" + encode_text(name.key)
    return blake2b(text, digest_size=16, key=names_key).digest()


def encode_row(row: Row) -> bytes:
    """Return the bytes of a row; raises ValueError where a text other than the key holds a NUL."""
    version = row.version
    texts = (
        version.etag,
        version.last_modified,
        version.version_id or "",
        *chain.from_iterable(version.checksums),
        *chain.from_iterable(row.headers),
        *((row.confirmed_to,) if row.confirmed_to else ()),
    )
    joined = _SEPARATOR.join(texts)
    if joined.count(_SEPARATOR) != len(texts) - 1:
        raise ValueError("a header or validator holds a NUL")
    bucket, key = encode_text(row.name.bucket), encode_text(row.name.key)
    head = _HEAD.pack(
        _FORMAT,
        0,
        version.version_id is not None,
        bool(row.confirmed_to),
        row.confirmed_ns,
        len(bucket),
        len(key),
        version.size,
        row.body,
        len(version.checksums),
        len(row.headers),
    )
    return head + bucket + key + encode_text(joined)


def encode_tombstone(name: ObjectName, forgotten_ns: int) -> bytes:
    """Return the row that says `name` was forgotten at that time."""
    bucket, key = encode_text(name.bucket), encode_text(name.key)
    head = _HEAD.pack(_FORMAT, 1, 0, 0, forgotten_ns, len(bucket), len(key), 0, bytes(16), 0, 0)
    return head + bucket + key


@lru_cache(maxsize=1024)  # a hot object's row is read for every request and seldom changes
def decode_row(data: bytes, name: ObjectName) -> Row | None:
    """Return the row of `name`; None for a tombstone, another name's row or another format.

    Rows have no checksum of their own: one whose texts went bad is no row either.
    """
    if len(data) < _HEAD.size or data[0] != _FORMAT or data[1]:
        return None
    head = _HEAD.unpack_from(data)
    stop = _HEAD.size + head[5] + head[6]
    if data[_HEAD.size : stop] != encode_text(name.bucket) + encode_text(name.key):
        return None
    if head[5] != len(encode_text(name.bucket)):
        return None
    try:
        return _decode(head, data[stop:], name)
    except (ValueError, IndexError):
        return None


def find_name(data: bytes) -> ObjectName | None:
    """Return the name that a row or tombstone is about; None for another format, or bad bytes."""
    if len(data) < _HEAD.size or data[0] != _FORMAT:
        return None
    _, _, _, _, _, bucket_bytes, key_bytes, *_ = _HEAD.unpack_from(data)
    middle = _HEAD.size + bucket_bytes
    bucket, key = data[_HEAD.size : middle], data[middle : middle + key_bytes]
    try:
        return ObjectName(
            bucket.decode("utf-8", "surrogatepass"), key.decode("utf-8", "surrogatepass")
        )
    except UnicodeDecodeError:
        return None


def is_tombstone(data: bytes) -> bool:
    """Return whether the row says that its object was forgotten."""
    return len(data) >= _HEAD.size and data[1] == 1


def rows_under(entries: Iterable[tuple[bytes, bytes]], prefix: str) -> Iterator[Row]:
    """Yield the rows, among entries of the index, of names whose `bucket/key` begins so."""
    for _, data in entries:
        name = None if is_tombstone(data) else find_name(data)
        if name is None or not str(name).startswith(prefix):
            continue
        row = decode_row(data, name)
        if row is not None:
            yield row


def time_of(data: bytes) -> int:
    """Return when a row was confirmed, or its object forgotten, in wall-clock ns."""
    return int(_HEAD.unpack_from(data)[4]) if len(data) >= _HEAD.size else 0


def body_of(data: bytes) -> bytes:
    """Return the body id of a row; that of no body where the bytes are none."""
    return bytes(_HEAD.unpack_from(data)[8]) if len(data) >= _HEAD.size else bytes(16)


def _decode(head: tuple[Any, ...], joined: bytes, name: ObjectName) -> Row:
    _, _, has_version_id, is_anothers, confirmed_ns, _, _, size, body, checksums, _ = head
    texts = joined.decode("utf-8", "surrogatepass").split(_SEPARATOR)
    confirmed_to = texts.pop() if is_anothers else ""
    pairs = tuple(zip(texts[3::2], texts[4::2], strict=True))
    version = Version(
        texts[0], size, texts[1], texts[2] if has_version_id else None, pairs[:checksums]
    )
    return Row(name, version, body, pairs[checksums:], confirmed_ns, confirmed_to)


def chunk_key(body: bytes, number: int) -> bytes:
    """Return the key of a chunk's row: chunks of one body are neighbours, in order."""
    return _CHUNK_KEY.pack(body, number)


def chunk_number(key: bytes) -> int:
    """Return the chunk number of a chunk's key."""
    return int.from_bytes(key[16:20], "big")


def encode_extent(extent: Extent) -> bytes:
    """Return the 20 bytes of an extent, 24 of a sealed one."""
    fixed = _EXTENT.pack(extent.segment, extent.length, extent.offset, extent.crc32c)
    return fixed if extent.plain_crc32c is None else fixed + encode_crc(extent.plain_crc32c)


def encode_crc(crc: int) -> bytes:
    """Return the 4 bytes of a CRC32C."""
    return crc.to_bytes(4, "little")


@lru_cache(maxsize=4096)  # the same few are read for every request of a hot object
def decode_extent(data: bytes) -> Extent:
    """Return the extent of 20 bytes, or of the 24 of a sealed one."""
    if len(data) == _SEALED_EXTENT.size:
        segment, length, offset, crc32c, plain_crc32c = _SEALED_EXTENT.unpack(data)
        return Extent(segment, offset, length, crc32c, plain_crc32c)
    segment, length, offset, crc32c = _EXTENT.unpack(data)
    return Extent(segment, offset, length, crc32c)
