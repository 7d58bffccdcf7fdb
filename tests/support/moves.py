"""Moves over an embedded origin, in this process: what tests of renames and recovery stand on."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from time import time_ns
from typing import Any

from gateway.assembly.tasks import background_tasks
from gateway.core.changing import Changing
from gateway.core.writing import Writing
from gateway.demo.origin import EmbeddedOrigin
from gateway.filesystem.journal import Journal, open_journal
from gateway.filesystem.moving import Moves, Wish
from gateway.filesystem.origin_objects import OriginObjects
from gateway.filesystem.recovery import Recovery
from gateway.model.names import ObjectName
from gateway.model.rules import Rules
from gateway.model.voices import FOREBAY, Keys
from gateway.origin.credentials import StaticCredentials
from gateway.origin.s3 import OriginParameters, S3Origin
from tests.support.origins import ACCESS_KEY, REGION, SECRET_KEY

BUCKET = "bucket"
_KEYS = Keys(ACCESS_KEY, SECRET_KEY)


@dataclass
class Forgotten:
    """Stands for flash: remembers which names were forgotten."""

    names: list[str] = field(default_factory=list)

    async def forgotten(self, name: ObjectName) -> None:
        """As `Flash.forgotten`."""
        self.names.append(name.key)


@dataclass
class Room:
    """The parts of a process that moves."""

    journal: Journal
    objects: OriginObjects
    moves: Moves
    recovery: Recovery
    flash: Forgotten

    async def rename(self, source: str, target: str, **more: Any) -> None:
        """Move within the bucket."""
        await self.moves.rename(wish(source, target, **more))

    async def remove(self, source: str, **more: Any) -> None:
        """Remove a prefix of the bucket."""
        await self.moves.remove(wish(source, source, **more))


def wish(source: str, target: str, **more: Any) -> Wish:
    """Return a wish that is judged leniently, unless `admit` is given."""
    named = {"admit": lambda _: None, "voice": FOREBAY, "speaker": "", **more}
    return Wish(ObjectName(BUCKET, source), ObjectName(BUCKET, target), **named)


@asynccontextmanager
async def room_at(endpoint: str, folder: Path, keys: Keys = _KEYS) -> AsyncIterator[Room]:
    """Yield a process's moves at an origin, its journal in `folder`."""
    parameters = OriginParameters(endpoint, REGION)
    credentials = StaticCredentials(keys)
    journal = open_journal(folder, time_ns)
    try:
        async with S3Origin(parameters, credentials, lambda: datetime.now(UTC)) as origin:
            flash = Forgotten()
            async with background_tasks() as tasks:
                parts: Any = (origin, flash, None, tasks, Rules([]), None)
                objects = OriginObjects(Changing(Writing(*parts)), origin)
                moves = Moves(journal, objects, tasks, settle_seconds=0.05)
                recovery = Recovery(journal, objects, lambda _: FOREBAY, settle_seconds=0.05)
                yield Room(journal, objects, moves, recovery, flash)
    finally:
        journal.close()


def fill(origin: EmbeddedOrigin, prefix: str, count: int) -> dict[str, tuple[bytes, str]]:
    """Put objects with attributes under a prefix, its marker among them; return `shown` of them."""
    origin.put(BUCKET, prefix, b"", headers=attributes("marker"))
    for number in range(count):
        body = b"%d of %s" % (number, prefix.encode())
        origin.put(BUCKET, f"{prefix}f{number:04}", body, headers=attributes(str(number)))
    return shown(origin, prefix)


def attributes(owner: str) -> dict[str, str]:
    """Return the headers that objects of these tests have."""
    return {
        "content-type": "text/x-test",
        "x-amz-meta-file-owner": owner,
        "x-amz-meta-file-mtime": "17ns",
    }


def shown(origin: EmbeddedOrigin, prefix: str) -> dict[str, tuple[bytes, str]]:
    """Return the bytes and the owner of what is under a prefix, by the rest of its key."""
    held = origin.store.get_bucket(BUCKET)
    return {
        key[len(prefix) :]: (
            origin.read(BUCKET, key),
            origin.store.get_version(BUCKET, key).headers.get("x-amz-meta-file-owner", ""),
        )
        for key in list(held.versions)
        if key.startswith(prefix) and held.is_visible(key)
    }
