"""P10: the memory of all workers while many readers read parts of many objects."""

import asyncio
import random
import sys
from http import HTTPStatus
from pathlib import Path
from subprocess import PIPE, Popen

import aiohttp
from yarl import URL

from conformance.performance.asking import link
from conformance.performance.figures import Bar, Outcome, Samples
from conformance.performance.gateway import running_gateway
from conformance.performance.load import wait_seconds
from conformance.performance.origins import MIB, sparse_object
from conformance.performance.workplace import GIB, Workplace, bare_origin
from gateway.demo.child import stopping

_OBJECT_BYTES = 100_000_000
_SAMPLE_SECONDS = 0.05


def readers(place: Workplace) -> Outcome:
    """P10: 1,000 ranged readers of 1,000 objects of 100 MB, all at once, all cold."""
    count = place.scaled(1000, 200)
    range_bytes = place.scaled(4 * MIB, MIB)
    with bare_origin(place) as origin:
        for number in range(count):
            sparse_object(place.objects, f"large/{number}", _OBJECT_BYTES)
        with running_gateway(place.folder / "gateway", origin.endpoint) as gateway:
            rest = gateway.memory_bytes()
            urls = place.folder / "urls"
            urls.write_text("\n".join(link(gateway, f"large/{at}") for at in range(count)))
            command = [sys.executable, "-m", __name__, str(urls), str(range_bytes)]
            peak = rest
            process = Popen(command, stdout=PIPE)
            with stopping(process):
                while process.poll() is None:
                    peak = max(peak, gateway.memory_bytes())
                    wait_seconds(_SAMPLE_SECONDS)
                assert process.stdout is not None
                seconds = float(process.stdout.read())
    return Outcome(
        "P10",
        f"{count} readers of {range_bytes // MIB} MiB at random places of {count} objects of "
        "100 MB, all at once, cold, bare origin, 2 workers",
        (
            Samples("at rest", "MiB", (rest / MIB,)),
            Samples("at most", "MiB", (peak / MIB,)),
            Samples("all readers", "s", (seconds,)),
        ),
        (Bar("memory of all processes / 1 GiB", peak / GIB, 1.0, is_ceiling=True),),
        ("proportional set size of supervisor and workers, sampled every 50 ms",),
    )


async def _read_all(urls: list[str], range_bytes: int) -> float:
    """Read a part of each, all at once; return the seconds.

    Raises ValueError for an answer that is not whole.
    """
    chance = random.Random(10)
    loop = asyncio.get_running_loop()
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(
        connector=connector, timeout=aiohttp.ClientTimeout(total=None)
    ) as session:

        async def read(url: str, start: int) -> None:
            span = {"Range": f"bytes={start}-{start + range_bytes - 1}"}
            async with session.get(URL(url, encoded=True), headers=span) as answer:
                if answer.status != HTTPStatus.PARTIAL_CONTENT:
                    raise ValueError(f"{answer.status} {await answer.text()}")
                received = 0
                while piece := await answer.content.readany():
                    received += len(piece)
                if received != range_bytes:
                    raise ValueError(f"{received} bytes")

        started = loop.time()
        async with asyncio.TaskGroup() as tasks:
            for url in urls:
                tasks.create_task(read(url, chance.randrange(_OBJECT_BYTES - range_bytes)))
        return loop.time() - started


if __name__ == "__main__":
    print(asyncio.run(_read_all(Path(sys.argv[1]).read_text().split(), int(sys.argv[2]))))
