"""A child process that says it is ready by one line of JSON, and is stopped by its handle."""

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

_STOP_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Child:
    """A running child and what it said."""

    process: "subprocess.Popen[bytes]"
    said: dict[str, Any]


@contextmanager
def running_module(module: str, arguments: Sequence[str]) -> Iterator[Child]:
    """Run `python -m module` until the block ends.

    Raises RuntimeError if it ends before it is ready.
    """
    command = [sys.executable, "-m", module, *arguments]
    process = subprocess.Popen(  # noqa: S603 - our own modules
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        # Ctrl-C is for the parent alone: it stops its children itself, in order.
        start_new_session=True,
    )
    with stopping(process):
        line = process.stdout.readline() if process.stdout is not None else b""
        if not line:
            raise RuntimeError(f"{module} ended before it was ready")
        yield Child(process, json.loads(line))


@contextmanager
def stopping(process: "subprocess.Popen[bytes]") -> Iterator[None]:
    """Stop a process when the block ends: asked first, then killed."""
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()
