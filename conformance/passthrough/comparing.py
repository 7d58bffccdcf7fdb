"""Two answers, line by line: what differs besides what must (dates, ids, the twin's name)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from conformance.support.raw_s3 import Reply, texts

# Those of an answer and its connection, or Forebay's own word on how it was made.
_IGNORED = frozenset(
    {
        "date",
        "x-amz-request-id",
        "x-amz-id-2",
        "server",
        "connection",
        "keep-alive",
        "x-cache",
        "age",
        "x-forebay-request-id",
    }
)
_MASKS = (
    (re.compile(rb"<(RequestId|HostId)>[^<]*</\1>"), rb"<\1/>"),
    (re.compile(rb"<(RequestId|HostId)/>|<(RequestId|HostId)></\2>"), b""),
    (re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"), b"{date}"),
)
_HTTP_DATE = re.compile(r"\w{3}, \d\d \w{3} 20[2-8]\d \d\d:\d\d:\d\d GMT")


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not the same."""

    what: str
    direct: str
    forebay: str


def differences(
    direct: Reply, forebay: Reply, names: Mapping[str, tuple[str, str]]
) -> list[Difference]:
    """Return what differs; `names` are values that each twin has its own of: name -> (d, f)."""
    replies = (direct, forebay)
    found = [("status", *(str(reply.status) for reply in replies))]
    found.append(("code", *(error_code(reply) for reply in replies)))
    fields = [_fields(reply, side, names) for side, reply in enumerate(replies)]
    names_sent = sorted(fields[0].keys() | fields[1].keys())
    found += [(name, *(side.get(name, "(absent)") for side in fields)) for name in names_sent]
    bodies = [_body(reply, side, names) for side, reply in enumerate(replies)]
    found.append(("body", *bodies))
    return [Difference(what, one, other) for what, one, other in found if one != other]


def error_code(reply: Reply) -> str:
    """Return the S3 error code of an answer; '' if it is none."""
    if not reply.body.lstrip().startswith(b"<") or b"<Code>" not in reply.body:
        return ""
    return next(iter(texts(reply.body, "Code")), "")


def _fields(reply: Reply, side: int, names: Mapping[str, tuple[str, str]]) -> dict[str, str]:
    """Return the headers that count, by lower-case name, duplicates joined."""
    fields: dict[str, str] = {}
    for name, value in reply.headers:
        lower = name.lower()
        if lower in _IGNORED:
            continue
        if lower in ("content-length", "transfer-encoding") and _is_masked(reply):
            # The lengths of dates and ids differ; that there is a body is compared as a body.
            continue
        text = _HTTP_DATE.sub("{date}", _named(value, side, names))
        fields[lower] = f"{fields[lower]}, {text}" if lower in fields else text
    return fields


def _is_masked(reply: Reply) -> bool:
    return any(mask.search(reply.body) for mask, _ in _MASKS)


def _body(reply: Reply, side: int, names: Mapping[str, tuple[str, str]]) -> str:
    body = reply.body
    for mask, instead in _MASKS:
        body = mask.sub(instead, body)
    return _named(body.decode("utf-8", "backslashreplace"), side, names)


def _named(text: str, side: int, names: Mapping[str, tuple[str, str]]) -> str:
    for name, values in names.items():
        if values[side]:
            text = text.replace(values[side], f"{{{name}}}")
    return text
