"""A process that begins an upload and never ends it, for the tests to kill.

python -m tests.filesystem.upload_beginner ENDPOINT FOLDER      says so once parts are there
"""

import asyncio
import signal
import sys
import time
from pathlib import Path

from gateway.core import growing
from gateway.core.growing import GrowingObject, Making, Senders, _Size
from gateway.core.receipt import Receipt
from gateway.filesystem.begun_uploads import BegunUploads
from gateway.filesystem.journal import open_journal
from gateway.model.names import ObjectName
from gateway.model.voices import FOREBAY
from tests.support.core_house import core_house

_PART = 5 * 1024 * 1024


async def main(endpoint: str, folder: Path) -> None:
    """Write two parts and a little more, say so, and wait to be killed."""
    growing.SIZES = (_Size(10_000, _PART, 2),)
    journal = open_journal(folder / "moves", time.time_ns)
    async with core_house(endpoint, folder / "killed") as house:
        ledger = BegunUploads(journal, house.core.writing)
        tasks = house.core.writing.tasks
        senders = Senders(house.changing, tasks, asyncio.Semaphore(4), ledger)
        making = Making(ObjectName("bucket", "k"), {}, FOREBAY, Receipt())
        grown = GrowingObject(senders, making)
        await grown.write(bytes(2 * _PART + 1))
        sys.stdout.write("begun\n")
        sys.stdout.flush()
        signal.pause()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2])))
