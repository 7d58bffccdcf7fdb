"""A body made by its plan: what can be is copied at the origin, the rest is read and sent."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Final

from gateway.core.described import described_version
from gateway.core.growing import GrowingObject
from gateway.core.latest import Latest
from gateway.core.said import ANYTHING, Condition
from gateway.core.seen import Seen
from gateway.core.uploads import Made
from gateway.filesystem.assembling import PlannedPart, Segment
from gateway.filesystem.caller import Caller
from gateway.filesystem.change_gate import ChangeGate
from gateway.model.names import ObjectName
from gateway.model.ranges import ByteRange

_ZEROS: Final = bytes(256 * 1024)


@dataclass(frozen=True, slots=True)
class Pouring:
    """Carries plans out; new bytes in them are zeros."""

    gate: ChangeGate

    async def make(
        self,
        caller: Caller,
        target: ObjectName,
        headers: dict[str, str],
        sources: Sequence[Latest],
        parts: Sequence[PlannedPart],
        *,
        condition: Condition = ANYTHING,
    ) -> Made:
        """Make the object of these parts, or leave nothing; raises as `GrowingObject.close`."""
        has_copies = any(part.is_copied for part in parts)
        grown = self.gate.grow(caller, target, headers, condition, has_copies=has_copies)
        try:
            await self.pour(caller, grown, sources, parts)
            return await grown.close()
        except BaseException:
            await grown.abort()
            raise

    async def pour(
        self,
        caller: Caller,
        grown: GrowingObject,
        sources: Sequence[Latest],
        parts: Sequence[PlannedPart],
    ) -> None:
        """Write the parts; the last stays open for more where it is sent."""
        for number, part in enumerate(parts, 1):
            if part.is_copied:
                (segment,) = part.segments
                wanted = ByteRange(segment.start, segment.stop)
                await grown.copy(sources[segment.source or 0].source, wanted)
                continue
            if number < len(parts):
                grown.expect(part.length)
            for segment in part.segments:
                async with aclosing(self._pieces(caller, sources, segment)) as pieces:
                    async for piece in pieces:
                        await grown.write(piece)
            if number < len(parts):
                await grown.flush()

    def _pieces(
        self, caller: Caller, sources: Sequence[Latest], segment: Segment
    ) -> AsyncGenerator[bytes]:
        if segment.source is None:
            return _zeros(segment.length)
        return self._old(caller, sources[segment.source], ByteRange(segment.start, segment.stop))

    async def _old(
        self, caller: Caller, latest: Latest, wanted: ByteRange
    ) -> AsyncGenerator[bytes]:
        """Yield bytes of an object, of that version only; raises VersionChanged."""
        async with aclosing(self.gate.gate.pieces(caller, seen(latest), wanted)) as pieces:
            async for piece in pieces:
                assert isinstance(piece, bytes)  # noqa: S101 - there is no row, so none is on flash
                yield piece


async def _zeros(length: int) -> AsyncGenerator[bytes]:
    while length > 0:
        piece = _ZEROS[:length]
        length -= len(piece)
        yield piece


def seen(latest: Latest) -> Seen:
    """Return an object as those see it who look: its bytes are read past flash."""
    headers = tuple(latest.headers.items())
    return Seen(latest.name, latest.size, headers, described_version(latest.headers), None)
