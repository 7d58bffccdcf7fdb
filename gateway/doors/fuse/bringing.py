"""Bytes brought into a staged file: of a version at the origin, and of another staged file."""

import os
from contextlib import aclosing
from typing import Final

from gateway.core.reading import FlashPiece
from gateway.doors.fuse.staging import StagedFile, StagingArea
from gateway.filesystem.interface import OpenFile
from gateway.model.ranges import ByteRange

PIECE_BYTES: Final = 1024 * 1024


async def brought(
    area: StagingArea, source: OpenFile, added: StagedFile | None = None
) -> StagedFile:
    """Return a version's bytes in a staged file, and those of `added` behind them.

    Raises OSError (ENOSPC), and what the source raises.
    """
    length = source.status.length
    area.budget.refuse_more(length)
    staged = area.file()
    try:
        async with aclosing(source.pieces(ByteRange(0, length))) as pieces:
            async for piece in pieces:
                if isinstance(piece, FlashPiece):
                    with piece.handle:
                        data = os.pread(piece.handle.fileno(), piece.length, piece.offset)
                    staged.write(staged.length, data)
                else:
                    staged.write(staged.length, bytes(piece))
        while added is not None and staged.length < added.length:
            staged.write(staged.length, added.read(staged.length, PIECE_BYTES))
    except BaseException:
        staged.close()
        raise
    return staged
