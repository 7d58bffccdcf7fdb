"""The core as assembly builds it, before any S3 server, without a door."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from gateway.assembly.core import Core, build_core, make_origin, open_flash
from gateway.core.changing import Changing
from gateway.core.objects import Wish
from gateway.core.reading import FlashPiece
from gateway.core.receipt import Receipt
from gateway.flash.store import Flash
from gateway.model.names import ObjectName
from gateway.model.ranges import ByteRange
from gateway.model.voices import FOREBAY
from gateway.settings.tree import Settings
from tests.support.gateway_settings import gateway_settings
from tests.support.origins import ACCESS_KEY, SECRET_KEY


@dataclass(slots=True)
class CoreHouse:
    """Everything below the doors."""

    core: Core
    changing: Changing
    settings: Settings

    @property
    def flash(self) -> Flash:
        return self.core.flash

    async def read(self, name: ObjectName) -> bytes:
        """Return a body as any reader gets it."""
        read = await self.core.objects.read(
            name, lambda row: ByteRange(0, row.version.size), Wish(FOREBAY), Receipt()
        )
        collected = bytearray()
        async for piece in read.pieces:
            if isinstance(piece, FlashPiece):
                with piece.handle:
                    collected += os.pread(piece.handle.fileno(), piece.length, piece.offset)
            else:
                collected += piece
        return bytes(collected)


class _EndingError(Exception):
    """The documented way to end a task group."""


@asynccontextmanager
async def core_house(
    endpoint: str,
    folder: Path,
    *,
    access_key: str = ACCESS_KEY,
    secret_key: str = SECRET_KEY,
    judges_conditions: bool = True,
    **changes: object,
) -> AsyncIterator[CoreHouse]:
    """Build the core before the server at `endpoint`; flash must be sound at the end."""
    origin_keys = {"access_key": access_key, "secret_key": secret_key}
    settings = gateway_settings(endpoint, folder / "flash", origin=origin_keys, **changes)
    try:
        async with (
            asyncio.TaskGroup() as tasks,
            make_origin(settings) as origin,
            await open_flash(settings, "test", None) as flash,
        ):
            core = build_core(settings, origin, flash, None, tasks, snapshots=None)
            yield CoreHouse(core, Changing(core.writing, judges_conditions), settings)
            assert await flash.check(with_data=True) == []
            raise _EndingError  # noqa: TRY301 - the way to end it
    except* _EndingError:
        pass
