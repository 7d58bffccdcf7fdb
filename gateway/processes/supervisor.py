"""The supervisor: keeps one worker per core alive, does once what must be done once.

It holds the ports, spawns the workers, replaces one that dies, serves the admin door, reloads on
SIGHUP and drains on SIGTERM or SIGINT. It serves no client itself, so nothing one sends can harm
it.
"""

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from time import monotonic
from typing import Final

from gateway.assembly.admin import Admin
from gateway.assembly.audit import open_audit_log
from gateway.assembly.state import open_store
from gateway.doors.admin.listener import serving_admin
from gateway.processes.child import Child
from gateway.processes.control import Start, reload_message
from gateway.processes.failing import first_cause
from gateway.processes.metrics_folder import metrics_folder
from gateway.processes.ports import CannotServeError, Ports, held_ports, why_not
from gateway.processes.readiness import Urls, announce
from gateway.processes.reloading import apply_reload
from gateway.settings.flash import FlashSettings
from gateway.settings.flash_keys import with_keys
from gateway.settings.reading import SettingsError
from gateway.settings.tree import Settings
from gateway.telemetry import application_log, metrics
from gateway.telemetry.exposition import render

BACKOFF_SECONDS_MIN: Final = 0.1
BACKOFF_SECONDS_MAX: Final = 5.0
YOUNG_SECONDS: Final = 10.0
"""A worker that dies older than this is replaced at once, a younger one after a growing pause."""

_log = logging.getLogger(__name__)


def run_supervisor(
    settings: Settings, *, reread: Callable[[], Settings], ready_file: Path | None
) -> int:
    """Serve until a signal says stop, and return the exit code.

    `reread` returns the settings as they now stand, or raises SettingsError.
    """
    application_log.configure(settings.log.level, settings.log.format, "supervisor")
    if ready_file is not None:
        ready_file.unlink(missing_ok=True)  # that of a predecessor would tell of its ports
    refusals: list[str] = []
    try:
        asyncio.run(_serve(settings, reread, ready_file))
    except* CannotServeError as group:
        refusals.append(str(first_cause(group)))
    for sentence in refusals:
        sys.stderr.write(f"forebay: {sentence}\n")
    return 1 if refusals else 0


async def _serve(
    settings: Settings, reread: Callable[[], Settings], ready_file: Path | None
) -> None:
    async with AsyncExitStack() as stack:
        ports = stack.enter_context(held_ports(settings))
        folder = stack.enter_context(metrics_folder())
        store = stack.enter_context(open_store(settings))
        audit_log = open_audit_log(settings, stack)
        admin_api = Admin(settings, store, audit_log)
        flash = await asyncio.to_thread(with_keys, settings.flash)
        supervisor = Supervisor(settings, flash, ports, folder, admin_api)
        address = settings.admin.listen
        admin = serving_admin(
            address.host,
            address.port,
            why_not_ready=supervisor.why_not_ready,
            metrics_text=supervisor.metrics_text,
            identities=admin_api.identities,
        )
        try:
            admin_port = await stack.enter_async_context(admin)
        except OSError as error:
            raise CannotServeError(why_not("admin.listen", address, error)) from None
        urls = Urls.of(settings, ports.s3, admin_port, ports.webhdfs)
        await supervisor.run(reread, lambda: announce(urls, ready_file))


def worker_count(settings: Settings) -> int:
    """Return how many workers to keep: as set, else one per core this process may run on."""
    return settings.workers.count or len(os.sched_getaffinity(0))


class Supervisor:
    """The workers of one gateway, by number."""

    def __init__(
        self, settings: Settings, flash: FlashSettings, ports: Ports, folder: Path, admin: Admin
    ) -> None:
        """Take the ports that are held, the folder that workers count in, and the admin API.

        `flash` are the settings of flash with its keys, which every worker is to have alike.
        """
        self._settings = settings
        self._flash = flash
        self._admin = admin
        self._ports = ports
        self._folder = folder
        self._count = worker_count(settings)
        self._children: dict[int, Child] = {}
        self._all_ready = asyncio.Event()
        self._stopping = asyncio.Event()
        self._hurrying = asyncio.Event()
        self._reloading = asyncio.Event()

    async def run(self, reread: Callable[[], Settings], on_ready: Callable[[], None]) -> None:
        """Keep the workers until a signal says stop; raises CannotServeError where none can be."""
        metrics.share(self._folder / "supervisor")
        loop = asyncio.get_running_loop()
        for name in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(name, self._stop)
        loop.add_signal_handler(signal.SIGHUP, self._reloading.set)
        try:
            async with asyncio.TaskGroup() as tasks:
                keepers = [tasks.create_task(self._keep(number)) for number in range(self._count)]
                others = [
                    tasks.create_task(self._announce(on_ready)),
                    tasks.create_task(self._follow_reloads(reread)),
                    tasks.create_task(self._kill_when_hurried()),
                ]
                await self._stopping.wait()
                await asyncio.gather(*(self._drain(child) for child in self._children.values()))
                await asyncio.gather(*keepers)
                for task in others:
                    task.cancel()
        finally:
            for child in self._children.values():
                await child.kill()

    def why_not_ready(self) -> str:
        """Return why requests should not be sent here, or nothing where they should."""
        ready = sum(child.is_ready for child in self._children.values())
        if self._stopping.is_set():
            return "draining: this gateway is stopping"
        if ready < self._count:
            return f"{ready} of {self._count} workers are ready"
        return ""

    def metrics_text(self) -> bytes:
        """Return what /metrics shows."""
        metrics.workers_ready.set(sum(child.is_ready for child in self._children.values()))
        numbers = [self._folder / f"worker-{number}" for number in range(self._count)]
        return render([self._folder / "supervisor", *numbers])

    async def _announce(self, on_ready: Callable[[], None]) -> None:
        await self._all_ready.wait()
        on_ready()

    async def _keep(self, number: int) -> None:
        """Keep worker `number` alive until the gateway stops."""
        pause_seconds = 0.0
        while not self._stopping.is_set():
            began = monotonic()
            child = await self._spawn(number)
            ending = await child.follow(self._note_ready)
            if self._stopping.is_set():
                return
            if not self._all_ready.is_set():
                raise CannotServeError(child.failure or f"a worker ended at its start ({ending})")
            metrics.workers_replaced.inc()
            words = f": {child.failure}" if child.failure else ""
            _log.warning("worker %d ended (%s%s) and is replaced", number, ending, words)
            is_young = monotonic() - began < YOUNG_SECONDS
            await self._wait_stopping(pause_seconds)
            pause_seconds = _next_pause(pause_seconds) if is_young else 0.0

    async def _spawn(self, number: int) -> Child:
        settings = self._settings
        keyed = settings.model_copy(update={"flash": self._flash})
        place = self._folder / f"worker-{number}"
        start = Start(keyed, number, self._ports.s3, place, self._ports.webhdfs)
        child = self._children[number] = await Child.spawn(start)
        # A signal or a reload may have come while the process was being made.
        if self._stopping.is_set():
            await child.send({"stop": True})
        elif settings is not self._settings:
            await child.send(reload_message(self._settings))
        _log.info("worker %d is process %d", number, child.pid)
        return child

    def _note_ready(self) -> None:
        if sum(child.is_ready for child in self._children.values()) == self._count:
            self._all_ready.set()

    async def _wait_stopping(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        except TimeoutError:
            return

    def _stop(self) -> None:
        """Drain at the first signal, kill at the second."""
        if self._stopping.is_set():
            self._hurrying.set()
        else:
            _log.info("stopping: requests in flight may finish")
        self._stopping.set()

    async def _drain(self, child: Child) -> None:
        await child.stop(self._settings.s3.drain_seconds)

    async def _kill_when_hurried(self) -> None:
        await self._hurrying.wait()
        for child in self._children.values():
            await child.kill()

    async def _follow_reloads(self, reread: Callable[[], Settings]) -> None:
        while True:
            await self._reloading.wait()
            self._reloading.clear()
            await self._reload(reread)

    async def _reload(self, reread: Callable[[], Settings]) -> None:
        """Read the settings again and bring rules and identities to all workers."""
        try:
            fresh = apply_reload(self._settings, reread())
            await self._admin.take(fresh)
            self._settings = fresh
            metrics.reloads.inc()
        except SettingsError as error:
            metrics.reloads_refused.inc()
            _log.error("the settings stay as they were: %s", error)
        self._admin.reopen()
        # Sent even where they stay: it also opens the access log again after a rotation.
        message = reload_message(self._settings)
        await asyncio.gather(*(child.send(message) for child in self._children.values()))


def _next_pause(pause_seconds: float) -> float:
    return min(max(2 * pause_seconds, BACKOFF_SECONDS_MIN), BACKOFF_SECONDS_MAX)
