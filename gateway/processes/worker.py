"""A worker's life: fed by the supervisor over standard input, it serves until told to stop.

It stops when it is told to, on SIGTERM, and when the channel ends: a supervisor that was killed
leaves no worker behind. Ctrl-C reaches the whole group of processes at once, so SIGINT is left to
the supervisor, which then tells its workers.
"""

import asyncio
import gc
import logging
import shutil
import signal
import socket
from collections.abc import AsyncIterator
from typing import Final

from gateway.assembly import worker as assembly
from gateway.processes.control import Channel, Start, settings_of
from gateway.processes.failing import words_of
from gateway.settings.tree import Settings
from gateway.telemetry import application_log, metrics

CONTROL_DESCRIPTOR: Final = 0
GC_THRESHOLDS: Final = (700, 10, 200)
"""A full collection looks at every object, which stops all requests for 100 ms where 5,000
connections are open. By default a crowd of newcomers causes one after the other; cycles are nearly
all young, and what a closed connection leaves behind is a kilobyte."""
_log = logging.getLogger(__name__)


def run() -> int:
    """Serve as one worker and return the exit code."""
    return asyncio.run(_serve(socket.socket(fileno=CONTROL_DESCRIPTOR)))


async def _serve(control: socket.socket) -> int:
    channel = await Channel.open(control)
    message = await channel.receive()
    if message is None:
        return 0
    start = Start.of_message(message)
    log = start.settings.log
    application_log.configure(log.level, log.format, f"worker {start.worker_number}")
    metrics.share(start.metrics_path)
    orders = Orders(channel)
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, orders.stop.set)
    for name in (signal.SIGINT, signal.SIGHUP):
        signal.signal(name, signal.SIG_IGN)
    try:
        await _run_worker(start, orders)
    except Exception as error:  # noqa: BLE001 - the last resort of a process: say why it ends
        _log.exception("the worker failed")
        await channel.send({"failed": words_of(error)})
        return 1
    finally:
        if orders.is_orphan:
            shutil.rmtree(start.metrics_path.parent, ignore_errors=True)
    return 0


async def _run_worker(start: Start, orders: "Orders") -> None:
    async with asyncio.TaskGroup() as tasks:
        following = tasks.create_task(orders.follow())

        gc.set_threshold(*GC_THRESHOLDS)

        def say_ready() -> None:
            gc.freeze()  # what is there now stays, so that no collection looks at it again
            tasks.create_task(orders.channel.send({"ready": True}))

        await assembly.run_worker(
            start.settings,
            worker_number=start.worker_number,
            listen_port=start.listen_port,
            webhdfs_port=start.webhdfs_port,
            on_ready=say_ready,
            reloads=orders.reloads(),
            stop=orders.stop,
            shared_folder=start.metrics_path.parent,
        )
        following.cancel()


class Orders:
    """What the supervisor tells a worker that serves."""

    def __init__(self, channel: Channel) -> None:
        """Take the channel; `follow` reads it."""
        self.channel = channel
        self.stop = asyncio.Event()
        self.is_orphan = False
        self._settings: asyncio.Queue[Settings] = asyncio.Queue()

    async def follow(self) -> None:
        """Take orders until the channel ends."""
        while (message := await self.channel.receive()) is not None:
            if "reload" in message:
                self._settings.put_nowait(settings_of(message["reload"]))
            if "stop" in message:
                self.stop.set()
        self.is_orphan = not self.stop.is_set()
        self.stop.set()

    async def reloads(self) -> AsyncIterator[Settings]:
        """Yield the settings of each reload."""
        while True:
            yield await self._settings.get()
