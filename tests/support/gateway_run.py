"""A gateway that is killed and started again on the same flash: supervisor, workers, files."""

import asyncio
import os
import shutil
import signal
import time
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

from gateway.flash.store import Flash
from gateway.settings.flash_keys import safeguards_of
from gateway.settings.tree import Settings
from tests.support.gateway_process import GatewayProcess, gateway_process
from tests.support.gateway_settings import gateway_settings, gateway_tables
from tests.support.waiting import wait_until

MENDED_SECONDS_MAX = 5.0
FAULT_VARIABLE = "FOREBAY_TEST_FLASH_FAULT_FILE"


class GatewayRun:
    """Starts the gateway anew as often as it is asked to; ports change, flash stays."""

    def __init__(
        self, folder: Path, origin_endpoint: str, *, preface: str = "", **changes: Any
    ) -> None:
        self.folder = folder
        self.preface = preface
        """Python that each of its processes runs first, to set what no setting sets."""
        self.flash_path = folder / "flash"
        self.fault_path = folder / "flash-faults"
        self.settings: Settings = gateway_settings(origin_endpoint, self.flash_path, **changes)
        self._tables = gateway_tables(origin_endpoint, self.flash_path, **changes)
        self._stack = ExitStack()
        self._process: GatewayProcess | None = None
        self.starts = 0
        self.killed_at = float("-inf")
        """When something was last killed: connections may break for a moment after it."""

    @property
    def process(self) -> GatewayProcess:
        assert self._process is not None
        return self._process

    @property
    def endpoint(self) -> str:
        return self.process.s3

    def start(self) -> None:
        """Start and wait until it is ready; its flash faults are read from `fault_path`."""
        (self.folder / "ready.json").unlink(missing_ok=True)
        (self.folder / "sitecustomize.py").write_text(self.preface)
        variables = {FAULT_VARIABLE: str(self.fault_path), "PYTHONPATH": str(self.folder)}
        with patch.dict(os.environ, variables):
            self._process = self._stack.enter_context(gateway_process(self._tables, self.folder))
        self.starts += 1

    def stop(self) -> int:
        """Ask it to end, and return its exit code."""
        self.process.signal(signal.SIGTERM)
        code = self.process.wait_exit()
        self._stack.close()
        return code

    def kill_everything(self) -> None:
        """kill -9 of the supervisor and all its workers at once."""
        pids = self.worker_pids()
        os.killpg(self.process.process.pid, signal.SIGKILL)
        self.killed_at = time.monotonic()
        self._stack.close()
        wait_until(lambda: not any(_is_alive(pid) for pid in pids))

    def kill_worker(self, number: int = 0) -> int:
        """kill -9 of one worker; return which."""
        pids = self.worker_pids()
        pid = pids[number % len(pids)]
        os.kill(pid, signal.SIGKILL)
        self.killed_at = time.monotonic()
        wait_until(lambda: not _is_alive(pid))
        return pid

    def worker_pids(self) -> list[int]:
        """Return the workers' processes that live now."""
        parent = self.process.process.pid
        text = Path(f"/proc/{parent}/task/{parent}/children").read_text(encoding="ascii")
        return sorted(int(word) for word in text.split() if _is_alive(int(word)))

    @property
    def listeners(self) -> int:
        """How many workers listen: each has its own socket on the port."""
        return _listeners(int(self.endpoint.rpartition(":")[2]))

    def wait_workers(self, count: int) -> None:
        """Wait until that many workers listen."""
        wait_until(lambda: self.listeners >= count)

    def wait_deaf(self) -> None:
        """Wait until no worker listens any more."""
        wait_until(lambda: self.listeners == 0)

    def reload(self, *, flash_bytes: int) -> None:
        """Write another size of flash into its settings, and have it read them again."""
        self._tables["flash"]["size"] = flash_bytes
        self.process.rewrite(self._tables)
        self.process.signal(signal.SIGHUP)

    def break_flash(self, faults: str) -> None:
        """Make flash fail as the lines say, within a tenth of a second."""
        fresh = self.fault_path.with_suffix(".new")
        fresh.write_text(faults)
        fresh.replace(self.fault_path)

    def heal_flash(self) -> None:
        """Take all faults away."""
        self.fault_path.unlink(missing_ok=True)

    def drop_cache(self) -> None:
        """Delete the flash directory under the live process."""
        shutil.rmtree(self.flash_path, ignore_errors=True)

    async def flash_problems(self) -> list[str]:
        """Return what is wrong with the flash, every byte read; the gateway may be running."""
        flash = self.settings.flash
        async with await Flash.open(
            flash.path,
            size_bytes=flash.size,
            chunk_bytes=flash.chunk_size,
            segment_bytes=flash.segment_bytes,
            writer="check",
            safeguards=replace(safeguards_of(flash), scrub_bytes_per_second=0),
        ) as opened:
            problems: list[str] = ["not looked at yet"]
            deadline = time.monotonic() + MENDED_SECONDS_MAX
            # What a full disk or a kill left is put in order in the background, after opening.
            while problems and time.monotonic() < deadline:
                problems = await opened.check(with_data=True)
                await asyncio.sleep(0.02 if problems else 0)
            return problems

    def close(self) -> None:
        """End it, whatever it does."""
        self._stack.close()


def _is_alive(pid: int) -> bool:
    """Return whether any thread lives: the first may be a zombie while others hold sockets open."""
    return any(_state(path) not in "ZX" for path in Path(f"/proc/{pid}/task").glob("*/stat"))


def _state(path: Path) -> str:
    """Return a thread's state (proc(5)); X where it is gone."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return "X"


def _listeners(port: int) -> int:
    """Return how many sockets listen on the loopback port (proc(5): state 0A)."""
    wanted = f"0100007F:{port:04X}"
    rows = Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]
    return sum(row.split()[1] == wanted and row.split()[3] == "0A" for row in rows)
