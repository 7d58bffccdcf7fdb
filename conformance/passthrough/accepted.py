"""Differences that are as they must be, each with its reason: what Forebay answers on its own word.

None of them concerns a sub-resource that is passed through: those are the origin's, or differ.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from conformance.passthrough.comparing import Difference
from conformance.passthrough.lines import Line


@dataclass(frozen=True, slots=True)
class Acceptance:
    """A kind of line, what may differ in its answers (None: anything), and why."""

    is_meant: Callable[[Line], bool]
    may_differ: frozenset[str] | None
    reason: str


# What an origin says about itself and its connection, on answers that are not its own.
_DECORATION = frozenset(
    {
        "accept-ranges",
        "strict-transport-security",
        "vary",
        "x-content-type-options",
        "x-ratelimit-limit",
        "x-ratelimit-remaining",
        "x-xss-protection",
    }
)
_CONDITIONS = {"If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since"}


def _is_conditional_read(line: Line) -> bool:
    return line.method in {"GET", "HEAD"} and bool(_CONDITIONS & line.headers.keys())


def _is_unproven_body(line: Line) -> bool:
    return line.key.startswith("bad-")


ACCEPTED = (
    Acceptance(
        lambda line: line.method == "POST" and not line.key and not line.query,
        None,
        "form uploads are refused in words",
    ),
    Acceptance(
        lambda line: line.headers.get("If-Modified-Since") == "{modified}",
        None,
        "a copy as new as the object is current (RFC 9110 13.1.3)",
    ),
    Acceptance(
        _is_conditional_read,
        frozenset(
            {
                *("body", "cache-control", "content-length", "content-type", "etag", "expires"),
                *("last-modified", *_DECORATION),
            }
        ),
        "judged against the version that the origin confirmed, in AWS's words",
    ),
    Acceptance(
        lambda line: "Range" in line.headers,
        frozenset({"body", "content-range", *_DECORATION}),
        "a 416 tells the size (RFC 9110 14.4)",
    ),
    Acceptance(
        _is_unproven_body,
        frozenset({"code", "body", *_DECORATION}),
        "judged before the origin sees the body, with AWS's code",
    ),
    Acceptance(
        lambda line: len(line.key) > 1024,
        frozenset({"body", *_DECORATION}),
        "judged here, with AWS's code",
    ),
    Acceptance(
        lambda line: line.query == "delete" and line.body in {"<not><closed>", "<Delete></Delete>"},
        None,
        "the right to each key is judged, so the list is read here; MalformedXML as at AWS",
    ),
)


def find_reason(line: Line, found: Sequence[Difference]) -> str:
    """Return why all that differs may differ; '' if it may not."""
    for one in ACCEPTED:
        if one.is_meant(line) and (
            one.may_differ is None or all(it.what in one.may_differ for it in found)
        ):
            return one.reason
    return ""
