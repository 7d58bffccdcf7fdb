"""Bodies that Forebay sends on its own: known whole, read as often as needed, with their CRC32C."""

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from gateway.core.spool import Spool
from gateway.protocol.s3.checksums import Digest, base64_of, new_digest
from gateway.protocol.s3.multipart import CHECKSUM

_ALGORITHM: Final = CHECKSUM.removeprefix("x-amz-checksum-")
SMALL_BYTES_MAX: Final = 256 * 1024
"""Held in memory without asking whether there is room: as much as a connection holds anyway."""


class Body(Protocol):
    """Bytes to be sent."""

    @property
    def length(self) -> int:
        """Return how many they are."""
        ...

    @property
    def checksum(self) -> str:
        """Return their CRC32C in base64."""
        ...

    def pieces(self) -> AsyncIterator[bytes]:
        """Yield them from the start."""
        ...


class BytesBody:
    """A body in memory."""

    def __init__(self, content: bytes) -> None:
        """Hold `content`."""
        self._content = content

    @property
    def length(self) -> int:
        """Return how many bytes they are."""
        return len(self._content)

    @property
    def checksum(self) -> str:
        """Return their CRC32C in base64."""
        digest = new_digest(_ALGORITHM)
        digest.update(self._content)
        return base64_of(digest.digest())

    async def pieces(self) -> AsyncIterator[bytes]:
        """Yield them at once."""
        if self._content:
            yield self._content


class GatheredBody:
    """A body that comes piece by piece: a small one is held, a larger one goes to a spool."""

    def __init__(self, make_spool: Callable[[], Spool]) -> None:
        """Make a spool only for what is not small; `close` lets it go."""
        self._make_spool = make_spool
        self._spool: Spool | None = None
        self._small = bytearray()
        self._digest: Digest = new_digest(_ALGORITHM)
        self._checksum = ""

    async def write(self, piece: bytes) -> None:
        """Take the next bytes; raises Overloaded where no directory has room."""
        self._digest.update(piece)
        if self._spool is None:
            if len(self._small) + len(piece) <= SMALL_BYTES_MAX:
                self._small += piece
                return
            self._spool = self._make_spool()
            await self._spool.add(bytes(self._small))
            self._small.clear()
        await self._spool.add(piece)

    @property
    def length(self) -> int:
        """Return how many bytes were written."""
        return len(self._small) if self._spool is None else self._spool.length

    @property
    def checksum(self) -> str:
        """Return their CRC32C in base64; nothing is written afterwards."""
        self._checksum = self._checksum or base64_of(self._digest.digest())
        return self._checksum

    async def pieces(self) -> AsyncIterator[bytes]:
        """Yield them from the start."""
        if self._spool is None:
            yield bytes(self._small)
            return
        async for piece in self._spool.pieces():
            yield piece

    async def close(self) -> None:
        """Let the bytes go."""
        spool, self._spool = self._spool, None
        self._small.clear()
        if spool is not None:
            await spool.aclose()


@dataclass(frozen=True, slots=True)
class OwnBody:
    """A body as `Writing` takes them: what there is to prove was computed here."""

    body: Body
    is_proven_by_trailer: bool = False

    @property
    def length(self) -> int:
        """Return how many bytes they are."""
        return self.body.length

    def pieces(self) -> AsyncIterator[bytes]:
        """Yield them from the start."""
        return self.body.pieces()

    def finish(self) -> Mapping[str, str]:
        """Return nothing more: the headers have the checksum already."""
        return {}


async def md5_of(body: Body) -> bytes:
    """Return the MD5 of a body, for origins that keep no other checksum."""
    digest = new_digest("md5")
    async for piece in body.pieces():
        digest.update(piece)
    return digest.digest()
