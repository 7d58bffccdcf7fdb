"""Traces: who read what and when, from Forebay's own access log or from a plain table of commas.

    {"time": "...", "bucket": "b", "key": "k", "operation": "GetObject", "status": 200, ...}
    1700000000.5,bucket/key,1048576
    1700000001.0,bucket/key,1048576,0-65535

A log does not tell the range of a read: where a part was sent (206), as many bytes are taken from
the object's beginning. Lines that are neither are an error; requests that read or change nothing
are stepped over.
"""

import csv
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from gateway.model.names import ObjectName

_NANOSECONDS: Final = 1_000_000_000
_WHOLE: Final = 200
_PART: Final = 206
_OK_MAX: Final = 299
_CHANGES: Final = frozenset({"PutObject", "CopyObject", "DeleteObject", "CompleteMultipartUpload"})
_FIELDS_MIN, _FIELDS_MAX = 3, 4


@dataclass(frozen=True, slots=True)
class TraceRequest:
    """A read of bytes `start` to `stop` of an object of `size` bytes, or a change of it."""

    moment_ns: int
    name: ObjectName
    size: int = 0
    start: int = 0
    stop: int = 0
    is_change: bool = False


def read_trace(lines: Iterable[str]) -> Iterator[TraceRequest]:
    """Yield the requests of a trace in either form; raises ValueError naming the line."""
    names: dict[str, ObjectName] = {}
    for number, line in enumerate(lines, 1):
        text = line.strip()
        if not text or text.startswith(("#", "time,")):
            continue
        try:
            request = _of_log(json.loads(text)) if text.startswith("{") else _of_table(text, names)
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
            raise ValueError(
                f"line {number} is neither of an access log nor time,bucket/key,size[,first-last]"
            ) from error
        if request is not None:
            yield request


def _of_log(entry: dict[str, Any]) -> TraceRequest | None:
    status, operation = int(entry["status"]), entry["operation"]
    is_change = operation in _CHANGES and status <= _OK_MAX
    is_read = operation == "GetObject" and status in (_WHOLE, _PART)
    if not (is_change or is_read) or not entry["key"]:
        return None
    moment = datetime.fromisoformat(entry["time"])
    name = ObjectName(entry["bucket"], entry["key"])
    moment_ns = int(moment.timestamp() * _NANOSECONDS)
    if is_change:
        return TraceRequest(moment_ns, name, is_change=True)
    length = int(entry["bytes_out"])
    return TraceRequest(moment_ns, name, length, 0, length)


def _of_table(text: str, names: dict[str, ObjectName]) -> TraceRequest:
    fields = text.split(",") if '"' not in text else next(csv.reader([text]))
    if not _FIELDS_MIN <= len(fields) <= _FIELDS_MAX:
        raise ValueError("a field is missing, or one too many")
    moment_ns, size = int(float(fields[0]) * _NANOSECONDS), int(fields[2])
    name = names.get(fields[1])
    if name is None:
        bucket, _, key = fields[1].partition("/")
        # A trace of numbers has no buckets: one is as good as another.
        name = names[fields[1]] = ObjectName(bucket, key) if key else ObjectName("trace", bucket)
    start, stop = 0, size
    if len(fields) == _FIELDS_MAX and fields[3]:
        first, _, last = fields[3].removeprefix("bytes=").partition("-")
        start, stop = int(first), min(int(last) + 1, size) if last else size
    if not 0 <= start <= stop <= size:
        raise ValueError("the range is not within the object")
    return TraceRequest(moment_ns, name, size, start, stop)
