"""Places to mount on: what stands there already, and how it is taken away.

A mount whose process was killed answers `Transport endpoint is not connected` (ENOTCONN) for ever;
whoever mounts there again takes it over.
"""

import errno
import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

FILESYSTEM: Final = "fuse.forebay"
"""What the mount table calls ours."""
_TABLE: Final = Path("/proc/self/mountinfo")
_UNMOUNT_SECONDS: Final = 30.0


@dataclass(frozen=True, slots=True)
class Mounted:
    """One line of the mount table."""

    path: str
    device: str
    """As `major:minor`."""
    kind: str
    source: str


class MountpointError(Exception):
    """A place cannot be mounted or unmounted; the message is one sentence."""


def mounted() -> list[Mounted]:
    """Return the mount table, the latest last."""
    return [_read_line(line) for line in _TABLE.read_text().splitlines()]


def _read_line(line: str) -> Mounted:
    """Return a line as proc_pid_mountinfo(5) writes it."""
    before, _, after = line.partition(" - ")
    fields, kinds = before.split(" "), after.split(" ")
    return Mounted(_unescaped(fields[4]), fields[2], kinds[0], _unescaped(kinds[1]))


def find_mounted(path: Path) -> Mounted | None:
    """Return what is mounted at exactly that path, the topmost."""
    found = [one for one in mounted() if one.path == str(path)]
    return found[-1] if found else None


def is_dead(path: Path) -> bool:
    """Return whether the process behind a mount is gone."""
    try:
        # The kernel answers a stat from what it believes, for a second after the death.
        os.statvfs(path)
    except OSError as error:
        return error.errno == errno.ENOTCONN
    return False


def prepare(path: Path) -> None:
    """Take over a dead mount of ours at `path`; raises MountpointError for what is no place."""
    if is_dead(path):
        found = find_mounted(path)
        if found is not None and found.kind != FILESYSTEM:
            raise MountpointError(f"{path} is a dead mount of {found.kind}: umount it first")
        unmount(path, is_lazy=True)
    if not path.is_dir():
        raise MountpointError(f"{path} is no directory: make it first")
    found = find_mounted(path)
    if found is not None and found.kind == FILESYSTEM:
        raise MountpointError(f"{found.source} is mounted on {path} already")


def unmount(path: Path, *, is_lazy: bool = False) -> None:
    """Unmount; lazily, it is gone from the tree now, and from those who use it when they end.

    Raises MountpointError.
    """
    program = shutil.which("fusermount3") or shutil.which("fusermount")
    options = ["-u", *(["-z"] if is_lazy else []), "--", str(path)]
    command = (
        [program, *options] if program else ["umount", *(["-l"] if is_lazy else []), str(path)]
    )
    _run(command, path)


def _run(command: Sequence[str], path: Path) -> None:
    try:
        done = subprocess.run(  # noqa: S603 - the system's own program, and a path
            command, capture_output=True, text=True, timeout=_UNMOUNT_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise MountpointError(f"{path} cannot be unmounted: {error}") from None
    if done.returncode:
        words = " ".join(done.stderr.split())
        raise MountpointError(f"{path} cannot be unmounted: {words}")


def _unescaped(path: str) -> str:
    """Return a path of the mount table, in which spaces and the like are octal."""
    if "\\" not in path:
        return path
    return path.encode().decode("unicode_escape").encode("latin-1").decode("utf-8", "replace")
