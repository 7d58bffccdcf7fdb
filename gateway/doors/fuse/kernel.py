"""The mount itself: pyfuse3 started, served until it ends, and taken down."""

import asyncio
import logging
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pyfuse3

from gateway.doors.fuse.mountpoints import find_mounted
from gateway.doors.fuse.operations import Operations
from gateway.doors.fuse.waiting import Waiting

_log = logging.getLogger(__name__)
_SUBTYPE: Final = "forebay"
"""The mount table says `fuse.forebay`."""
_BDI: Final = Path("/sys/class/bdi")
_KIB: Final = 1024


@dataclass(frozen=True, slots=True)
class MountOptions:
    """How the kernel is to mount."""

    source: str
    """What stands in the mount table."""
    allow_other: bool = False
    is_read_only: bool = False
    readahead_bytes: int = 0
    requests_max: int = 64


async def serve(
    operations: Operations, mountpoint: Path, options: MountOptions, on_mounted: Callable[[], None]
) -> None:
    """Mount and serve until `stop` or an unmount; raises OSError where it cannot be mounted."""
    waiting = Waiting()
    pyfuse3.trio = waiting  # type: ignore[attr-defined]  # it awaits what it finds there
    try:
        pyfuse3.init(operations, str(mountpoint), _options(options))
    except RuntimeError as error:
        raise OSError(f"{mountpoint} cannot be mounted: {error}") from None
    try:
        async with asyncio.TaskGroup() as tasks:
            greeting = tasks.create_task(_greet(mountpoint, options, on_mounted))
            await pyfuse3.main(min_tasks=2, max_tasks=options.requests_max)
            greeting.cancel()
    finally:
        waiting.close()
        pyfuse3.close(unmount=True)


async def _greet(mountpoint: Path, options: MountOptions, on_mounted: Callable[[], None]) -> None:
    """Once the mount answers, have it read ahead as it should, and say that it is there."""
    # Before the kernel was greeted it would set its own readahead over ours.
    await asyncio.to_thread(os.statvfs, mountpoint)
    raise_readahead(mountpoint, options.readahead_bytes)
    on_mounted()


def stop() -> None:
    """End `serve` after the calls that are being answered."""
    pyfuse3.terminate()


def forget_entry(parent: int, name: bytes) -> None:
    """Have the kernel forget a name, once no call is under way that has to do with it."""
    pyfuse3.invalidate_entry_async(parent, name, ignore_enoent=True)


def note_unfinished(seconds: float) -> None:
    """Log that files could not be brought home in time."""
    _log.error("files that were open are not all at the origin after %g s: they are lost", seconds)


def _options(options: MountOptions) -> set[str]:
    chosen = {
        f"fsname={options.source.replace(',', '_')}",
        f"subtype={_SUBTYPE}",
        "default_permissions",
        "noatime",
        "nodev",
        "nosuid",
    }
    if options.allow_other:
        chosen.add("allow_other")
    if options.is_read_only:
        chosen.add("ro")
    return chosen


def raise_readahead(mountpoint: Path, count: int) -> None:
    """Have the kernel read ahead further than it does by itself, where we may say so."""
    found = find_mounted(mountpoint)
    if not count or found is None:
        return
    try:
        (_BDI / found.device / "read_ahead_kb").write_text(str(count // _KIB))
    except OSError as error:
        _log.info("the kernel reads ahead by 128 KiB, only root may make that more: %s", error)
