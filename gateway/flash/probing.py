"""The probe: whether files of segments can be made, written, read and removed now."""

import os
import re
from typing import Final

from gateway.flash.faults import Faults

_BYTES: Final = 4096
_NAME: Final = re.compile(r"probe\.\d+")
_POINTS: Final = ("segment.create", "segment.write", "record.append", "segment.read")


def probe_files(segments_fd: int, faults: Faults) -> None:
    """Do once what is done to segments all the time, on a file of its own; raises OSError."""
    for point in _POINTS:
        faults.at(point)
    name = f"probe.{os.getpid()}"
    descriptor = os.open(name, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600, dir_fd=segments_fd)
    try:
        os.posix_fallocate(descriptor, 0, _BYTES)
        os.pwrite(descriptor, bytes(_BYTES), 0)
        os.pread(descriptor, _BYTES, 0)
    finally:
        os.close(descriptor)
        os.unlink(name, dir_fd=segments_fd)


def remove_probes(segments_fd: int) -> None:
    """Remove what killed processes left; a process that probes right now only probes again."""
    for name in os.listdir(segments_fd):
        if _NAME.fullmatch(name):
            os.unlink(name, dir_fd=segments_fd)
