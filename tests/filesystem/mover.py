"""A process that begins a move and never ends it, for the tests to kill.

python -m tests.filesystem.mover FOLDER      prints its name as an owner once the row is kept
"""

import signal
import sys
import time
from pathlib import Path

from gateway.filesystem.journal import Move, MoveKind, Phase, open_journal
from gateway.model.names import ObjectName


def main(folder: Path) -> None:
    """Begin, say so, and wait to be killed."""
    journal = open_journal(folder, time.time_ns)
    source, target = ObjectName("bucket", "left/"), ObjectName("bucket", "right/")
    begun = journal.begin(Move("", MoveKind.RENAME, source, target, Phase.COPYING, "", 0))
    sys.stdout.write(begun.owner + "\n")
    sys.stdout.flush()
    signal.pause()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
