"""`forebay flash check`: whether every chunk on flash is what the index says it is."""

import asyncio
import sys
from dataclasses import replace
from pathlib import Path

from gateway.flash.store import Flash
from gateway.settings.flash import FlashSettings
from gateway.settings.flash_keys import safeguards_of


def check_flash(path: Path, settings: FlashSettings) -> int:
    """Check the flash at `path` and say what was found; 1 where something is wrong.

    Raises FileNotFoundError where no flash is.
    """
    if not (path / "segments").is_dir():
        raise FileNotFoundError(f"there is no flash at {path}: name its folder")
    problems, stats = asyncio.run(_problems(path, settings))
    for problem in problems:
        sys.stdout.write(f"{problem}\n")
    chunks, held = stats.get("chunks", 0), stats.get("segments_bytes", 0)
    words = f"{len(problems)} problems" if problems else "clean"
    sys.stdout.write(f"flash at {path}: {words}; {chunks} chunks in {held} bytes of segments\n")
    return 1 if problems else 0


async def _problems(path: Path, settings: FlashSettings) -> tuple[list[str], dict[str, int]]:
    opened = await Flash.open(
        path,
        size_bytes=settings.size,
        chunk_bytes=settings.chunk_size,
        segment_bytes=settings.segment_bytes,
        writer="check",
        safeguards=replace(safeguards_of(settings), scrub_bytes_per_second=0, may_begin_anew=False),
    )
    async with opened as flash:
        return await flash.check(with_data=True), flash.stats()
