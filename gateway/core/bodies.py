"""Bodies that Forebay sends on its own: known whole, read as often as needed, with their CRC32C."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from gateway.core.spool import Spool
from gateway.protocol.s3.checksums import Digest, base64_of, new_digest
from gateway.protocol.s3.multipart import CHECKSUM

_ALGORITHM: Final = CHECKSUM.removeprefix("x-amz-checksum-")


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


class SpooledBody:
    """A body that is set aside piece by piece; whoever made the spool closes it."""

    def __init__(self, spool: Spool) -> None:
        """Write to `spool`, which is empty."""
        self._spool = spool
        self._digest: Digest = new_digest(_ALGORITHM)

    async def write(self, piece: bytes) -> None:
        """Take the next bytes; raises Overloaded where no directory has room."""
        self._digest.update(piece)
        await self._spool.add(piece)

    @property
    def length(self) -> int:
        """Return how many bytes were written."""
        return self._spool.length

    @property
    def checksum(self) -> str:
        """Return their CRC32C in base64."""
        return base64_of(self._digest.digest())

    def pieces(self) -> AsyncIterator[bytes]:
        """Yield them from the start."""
        return self._spool.pieces()


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
