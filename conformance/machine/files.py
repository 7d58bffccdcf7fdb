"""The tree machine run long (rows D1 and E3): files by the tree, objects by S3, one copy.

    .venv/bin/python conformance/run.py files --steps 2000 [--seed 1]

After each step both doors and the origin are held against the reference. Prints a line of progress
after each round, and at the end the counts: steps by kind, outcomes, what was compared.
"""

import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from conformance.machine.rounds import play, read_words, write
from tests.models.files_machine import FilesMachine
from tests.models.files_stage import FilesStage

_STEPS_A_ROUND = 40


def main(words: Sequence[str]) -> int:
    """Run; 1 where both doors or the origin did not show what the reference says."""
    chosen = read_words("files", words, __doc__, 2000)
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="forebay-files-") as folder:
        stage = FilesStage(Path(folder))
        stage.open()
        FilesMachine.stage = stage
        failure = play(FilesMachine, stage.counts, chosen, _STEPS_A_ROUND)
        stage.close()
    told = {
        "seed": chosen.seed,
        "seconds": round(time.monotonic() - begun),
        "failure": failure,
        **dict(sorted(stage.counts.items())),
    }
    sys.stdout.write("".join(f"{name}: {value}\n" for name, value in told.items()))
    if chosen.write:
        write("files", told)
    return int(bool(failure))
