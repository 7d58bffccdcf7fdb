"""Uploads that writers began and have not ended: written down, so that a kill leaves no parts.

An upload that nobody completes or aborts is seen by no reader and paid for until somebody lists it.
Its row lies in the journal of moves, under the same owners: where its owner is dead, whoever takes
the owner's lock aborts it. Between the origin's answer and the row on the disk a kill leaves one
that nobody knows; it has no parts yet, and a lifecycle rule (AbortIncompleteMultipartUpload) or the
origin's own cleaning ends it.
"""

import asyncio
import json
import logging
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from hashlib import blake2b
from typing import Final

from gateway.core.growing import Making
from gateway.core.receipt import Receipt
from gateway.core.uploads import Upload
from gateway.core.writing import Writing
from gateway.filesystem.journal import UPLOADS, Journal
from gateway.model.failures import Failure, OriginRefused
from gateway.model.names import ObjectName
from gateway.model.voices import FOREBAY, Voice
from gateway.state.store import Reading
from gateway.state.store import Writing as Change

EVERY_SECONDS: Final = 30.0
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Begun:
    """One row."""

    bucket: str
    key: str
    upload_id: str
    owner: str
    speaker: str
    """As `Move.speaker`."""


@dataclass(slots=True)
class BegunUploads:
    """One process's part in it: `growing.UploadLedger`."""

    journal: Journal
    writing: Writing
    in_hand: set[str] = field(default_factory=set)
    """The uploads that this process works on now."""

    async def note(self, upload: Upload, making: Making) -> None:
        """Write down that it was begun; on the disk before this returns."""
        owner = self.journal.owners.name
        begun = Begun(upload.name.bucket, upload.name.key, upload.id, owner, making.speaker)
        row = json.dumps(asdict(begun)).encode()
        self.in_hand.add(upload.id)

        def change(writing: Change) -> None:
            writing.put(UPLOADS, _key(upload.id), row)

        await asyncio.to_thread(self.journal.store.write, change)

    async def strike(self, upload: Upload) -> None:
        """Take note that it has ended."""
        await self._strike(upload.id)
        self.in_hand.discard(upload.id)

    async def leave(self, upload: Upload) -> None:
        """Take note that it could not be ended now: it is tried again later."""
        self.in_hand.discard(upload.id)

    async def keep(self, voice_of: Callable[[str], Voice | None]) -> None:
        """Abort what others, or this process, left; now and every few seconds, for ever."""
        while True:
            try:
                await self.abort_left(voice_of)
            except (Failure, OSError) as error:
                _log.error("uploads that were left cannot be looked for: %s", error)
            await asyncio.sleep(EVERY_SECONDS)

    async def abort_left(self, voice_of: Callable[[str], Voice | None]) -> int:
        """Look once; return how many uploads were aborted."""
        begun = await asyncio.to_thread(self._begun)
        mine = self.journal.owners.name
        ended = await self._abort_all(
            (one for one in begun if one.owner == mine and one.upload_id not in self.in_hand),
            voice_of,
        )
        for owner in sorted({one.owner for one in begun} - {mine}):
            taken = await asyncio.to_thread(self.journal.owners.take_over, owner)
            if taken is None:
                continue  # it lives, or another sees to it
            try:
                ended += await self._abort_all(
                    (one for one in begun if one.owner == owner), voice_of
                )
            finally:
                # Its moves may be left still: whoever ends those takes its file away.
                taken.release(is_over=False)
        return ended

    async def _abort_all(
        self, begun: Iterable[Begun], voice_of: Callable[[str], Voice | None]
    ) -> int:
        ended = 0
        for one in begun:
            name = ObjectName(one.bucket, one.key)
            voice = voice_of(one.speaker) or FOREBAY
            try:
                await Upload(self.writing, name, one.upload_id, voice, Receipt()).abort()
            except OriginRefused as refused:
                _log.warning("an upload of %s that was left stays there: %s", name, refused)
            except Failure as failure:
                _log.info("an upload of %s is to be aborted later: %s", name, failure)
                continue
            else:
                _log.warning("an upload of %s that was left in the middle is aborted", name)
                ended += 1
            await self._strike(one.upload_id)
        return ended

    async def _strike(self, upload_id: str) -> None:
        def change(writing: Change) -> None:
            writing.delete(UPLOADS, _key(upload_id))

        await asyncio.to_thread(self.journal.store.write, change)

    def _begun(self) -> list[Begun]:
        with self.journal.store.read() as reading:
            return _rows(reading)


def _rows(reading: Reading) -> list[Begun]:
    return [Begun(**json.loads(row)) for _, row in reading.rows(UPLOADS)]


def _key(upload_id: str) -> bytes:
    # S3's ids may be longer than LMDB's keys.
    return blake2b(upload_id.encode(), digest_size=16).digest()
