"""The machine of three doors run long (row E3): written by one, read by all, one copy.

    .venv/bin/python conformance/run.py doors --steps 2000 [--seed 1]

One `forebay serve` with two workers and both its doors, one `forebay mount`, the embedded origin.
After each step what was touched is read by S3, WebHDFS, the mount and at the origin, and held
against the reference: kind, bytes, mode, owner, group, mtime, extended attributes, keys.
"""

import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from conformance.machine.rounds import play, read_words, write
from tests.models.doors_by_webhdfs import DoorsMachine
from tests.models.doors_stage import DoorsStage
from tests.support.mount_process import why_not

_STEPS_A_ROUND = 40


def main(words: Sequence[str]) -> int:
    """Run; 1 where a door did not show what the reference says."""
    chosen = read_words("doors", words, __doc__, 2000)
    if reason := why_not():
        sys.exit(f"conformance: {reason}")
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="forebay-doors-") as folder:
        stage = DoorsStage(Path(folder))
        stage.open()
        DoorsMachine.stage = stage
        try:
            failure = play(DoorsMachine, stage.counts, chosen, _STEPS_A_ROUND)
            log = stage.log
        finally:  # also for who is interrupted: nothing stays mounted
            stage.close()
    told = {
        "seed": chosen.seed,
        "seconds": round(time.monotonic() - begun),
        "differences": len(stage.failures),
        "failures": stage.failures,
        "failure": failure,
        **dict(sorted(stage.counts.items())),
    }
    sys.stdout.write("".join(f"{name}: {value}\n" for name, value in told.items()))
    sys.stdout.write(log if failure else "")
    if chosen.write:
        write("doors", told)
    return int(bool(failure or stage.failures))
