"""A process that writes to a state, for the tests to start, stop and kill.

python -m tests.state.writer PATH count N     writes N rows, prints each number once it is kept
python -m tests.state.writer PATH hold        prints `held` inside a change that never ends
python -m tests.state.writer PATH read        prints `held` inside a snapshot that never ends
"""

import signal
import sys
from pathlib import Path

from gateway.state.store import Store, Writing


def say(line: str) -> None:
    """Tell the test, at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def put(writing: Writing, number: int) -> None:
    """Write one row, large enough that many make the map grow."""
    writing.put("identities", b"row %06d" % number, b"%d" % number * 200)


def hold(writing: Writing) -> None:
    """Write, and neither commit nor abort."""
    put(writing, 999_999)
    say("held")
    signal.pause()


def main(path: Path, what: str, count: int) -> None:
    """Do as the command line says."""
    with Store(path, map_bytes=1 << 20) as store:
        if what == "hold":
            store.write(hold)
        elif what == "read":
            with store.read():
                say("held")
                signal.pause()
        for number in range(count):
            store.write(lambda writing, number=number: put(writing, number))
            say(f"{number}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int((*sys.argv, "0")[3]))
