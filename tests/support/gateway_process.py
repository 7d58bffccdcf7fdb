"""`forebay serve` as a process of its own: started, asked, signalled, and always ended."""

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gateway.cli.shown import written
from tests.support.waiting import wait_until

ROOT = Path(__file__).parents[2]
_READY_SECONDS_MAX = 90.0
"""Long: where machines are shared, several programs start at once."""


class GatewayProcess:
    """A running gateway; `s3`, `admin` and `webhdfs` are its URLs."""

    def __init__(self, process: subprocess.Popen[str], folder: Path):
        self.process = process
        self.folder = folder
        self.s3 = ""
        self.admin = ""
        self.webhdfs: str | None = None

    @property
    def log(self) -> str:
        """What it wrote to stderr so far."""
        return (self.folder / "stderr").read_text()

    @property
    def output(self) -> str:
        """What it wrote to stdout so far."""
        return (self.folder / "stdout").read_text()

    def wait_ready(self) -> None:
        """Wait for the ready file; a process that ended says why."""
        path = self.folder / "ready.json"
        wait_until(
            lambda: path.exists() or self.process.poll() is not None,
            seconds_max=_READY_SECONDS_MAX,
        )
        assert self.process.poll() is None, self.log
        urls = json.loads(path.read_text())
        self.s3, self.admin, self.webhdfs = urls["s3"], urls["admin"], urls["webhdfs"]

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def wait_exit(self) -> int:
        return self.process.wait(20)

    def rewrite(self, tables: dict[str, Any]) -> None:
        """Write other settings into its file."""
        write_settings(self.folder / "forebay.toml", tables)


@contextmanager
def gateway_process(
    tables: dict[str, Any],
    folder: Path,
    *,
    program: Sequence[str] = ("-m", "gateway"),
    is_awaited: bool = True,
) -> Iterator[GatewayProcess]:
    """Run `forebay serve` with these settings; it is killed at the end if it still runs."""
    write_settings(folder / "forebay.toml", tables)
    command = [sys.executable, *program, "serve", "--config", str(folder / "forebay.toml")]
    with (folder / "stdout").open("w") as stdout, (folder / "stderr").open("w") as stderr:
        process = subprocess.Popen(
            [*command, "--ready-file", str(folder / "ready.json")],
            env=os.environ | {"PYTHONPATH": _path()},
            stdout=stdout,
            stderr=stderr,
            text=True,
            start_new_session=True,
        )
    gateway = GatewayProcess(process, folder)
    try:
        if is_awaited:
            gateway.wait_ready()
        yield gateway
    finally:
        end(process)


def end(process: subprocess.Popen[str]) -> None:
    """Ask the gateway to stop, twice so that it does not drain; kill the group if it does not."""
    try:
        for _ in range(2):
            process.send_signal(signal.SIGTERM)
        process.wait(5)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(20)


def write_settings(path: Path, tables: dict[str, Any]) -> None:
    """Write tables as a settings file."""
    lines = [f"{name} = {written(table)}" for name, table in tables.items()]
    path.write_text("\n".join(lines) + "\n")


def fetch(url: str) -> tuple[int, str]:
    """Return status and text of a plain GET over a connection of its own."""
    try:
        with urllib.request.urlopen(url, timeout=20) as answer:  # noqa: S310 - always http
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def _path() -> str:
    """Return where its processes find modules: this tree, then what the caller's find."""
    return os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
