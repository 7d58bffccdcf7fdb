"""Thrift's compact protocol, writing only: as much as a Parquet footer needs.

Source: Apache Thrift, *Thrift Compact protocol encoding*. Integers are zigzag varints; a field
header holds the distance to the field before it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

_STOP = b"\0"
_SHORT_MAX = 15


@dataclass(frozen=True, slots=True)
class I32:
    """A 32-bit integer."""

    value: int


@dataclass(frozen=True, slots=True)
class I64:
    """A 64-bit integer; in this protocol only its type code differs."""

    value: int


Value: TypeAlias = "I32 | I64 | str | Sequence[Value] | Mapping[int, Value]"
"""A struct is a mapping from field number to value, in ascending order; a list is of one type."""


def encode(value: Value) -> bytes:
    """Return the bytes of a value, without its type."""
    return _codec(value)[1](value)


def _integer(value: I32 | I64) -> bytes:
    return _varint((value.value << 1) ^ (value.value >> 63))


def _text(value: str) -> bytes:
    content = value.encode()
    return _varint(len(content)) + content


def _list(value: Sequence[Value]) -> bytes:
    code = _codec(value[0])[0]
    if len(value) < _SHORT_MAX:
        head = bytes([len(value) << 4 | code])
    else:
        head = bytes([_SHORT_MAX << 4 | code]) + _varint(len(value))
    return head + b"".join(encode(item) for item in value)


def _struct(value: Mapping[int, Value]) -> bytes:
    written, before = bytearray(), 0
    for number, field in value.items():
        code, encoder = _codec(field)
        written += bytes([(number - before) << 4 | code]) + encoder(field)
        before = number
    return bytes(written) + _STOP


def _varint(number: int) -> bytes:
    written = bytearray()
    while number > 0x7F:  # noqa: PLR2004 - seven bits a byte, the eighth says that more follow
        written.append(number & 0x7F | 0x80)
        number >>= 7
    written.append(number)
    return bytes(written)


# Type -> (its code in field and list headers, how it is written). Sequence and Mapping come last:
# a str is a Sequence too.
_CODECS: tuple[tuple[type, int, Callable[..., bytes]], ...] = (
    (I32, 5, _integer),
    (I64, 6, _integer),
    (str, 8, _text),
    (Mapping, 12, _struct),
    (Sequence, 9, _list),
)


def _codec(value: Value) -> tuple[int, Callable[..., bytes]]:
    return next((code, encoder) for kind, code, encoder in _CODECS if isinstance(value, kind))
