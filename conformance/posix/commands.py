"""Running a program for the suite: its last words where it fails, and what is wrong where not."""

import os
import subprocess
from pathlib import Path

_SECONDS_MAX = 600


class WrongError(Exception):
    """A program ended well and its result is wrong, or it failed."""


def run(*words: object, cwd: Path | None = None, **environment_: str) -> str:
    """Run a command and return what it says; raises CalledProcessError with its words."""
    done = subprocess.run(
        [str(word) for word in words],
        cwd=cwd,
        env={**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null", **environment_},
        capture_output=True,
        text=True,
        errors="replace",
        timeout=_SECONDS_MAX,
        check=False,
    )
    if done.returncode:
        raise WrongError(f"{words[0]} ended with {done.returncode}: {done.stderr[-600:]}")
    return done.stdout
