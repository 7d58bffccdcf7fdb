"""A worker as its supervisor sees it: spawned (never forked), told, waited for."""

import asyncio
import os
import signal
import socket
import sys
from asyncio.subprocess import Process
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import gateway
from gateway.processes.control import Channel, Message, Start
from gateway.settings.reading import ENVIRONMENT_PREFIX, FOREIGN_PREFIXES

WORKER_COMMAND: Final = (sys.executable, "-P", "-m", "gateway", "worker")
KILL_SECONDS: Final = 10.0
"""How long after its drain a worker may take to close its rooms, before it is killed."""


class Child:
    """One running worker."""

    def __init__(self, process: Process, channel: Channel) -> None:
        """Take what `spawn` made."""
        self.is_ready = False
        self.failure = ""
        """Why it could not serve, in its own words."""
        self._process = process
        self._channel = channel

    @classmethod
    async def spawn(cls, start: Start) -> "Child":
        """Start a worker and tell it what to do."""
        ours, theirs = socket.socketpair()
        with theirs:
            process = await asyncio.create_subprocess_exec(
                *WORKER_COMMAND,
                stdin=theirs.fileno(),
                env=worker_environment(os.environ),
            )
        channel = await Channel.open(ours)
        await channel.send(start.message())
        return cls(process, channel)

    @property
    def pid(self) -> int:
        """Return the process's number."""
        return self._process.pid

    async def follow(self, on_ready: Callable[[], None]) -> str:
        """Listen to the worker until it is gone; return how it went, in words."""
        while (message := await self._channel.receive()) is not None:
            if "ready" in message:
                self.is_ready = True
                on_ready()
            self.failure = message.get("failed", self.failure)
        self.is_ready = False
        code = await self._process.wait()
        self._channel.close()
        return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"

    async def send(self, message: Message) -> None:
        """Tell the worker something."""
        await self._channel.send(message)

    async def stop(self, drain_seconds: float) -> None:
        """Let the worker finish what is in flight; it is killed if it does not end then."""
        self.is_ready = False
        await self.send({"stop": True})
        try:
            async with asyncio.timeout(drain_seconds + KILL_SECONDS):
                await self._process.wait()
        except TimeoutError:
            await self.kill()

    async def kill(self) -> None:
        """End the worker now, if it still runs."""
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()


def worker_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment without settings, which may be secrets and come by the channel."""
    kept = {
        name: value
        for name, value in environ.items()
        if not name.startswith(ENVIRONMENT_PREFIX) or name.startswith(FOREIGN_PREFIXES)
    }
    # `-P` keeps the working directory, which is not ours, off the path; this finds ourselves again.
    ourselves = str(Path(gateway.__file__).parents[1])
    paths = [ourselves, *filter(None, [kept.get("PYTHONPATH")])]
    return kept | {"PYTHONPATH": os.pathsep.join(paths)}
