"""Records: the append-only log of a segment, from which the index can be rebuilt (pure).

Every record stands in a frame that no future version changes:

    magic "FBRC" | format version u8 | kind u8 | zero u16 | payload bytes u32 | CRC32C u32 | payload

where the CRC covers the first twelve bytes and the payload. So a reader can step over a record of
an unknown version or kind, and over one whose bytes went bad; it stops where no frame begins, which
is the end of the log, or its torn tail. A log begins with a *label*, which says what the segment is
for and names nothing, and ends with a *seal* where it was closed in order.

Where flash is sealed, so are the payloads of chunks' records (kind 4), names and all, with the
CRC32C of the chunk's own bytes at their end; a record in plaintext is then none.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from awscrt.checksums import crc32c

from gateway.flash.purposes import UNLABELLED, Label, Purpose, Stream
from gateway.flash.rows import BodyOwner, Extent, encode_crc, encode_text
from gateway.flash.sealing import DataKeys
from gateway.flash.units import SEALED_BYTES
from gateway.model.names import ObjectName
from gateway.model.versions import Version

_MAGIC: Final = b"FBRC"
FORMAT_VERSION: Final = 1
_FRAME = struct.Struct("<4sBBHII")
_CRC_COVERS = 12
# Body, chunk number, segment, offset, length, CRC32C of the data, size of the whole body, then the
# lengths of bucket, key, ETag, Last-Modified, version id and checksums, which follow in this order.
_CHUNK = struct.Struct("<16sIIQIIQHHHHHH")
_SEAL = struct.Struct("<IQ")
# Stream, zeros, group, begun (ns).
_LABEL = struct.Struct("<B7x8sQ")
_KIND_CHUNK: Final = 1
_KIND_SEAL: Final = 2
_KIND_LABEL: Final = 3
_KIND_SEALED_CHUNK: Final = 4
_CRC_BYTES: Final = 4
_BOUND: Final = b"record"
_NO_VERSION_ID: Final = 0xFFFF
PAYLOAD_BYTES_MAX: Final = 16 * 1024
SEAL_BYTES: Final = _FRAME.size + _SEAL.size
LABEL_BYTES: Final = _FRAME.size + _LABEL.size


@dataclass(frozen=True, slots=True)
class Record:
    """One chunk in a segment, with the whole identity of the object it belongs to."""

    name: ObjectName
    version: Version
    body: bytes
    number: int
    extent: Extent


@dataclass(frozen=True, slots=True)
class Seal:
    """The end of a segment that was closed in order; `data_bytes` of it are used."""

    segment: int
    data_bytes: int


class RecordWriter:
    """Encodes the records of one body; what they have in common is encoded once."""

    def __init__(self, owner: BodyOwner, keys: DataKeys | None) -> None:
        """Take the identity of the object; raises ValueError where it exceeds a record's bounds."""
        self._keys = keys
        version = owner.version
        checksums = "\0".join(text for pair in version.checksums for text in pair)
        texts = [
            encode_text(text)
            for text in (
                owner.name.bucket,
                owner.name.key,
                version.etag,
                version.last_modified,
                version.version_id or "",
                checksums,
            )
        ]
        self._lengths = [len(text) for text in texts]
        if version.version_id is None:
            self._lengths[4] = _NO_VERSION_ID
        self._texts = b"".join(texts)
        self._body, self._size = owner.body, version.size
        if self.record_bytes > PAYLOAD_BYTES_MAX:
            raise ValueError("the object's name and validators exceed a record")

    @property
    def record_bytes(self) -> int:
        """Return the length of each record of this body."""
        sealed_bytes = 0 if self._keys is None else _CRC_BYTES + SEALED_BYTES
        return _FRAME.size + _CHUNK.size + len(self._texts) + sealed_bytes

    def encode(self, number: int, extent: Extent) -> bytes:
        """Return the record of one chunk."""
        fixed = _CHUNK.pack(
            self._body,
            number,
            extent.segment,
            extent.offset,
            extent.length,
            extent.crc32c,
            self._size,
            *self._lengths,
        )
        if self._keys is None or extent.plain_crc32c is None:
            return _framed(_KIND_CHUNK, fixed + self._texts)
        payload = fixed + self._texts + encode_crc(extent.plain_crc32c)
        return _framed(_KIND_SEALED_CHUNK, self._keys.seal(payload, _BOUND))


def encode_seal(seal: Seal) -> bytes:
    """Return the last record of a log."""
    return _framed(_KIND_SEAL, _SEAL.pack(seal.segment, seal.data_bytes))


def encode_label(label: Label) -> bytes:
    """Return the first record of a log."""
    purpose = label.purpose
    payload = _LABEL.pack(purpose.stream, purpose.group, label.begun_ns)
    return _framed(_KIND_LABEL, payload)


def find_label(head: bytes) -> Label:
    """Return the label that the first `LABEL_BYTES` of a log are; logs of before have none."""
    entries = list(RecordReader(None).feed(head))
    return entries[0] if len(entries) == 1 and isinstance(entries[0], Label) else UNLABELLED


def find_seal(tail: bytes) -> Seal | None:
    """Return the seal that the last `SEAL_BYTES` of a log are, if they are one."""
    entries = list(RecordReader(None).feed(tail))
    return entries[0] if len(entries) == 1 and isinstance(entries[0], Seal) else None


class RecordReader:
    """Fed with the bytes of a log in pieces of any size, yields its entries in order."""

    def __init__(self, keys: DataKeys | None) -> None:
        """Begin before the first record; of sealed ones those are read that `keys` open."""
        self._keys = keys
        self._rest = bytearray()
        self.position = 0
        """Bytes of the log up to the end of the last whole frame."""
        self.is_stopped = False
        """Whether no frame begins at `position`: the end of the log, or where it was torn."""

    def feed(self, data: bytes | memoryview) -> Iterator[Record | Seal | Label]:
        """Yield the entries completed by `data`; nothing once stopped."""
        self._rest += data
        used = 0
        while not self.is_stopped and len(self._rest) - used >= _FRAME.size:
            frame = _FRAME.unpack_from(self._rest, used)
            magic, _, _, _, payload_bytes, _ = frame
            if magic != _MAGIC or payload_bytes > PAYLOAD_BYTES_MAX:
                self.is_stopped = True
                break
            if len(self._rest) - used < _FRAME.size + payload_bytes:
                break
            whole = bytes(self._rest[used : used + _FRAME.size + payload_bytes])
            entry = _entry(frame, whole, self._keys)
            used += _FRAME.size + payload_bytes
            self.position += _FRAME.size + payload_bytes
            if entry is not None:
                yield entry
        del self._rest[:used]


def _framed(kind: int, payload: bytes) -> bytes:
    start = _FRAME.pack(_MAGIC, FORMAT_VERSION, kind, 0, len(payload), 0)[:_CRC_COVERS]
    crc: int = crc32c(payload, crc32c(start))
    return start + crc.to_bytes(4, "little") + payload


def _entry(
    frame: tuple[bytes, int, int, int, int, int], whole: bytes, keys: DataKeys | None
) -> Record | Seal | Label | None:
    """Return what a whole frame holds; None steps over bad bytes, unknown versions and kinds."""
    _, version, kind, _, _, crc = frame
    payload = whole[_FRAME.size :]
    if version != FORMAT_VERSION or crc32c(payload, crc32c(whole[:_CRC_COVERS])) != crc:
        return None
    if kind == _KIND_CHUNK and keys is not None:
        return None
    decode = _DECODERS.get(kind)
    try:
        if kind == _KIND_SEALED_CHUNK and keys is not None:
            return _open_chunk(payload, keys)
        return None if decode is None else decode(payload)
    except ValueError:
        # Its bytes are those that were written, and yet no texts: nobody's record of this version.
        return None


def _open_chunk(payload: bytes, keys: DataKeys) -> Record | None:
    plain = keys.open(payload, _BOUND)
    record = None if plain is None else _decode_chunk(plain[:-_CRC_BYTES])
    if record is None or plain is None:
        return None
    crc = int.from_bytes(plain[-_CRC_BYTES:], "little")
    return replace(record, extent=replace(record.extent, plain_crc32c=crc))


def _decode_chunk(payload: bytes) -> Record | None:
    if len(payload) < _CHUNK.size:
        return None
    body, number, segment, offset, length, crc, size, *lengths = _CHUNK.unpack_from(payload)
    has_version_id = lengths[4] != _NO_VERSION_ID
    if not has_version_id:
        lengths[4] = 0
    if sum(lengths) != len(payload) - _CHUNK.size:
        return None
    texts, position = [], _CHUNK.size
    for text_bytes in lengths:
        texts.append(payload[position : position + text_bytes].decode("utf-8", "surrogatepass"))
        position += text_bytes
    bucket, key, etag, last_modified, version_id, checksums = texts
    parts = checksums.split("\0") if checksums else []
    version = Version(
        etag,
        size,
        last_modified,
        version_id if has_version_id else None,
        tuple(zip(parts[::2], parts[1::2], strict=True)),
    )
    extent = Extent(segment, offset, length, crc)
    return Record(ObjectName(bucket, key), version, body, number, extent)


def _decode_seal(payload: bytes) -> Seal | None:
    return Seal(*_SEAL.unpack(payload)) if len(payload) == _SEAL.size else None


def _decode_label(payload: bytes) -> Label | None:
    if len(payload) != _LABEL.size:
        return None
    stream, group, begun_ns = _LABEL.unpack(payload)
    return Label(Purpose(Stream(stream), group), begun_ns)


_DECODERS = {_KIND_CHUNK: _decode_chunk, _KIND_SEAL: _decode_seal, _KIND_LABEL: _decode_label}
