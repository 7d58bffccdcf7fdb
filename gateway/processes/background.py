"""A process behind this one, which goes on when this one has ended.

It is forked, so that what was imported and read is there already; nothing else may be open or
running by then: no index (LMDB forbids it), no thread, no event loop.
"""

import os
import sys
from collections.abc import Callable
from fcntl import F_DUPFD, fcntl
from pathlib import Path
from typing import Final, NoReturn

_READY: Final = 3
"""The descriptor, beside the three of every process, on which it says its first line."""
_DESCRIPTORS_MAX: Final = 1 << 20


def first_line_of(work: Callable[[int], int], log: Path) -> str:
    """Do `work` in a process behind this one, and return what it writes to the descriptor it gets.

    That is one line, or nothing where the process ends before. What it says otherwise goes to
    `log`. Raises OSError for a log that cannot be written.
    """
    log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    sink = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
    reading, writing = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    if os.fork() == 0:
        _work_behind(work, sink, writing)
    os.close(sink)
    os.close(writing)
    with os.fdopen(reading) as said:
        return said.readline()


def _work_behind(work: Callable[[int], int], sink: int, writing: int) -> NoReturn:
    """Leave the session and all that this process was given, a lock of the caller's too; work."""
    os.setsid()
    nothing = os.open(os.devnull, os.O_RDONLY)
    # Numbers above all that are about to be taken.
    kept = [fcntl(one, F_DUPFD, _READY + 1) for one in (nothing, sink, sink, writing)]
    for descriptor, one in enumerate(kept):
        os.dup2(one, descriptor, inheritable=descriptor < _READY)
    os.closerange(_READY + 1, _DESCRIPTORS_MAX)
    sys.exit(work(_READY))
