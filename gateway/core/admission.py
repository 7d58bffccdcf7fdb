"""Admitting a body that was just written (`admit_on_write`): only when it provably is the version.

Between our PUT and the first look at its outcome another writer may have come. The bytes are kept
only if the origin then shows our ETag together with our version id, or with a full-object checksum
that equals the one of the bytes at hand: an ETag alone proves no body.
"""

from gateway.core.objects import NotCacheable, Objects
from gateway.core.questions import Confirmed
from gateway.core.receipt import Receipt
from gateway.core.spool import Spool
from gateway.flash.rows import Row
from gateway.flash.store import Flash
from gateway.model.failures import Failure
from gateway.model.names import ObjectName
from gateway.model.versions import Version
from gateway.model.voices import Voice
from gateway.protocol.s3.checksums import base64_of, new_digest
from gateway.telemetry import metrics

_PREFIX = "x-amz-checksum-"


class Admission:
    """Puts proven bodies on flash."""

    def __init__(self, objects: Objects, flash: Flash, *, chunk_bytes: int) -> None:
        """Ask through `objects`, as any reader does."""
        self._objects = objects
        self._flash = flash
        self._chunk_bytes = chunk_bytes

    async def admit(
        self, name: ObjectName, spool: Spool, voice: Voice, etag: str, version_id: str | None
    ) -> None:
        """Keep `spool` as the body of `name` if that is what the origin has now; never raises.

        `voice` wrote it, and asks.
        """
        try:
            confirmed = await self._objects.confirm(name, voice, Receipt())
            version = await self._proven(confirmed, spool, etag, version_id)
            if version is not None and self._flash.refusal(name, version.size) is None:
                await self._store(name, version, confirmed, spool)
                metrics.writes_admitted.inc()
        except (Failure, NotCacheable):
            metrics.writes_not_admitted.inc()

    async def _proven(
        self, confirmed: Confirmed, spool: Spool, etag: str, version_id: str | None
    ) -> Version | None:
        """Return the confirmed version if the spooled bytes provably are its body."""
        version = confirmed.version
        if version is None or version.etag != etag or version.size != spool.length:
            return None
        if version_id is not None and version.version_id == version_id:
            return version
        for header, value in version.checksums:
            digest = new_digest(header.removeprefix(_PREFIX))
            async for piece in spool.pieces():
                digest.update(piece)
            # The origin's text may be anything; what is not the digest's is another body's.
            return version if value == base64_of(digest.digest()) else None
        return None

    async def _store(
        self, name: ObjectName, version: Version, confirmed: Confirmed, spool: Spool
    ) -> None:
        """Write the chunks that nobody fills, then the row."""
        row = Row(
            name,
            version,
            self._flash.body_of(name, version),
            tuple(confirmed.headers.items()),
            confirmed.sent_ns,
            confirmed.voice.mark,
        )
        number = 0
        async for chunk in spool.pieces(self._chunk_bytes):
            if self._flash.claim(row.body, number):
                try:
                    run = await self._flash.reserve(row, number, [len(chunk)])
                    if run is None:
                        return
                    await self._flash.write(run, number, chunk)
                    self._flash.finish(run)
                finally:
                    self._flash.release(row.body, number)
            number += 1
        self._flash.put_row(row)
