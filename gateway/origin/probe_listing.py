"""The part of the probe that asks whether LIST shows what HEAD shows, write by write.

It can refute that LIST is strongly consistent, not prove it: eight writes in a row are eight
chances to be caught. What the origin's makers promise is the ground, this the check.
"""

from collections.abc import Sequence
from typing import Final

from gateway.model.failures import OriginUnreachable
from gateway.origin.probe import BODY, Finding, Scratch
from gateway.protocol.http.dates import find_http_seconds
from gateway.protocol.s3.listings import read_listing

LISTING_AS_HEAD: Final = "LIST shows an overwrite as HEAD does"
WRITES: Final = 8


async def probed_listing(scratch: Scratch) -> list[Finding]:
    """Return the finding about overwrites of one object, each followed by LIST and HEAD."""
    seen = 0
    differing: list[str] = []
    is_dated = True
    for number in range(WRITES):
        await scratch.ask("PUT", "listed", body=BODY[number:])
        listed = await _row(scratch)
        head = await scratch.ask("HEAD", "listed")
        is_dated &= find_http_seconds(head.headers.get("Date", "")) is not None
        told = head.etag.strip('"'), head.headers.get("Last-Modified", "")
        if listed == told:
            seen += 1
        elif listed is not None:
            differing += [
                name
                for name, mine, its in zip(("ETag", "date"), listed, told, strict=True)
                if mine != its and name not in differing
            ]
    is_whole = seen == WRITES and is_dated
    detail = f"{seen} of {WRITES} writes" + "".join(f"; another {name}" for name in differing)
    return [
        Finding(
            LISTING_AS_HEAD,
            "yes" if is_whole else "no",
            detail if is_dated else f"{detail}; no Date",
            'batch_validation may be used, with origin.list_consistency = "strong"'
            if is_whole
            else "no batch_validation",
        )
    ]


async def _row(scratch: Scratch) -> tuple[str, str] | None:
    """Return ETag and date as LIST shows them; None where it shows no such object."""
    try:
        page = read_listing((await scratch.listed()).body)
    except OriginUnreachable:
        return None
    key = f"{scratch.prefix}listed"
    return next(
        ((row.etag.strip('"'), row.last_modified) for row in page.objects if row.key == key), None
    )


def needs_listing(findings: Sequence[Finding], list_consistency: str) -> str:
    """Return what to change in the settings, in a sentence; '' where nothing must be."""
    is_caught = any(one.name == LISTING_AS_HEAD and one.outcome == "no" for one in findings)
    if is_caught and list_consistency == "strong":
        return 'LIST does not show what HEAD shows: set origin.list_consistency = "weak"'
    return ""
