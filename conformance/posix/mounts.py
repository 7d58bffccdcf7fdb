"""What puts a bucket at a folder: `forebay mount` and its peers, each run until a block ends.

A peer gets the settings that its own page recommends for a mount that programs write to; what it
keeps on disk lies in a folder of the run.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from conformance.performance.tools import find_tool
from conformance.posix.stage import BUCKET, Stage

_READY_SECONDS = 60.0
_STOP_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Command:
    """How a mounter is started in the foreground."""

    words: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Mount:
    """A bucket's prefix at a folder."""

    name: str
    path: Path
    process: "subprocess.Popen[bytes]"
    log: Path

    def memory_bytes(self) -> int:
        """Return the resident memory of the mounting process."""
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        return 0

    def kill(self) -> None:
        """End it as a crash would; the mountpoint is left as it then is."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


Mounter = Callable[[Stage, str, Path, Path], Command]
"""Takes the stage, the prefix, the mountpoint and a folder of its own."""


def forebay(stage: Stage, prefix: str, at: Path, folder: Path) -> Command:
    """Return `forebay mount`, beside no gateway, on a flash directory of its own."""
    configuration = folder / "forebay.toml"
    configuration.write_text(_SETTINGS.format(stage=stage, folder=folder, bucket=BUCKET))
    words = [sys.executable, "-m", "gateway", "mount", "--config", str(configuration)]
    words += ["--foreground", "--allow-other"]
    return Command([*words, f"s3://{BUCKET}/{prefix}", str(at)])


def s3fs(stage: Stage, prefix: str, at: Path, folder: Path) -> Command:
    """Return s3fs (C++, Debian) with its cache of files."""
    passwords = folder / "passwd"
    passwords.write_text(f"{stage.access_key}:{stage.secret_key}\n")
    passwords.chmod(0o600)
    options = {
        "url": stage.endpoint,
        "passwd_file": str(passwords),
        "use_cache": str(folder / "cache"),
        "endpoint": "us-east-1",
        "enable_noobj_cache": None,
        "use_path_request_style": None,
        "allow_other": None,
    }
    flat = ",".join(name if value is None else f"{name}={value}" for name, value in options.items())
    return Command(["s3fs", f"{BUCKET}:/{prefix}", str(at), "-f", "-o", flat])


def geesefs(stage: Stage, prefix: str, at: Path, folder: Path) -> Command:
    """Return GeeseFS (Go), with a cache of files on disk."""
    words = [_tool("geesefs"), "-f", "--endpoint", stage.endpoint, "--region", "us-east-1"]
    words += ["--cache", str(folder / "cache"), "--enable-perms", "--enable-mtime"]
    words += ["-o", "allow_other"]
    return Command([*words, f"{BUCKET}:{prefix}", str(at)], _aws_keys(stage))


def goofys(stage: Stage, prefix: str, at: Path, folder: Path) -> Command:
    """Return goofys (Go), which keeps nothing on disk."""
    del folder
    words = [_tool("goofys"), "-f", "--endpoint", stage.endpoint, "--region", "us-east-1"]
    words += ["-o", "allow_other"]
    return Command([*words, f"{BUCKET}:{prefix}", str(at)], _aws_keys(stage))


def rclone(stage: Stage, prefix: str, at: Path, folder: Path) -> Command:
    """Return rclone mount (Go) with its full cache, which it recommends for programs that write."""
    chosen = {
        "RCLONE_CONFIG_ORIGIN_TYPE": "s3",
        "RCLONE_CONFIG_ORIGIN_PROVIDER": "Other",
        "RCLONE_CONFIG_ORIGIN_ENDPOINT": stage.endpoint,
        "RCLONE_CONFIG_ORIGIN_ACCESS_KEY_ID": stage.access_key,
        "RCLONE_CONFIG_ORIGIN_SECRET_ACCESS_KEY": stage.secret_key,
        "RCLONE_CONFIG_ORIGIN_REGION": "us-east-1",
    }
    words = [_tool("rclone"), "mount", "--vfs-cache-mode", "full", "--links", "--allow-other"]
    words += ["--cache-dir", str(folder / "cache"), "--config", str(folder / "rclone.conf")]
    return Command([*words, f"origin:{BUCKET}/{prefix}", str(at)], chosen)


MOUNTERS: dict[str, Mounter] = {
    "forebay": forebay,
    "s3fs": s3fs,
    "geesefs": geesefs,
    "goofys": goofys,
    "rclone": rclone,
}
PEERS = tuple(name for name in MOUNTERS if name != "forebay")


def version_of(name: str) -> str:
    """Return what a mounter says of its version; '' where it is not here."""
    if name == "forebay":
        words = [sys.executable, "-m", "gateway", "--version"]
    elif (path := find_tool(name)) is None:
        return ""
    else:
        words = [str(path), "version" if name == "rclone" else "--version"]
    said = subprocess.run(words, capture_output=True, text=True, check=False)
    return (said.stdout or said.stderr).partition("\n")[0].strip()


@contextmanager
def mounted(name: str, stage: Stage, prefix: str, folder: Path) -> Iterator[Mount]:
    """Mount `prefix` of the stage's bucket until the block ends, and never leave a mount behind.

    Raises RuntimeError with the mounter's last words where it does not come up.
    """
    folder.mkdir(parents=True, exist_ok=True)
    at = folder / "mnt"
    at.mkdir(exist_ok=True)
    command = MOUNTERS[name](stage, prefix, at, folder)
    log = folder / "log"
    with log.open("ab") as sink:
        process = subprocess.Popen(
            command.words,
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=sink,
            env={**os.environ, **command.environment},
        )
    mount = Mount(name, at, process, log)
    try:
        _wait_mounted(mount)
        yield mount
    finally:
        _unmount(mount)


def _wait_mounted(mount: Mount) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    while not _is_mounted(mount.path):
        if mount.process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"{mount.name} did not mount: {mount.log.read_text()[-2000:]}")
        time.sleep(0.02)


def _is_mounted(path: Path) -> bool:
    """Return whether the folder is a mountpoint whose file system answers."""
    try:
        return path.is_mount()
    except OSError:
        return False


def _unmount(mount: Mount) -> None:
    """Unmount and wait for the process: what it still uploads is part of its work."""
    with suppress(subprocess.TimeoutExpired):
        subprocess.run(
            ["fusermount3", "-u", str(mount.path)],
            capture_output=True,
            timeout=_STOP_SECONDS,
            check=False,
        )
    try:
        mount.process.wait(_STOP_SECONDS if not _is_mounted(mount.path) else 1)
    except subprocess.TimeoutExpired:
        mount.process.kill()
        mount.process.wait()
    subprocess.run(["fusermount3", "-uz", str(mount.path)], capture_output=True, check=False)


def _aws_keys(stage: Stage) -> dict[str, str]:
    return {"AWS_ACCESS_KEY_ID": stage.access_key, "AWS_SECRET_ACCESS_KEY": stage.secret_key}


def _tool(name: str) -> str:
    path = find_tool(name)
    if path is None:
        raise RuntimeError(f"{name} is not here: put it into ~/.cache/forebay/bin or on the path")
    return str(path)


_SETTINGS = """\
[origin]
endpoint = "{stage.endpoint}"
access_key = "{stage.access_key}"
secret_key = "{stage.secret_key}"
[flash]
path = "{folder}/flash"
size = "20GiB"
[state]
path = "{folder}/state"
[log]
access = "off"
level = "info"
format = "text"
[[identities]]
name = "posix"
access_key = "AKIAPOSIXSUITE"
secret_key = "conformance-only-secret"
policy = "admin"
[[rules]]
match = "{bucket}/*"
freshness = "{stage.freshness}"
"""
