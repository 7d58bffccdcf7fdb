"""The process of a mount: signals, its log, its numbers, and the word that it is mounted.

SIGTERM and SIGINT bring home what is open and unmount; SIGHUP reads rules and identities again.
"""

import asyncio
import json
import logging
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from gateway.assembly.mount import MountOrder, run_mount
from gateway.doors.fuse.callers import User
from gateway.processes.failing import first_cause, words_of
from gateway.processes.metrics_folder import metrics_folder
from gateway.settings.reading import SettingsError
from gateway.settings.tree import Settings
from gateway.telemetry import application_log, exposition, metrics

METRICS_SECONDS: Final = 10.0
_log = logging.getLogger(__name__)


class Announcement:
    """Says that the mount is there: to people, to whoever started it, to systemd."""

    def __init__(self, order: MountOrder, ready_descriptor: int | None) -> None:
        """Take the pipe, if any, that gets a line: `{"mounted": PATH}` or `{"failed": WORDS}`."""
        self._order = order
        self._descriptor = ready_descriptor

    def mounted(self) -> None:
        """Say so."""
        order = self._order
        self._tell({"mounted": str(order.mountpoint)})
        _notify_systemd()
        _log.info("%s is mounted on %s", order.source, order.mountpoint)
        with suppress(OSError):  # nobody reads it any more
            sys.stdout.write(f"forebay: {order.source} is mounted on {order.mountpoint}\n")
            sys.stdout.flush()

    def failed(self, error: BaseException) -> None:
        """Say why it is not."""
        self._tell({"failed": words_of(error)})

    def _tell(self, words: dict[str, str]) -> None:
        if self._descriptor is not None:
            with suppress(OSError):
                os.write(self._descriptor, json.dumps(words).encode() + b"\n")
                os.close(self._descriptor)
            self._descriptor = None


def run(
    settings: Settings,
    order: MountOrder,
    *,
    reread: Callable[[], Settings],
    ready_descriptor: int | None = None,
    metrics_path: Path | None = None,
) -> int:
    """Mount, and serve in this process until it is unmounted or told to stop."""
    application_log.configure(settings.log.level, settings.log.format, f"mount {order.mountpoint}")
    announcement = Announcement(order, ready_descriptor)
    try:
        with metrics_folder() as folder:
            counted = folder / "mount"
            metrics.share(counted)
            asyncio.run(_serve(settings, order, announcement, reread, (counted, metrics_path)))
    except Exception as error:  # noqa: BLE001 - whoever started us is told why
        announcement.failed(error)
        # What went wrong in a group of tasks is told as if there were none.
        raise first_cause(error) from None
    return 0


async def _serve(
    settings: Settings,
    order: MountOrder,
    announcement: Announcement,
    reread: Callable[[], Settings],
    numbers: tuple[Path, Path | None],
) -> None:
    stop, hangup, loop = asyncio.Event(), asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    loop.add_signal_handler(signal.SIGHUP, hangup.set)
    async with asyncio.TaskGroup() as tasks:
        writing = tasks.create_task(_keep_written(*numbers))
        try:
            await run_mount(
                settings,
                order,
                owner=User(os.getuid(), os.getgid()),
                on_mounted=announcement.mounted,
                reloads=_reloads(hangup, reread),
                stop=stop,
            )
        finally:
            writing.cancel()


async def _reloads(
    hangup: asyncio.Event, reread: Callable[[], Settings]
) -> AsyncIterator[Settings]:
    """Yield the settings at each SIGHUP, where they are good."""
    while True:
        await hangup.wait()
        hangup.clear()
        try:
            yield reread()
        except SettingsError as error:
            _log.error("the settings stay as they were: %s", error)


async def _keep_written(counted: Path, path: Path | None) -> None:
    """Write the numbers for node_exporter's textfile collector, every few seconds."""
    while path is not None:
        fresh = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            fresh.write_bytes(exposition.render([counted]))
            fresh.replace(path)
        except OSError as error:
            _log.warning("the metrics cannot be written to %s: %s", path, error)
        await asyncio.sleep(METRICS_SECONDS)


def _notify_systemd() -> None:
    """Tell systemd, where it started us and waits (Type=notify, sd_notify(3))."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if address:
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.sendto(b"READY=1", address.replace("@", "\0", 1))
