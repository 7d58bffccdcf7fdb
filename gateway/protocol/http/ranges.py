"""Range headers: one byte range, or none (pure).

S3 serves a single range. Several ranges, another unit or a malformed header are ignored, as RFC
9110 14.2 allows and S3 does: the answer is the whole object.
"""

import re
from dataclasses import dataclass

from gateway.model.failures import RangeNotSatisfiable
from gateway.model.ranges import ByteRange

# Possessive: what a run of spaces has taken is not given back, or 32 KiB of them cost seconds.
_FORM = re.compile(
    r"bytes\s*+=\s*+([0-9]*+)\s*+-\s*+([0-9]*+)\s*+", re.IGNORECASE | re.ASCII
).fullmatch
_DIGITS_MAX = 20


@dataclass(frozen=True, slots=True)
class RangeSpec:
    """A range as asked: `a-b`, `a-` (last is None) or the last n bytes (first is None)."""

    first: int | None
    last: int | None
    """The last byte, inclusive; where `first` is None, the number of bytes from the end."""


def parse_range(header: str | None) -> RangeSpec | None:
    """Return the single byte range that a Range header asks for, or None: serve the whole."""
    if not header:
        return None
    match = _FORM(header)
    if match is None:
        return None
    first, last = _number(match[1]), _number(match[2])
    if first is None and last is None:
        return None
    if first is not None and last is not None and last < first:
        return None
    return RangeSpec(first, last)


def resolve(spec: RangeSpec, size: int) -> ByteRange:
    """Return the bytes of a body of `size` bytes that `spec` names; raises RangeNotSatisfiable."""
    if spec.first is None:
        start, stop = max(0, size - (spec.last or 0)), size
    else:
        start = spec.first
        stop = size if spec.last is None else min(spec.last + 1, size)
    if start >= stop:
        raise RangeNotSatisfiable(size)
    return ByteRange(start, stop)


def _number(digits: str) -> int | None:
    if not digits:
        return None
    digits = digits.lstrip("0")
    # A number beyond any size means "to the end" or "after the end": its tail does not matter.
    return int(digits[:_DIGITS_MAX]) if digits else 0
