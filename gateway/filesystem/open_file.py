"""A version of a file, opened for reading: what changes at the origin after that is not seen."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass

from gateway.core.questions import Opening
from gateway.core.reading import Piece
from gateway.core.seen import Seen
from gateway.filesystem.caller import Caller
from gateway.filesystem.gate import Gate, Listing
from gateway.filesystem.mounts import VirtualDirectory, not_found
from gateway.filesystem.status import Status
from gateway.filesystem.view import View, is_file
from gateway.model.failures import FileConflict
from gateway.model.ranges import ByteRange


@dataclass(frozen=True, slots=True)
class SeenFile:
    """A file as it was seen when it was opened."""

    gate: Gate
    caller: Caller
    seen: Seen
    status: Status

    async def pieces(self, wanted: ByteRange) -> AsyncGenerator[Piece]:
        """Yield the bytes of a range within the file, ready for sendfile where they can be.

        Raises VersionChanged where that version is gone and its bytes are not on flash: a door
        that has sent nothing yet may open the file anew.
        """
        pieces = self.gate.pieces(self.caller, self.seen, self._within(wanted))
        async with aclosing(pieces):
            async for piece in pieces:
                yield piece

    async def read(self, wanted: ByteRange) -> bytes:
        """Return the bytes of a range, cut at the file's end; raises as `pieces` does."""
        return await self.gate.read(self.caller, self.seen, self._within(wanted))

    def _within(self, wanted: ByteRange) -> ByteRange:
        stop = min(wanted.stop, self.seen.size)
        return ByteRange(min(wanted.start, stop), stop)


@dataclass(frozen=True, slots=True)
class Openings:
    """Opens what the view looks at."""

    view: View
    chunk_bytes: int
    run_chunks: int

    async def open(self, caller: Caller, path: str, first: ByteRange | None) -> SeenFile:
        """Open the file at a path by its object's own read alone; raises as the tree does.

        A symbolic link is opened as what it is: a file with its target as its body.
        """
        place = await self.view.place(caller, path)
        if isinstance(place, VirtualDirectory) or place.is_root:
            await self.view.status(caller, path)  # who may not know that it is there is told so
            raise _is_directory(path)
        gate = self.view.gate
        if place.key:
            sight = gate.sight(caller, place.name)
            seen = await sight.open(self._opening(first))
            if seen is not None and is_file(place, seen.size):
                return SeenFile(gate, caller, seen, await self.view.file(caller, path, seen))
        if not place.is_itself:
            page = await gate.page(caller, Listing(place.bucket, place.prefix, count_max=2))
            if page.objects or page.prefixes:
                raise _is_directory(path)
        else:
            gate.require_list(caller, Listing(place.bucket, place.prefix, count_max=2))
        raise not_found(path)

    def _opening(self, first: ByteRange | None) -> Opening | None:
        """Return the GET that a cold file is asked for by: whole chunks, one run of them at most.

        None: it is asked about by HEAD.
        """
        if first is None or first.start >= first.stop:
            return None
        chunk = self.chunk_bytes
        start = first.start - first.start % chunk
        stop = min(-(-first.stop // chunk) * chunk, start + self.run_chunks * chunk)
        return Opening(ByteRange(start, stop))


def _is_directory(path: str) -> FileConflict:
    return FileConflict(f"{path} is a directory", code="IsADirectory", resource=path)
