"""The objects that a job is to work on, as they are found: a listing's pages, a manifest's lines.

Nothing is held but a page or a group of lines, however many objects there are.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable
from dataclasses import dataclass
from itertools import islice
from typing import BinaryIO, Final

from gateway.core.listing import listed
from gateway.jobs.targets import LINE_BYTES_MAX, Target, parse_line
from gateway.model.failures import InvalidRequest, OriginRefused, OriginUnreachable
from gateway.model.names import ObjectName
from gateway.model.voices import Voice
from gateway.origin.interface import Origin
from gateway.protocol.s3.listings import ListedObject

_GROUP_LINES: Final = 1000


@dataclass(frozen=True, slots=True)
class Wanted:
    """One object to work on, and what a listing has just told of it."""

    name: ObjectName
    listed: ListedObject | None = None
    restarts: int = 0


async def listed_objects(origin: Origin, target: Target, voice: Voice) -> AsyncGenerator[Wanted]:
    """Yield what the origin lists of a target; raises OriginRefused, OriginUnreachable."""
    async for page in listed(origin, target.bucket, target.prefix, voice):
        for one in page.objects:
            if target.takes(one.key):
                yield Wanted(ObjectName(target.bucket, one.key), one)


async def manifest_objects(manifest: BinaryIO) -> AsyncGenerator[Wanted]:
    """Yield what a manifest names; raises InvalidRequest for a line that names nothing."""
    number = 0
    while lines := await asyncio.to_thread(_next_lines, manifest):
        for line in lines:
            number += 1
            name = _named(line, number)
            if name is not None:
                yield Wanted(name)


async def all_objects(
    origin: Origin,
    targets: Iterable[Target],
    manifest: BinaryIO | None,
    voice: Voice,
    note_unlisted: Callable[[str], None],
) -> AsyncGenerator[Wanted]:
    """Yield what all targets and the manifest name; raises InvalidRequest for a bad line.

    A target that the origin does not list is told to `note_unlisted`, and the others go on.
    """
    for target in targets:
        try:
            async for one in listed_objects(origin, target, voice):
                yield one
        except (OriginRefused, OriginUnreachable) as failure:
            note_unlisted(f"{target} could not be listed: {failure}")
    if manifest is not None:
        async for one in manifest_objects(manifest):
            yield one


def _next_lines(manifest: BinaryIO) -> list[bytes]:
    lines: Iterable[bytes] = iter(lambda: manifest.readline(LINE_BYTES_MAX + 1), b"")
    return list(islice(lines, _GROUP_LINES))


def _named(line: bytes, number: int) -> ObjectName | None:
    if len(line) > LINE_BYTES_MAX:
        raise InvalidRequest(f"line {number} of the manifest is longer than {LINE_BYTES_MAX} bytes")
    try:
        return parse_line(line.decode())
    except (ValueError, LookupError) as error:
        raise InvalidRequest(f"line {number} of the manifest: {error}") from None
