"""`forebay mount` as a process of its own: mounted, killed, and never left behind."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tests.support.gateway_process import write_settings
from tests.support.waiting import wait_until

ROOT = Path(__file__).parents[2]
BUCKET = "bucket"
AS_ADMIN = ("--identity", "admin")


def why_not() -> str:
    """Return why nothing can be mounted here; '' where it can."""
    if find_spec("pyfuse3") is None:
        return "pyfuse3 does not build here (libfuse3-dev, pkg-config, a C compiler)"
    if not os.access("/dev/fuse", os.R_OK | os.W_OK):
        return "there is no /dev/fuse here that we may use"
    return ""


class MountProcess:
    """A running mount; `path` is where it is."""

    def __init__(self, process: "subprocess.Popen[str]", path: Path, log: Path):
        self.process = process
        self.path = path
        self._log = log

    @property
    def log(self) -> str:
        """What it wrote so far."""
        return self._log.read_text()

    def is_mounted(self) -> bool:
        return any(
            line.split()[4] == str(self.path)
            for line in Path("/proc/self/mountinfo").read_text().splitlines()
        )

    def kill(self) -> None:
        """End it as a crash would."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(20)

    def terminate(self) -> int:
        """Ask it to stop; return its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)


def run_forebay(
    folder: Path, *words: str, keeps: tuple[int, ...] = ()
) -> "subprocess.CompletedProcess[str]":
    """Run a command of the program to its end; it is given the descriptors `keeps` as well."""
    return subprocess.run(
        [sys.executable, "-m", "gateway", *words],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        pass_fds=keeps,
    )


@contextmanager
def mount_process(
    tables: dict[str, Any],
    folder: Path,
    *options: str,
    source: str = f"s3://{BUCKET}",
    name: str = "mnt",
) -> Iterator[MountProcess]:
    """Mount `source` at `folder/name` until the block ends, however it ends."""
    path, log = folder / name, folder / f"{name}.log"
    with suppress(OSError):  # a dead mount is there already
        path.mkdir(exist_ok=True)
    settings = folder / f"{name}.toml"
    write_settings(settings, tables)
    command = [sys.executable, "-m", "gateway", "mount", "--foreground", *options]
    with log.open("a") as sink:
        process = subprocess.Popen(
            [*command, "--config", str(settings), source, str(path)],
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=sink,
            text=True,
        )
    mount = MountProcess(process, path, log)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert "is mounted on" in line, mount.log
        yield mount
    finally:
        _end(mount)


def _end(mount: MountProcess) -> None:
    process = mount.process
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(20)
    assert process.stdout is not None
    process.stdout.close()
    if mount.is_mounted():
        subprocess.run(["fusermount3", "-uz", str(mount.path)], check=False)
    wait_until(lambda: not mount.is_mounted())
