"""P6: an epoch of small objects, as a training job reads it, warm."""

import asyncio
import json
import subprocess
import sys
from functools import partial
from itertools import count
from pathlib import Path
from subprocess import CalledProcessError

import aiohttp
from yarl import URL

from conformance.performance.asking import Ask, asks
from conformance.performance.figures import Bar, Outcome, in_turns, ratio_of
from conformance.performance.gateway import running_gateway
from conformance.performance.load import send_requests, wait_seconds
from conformance.performance.origins import BUCKET, Server, adopt_object, random_file
from conformance.performance.workplace import (
    Beside,
    Workplace,
    bare_origin,
    caches_beside,
    shaped_origin,
)

_OBJECT_BYTES = 100 * 1024
_CLIENTS = 16
_WARMING_CLIENTS = 64


def epoch(place: Workplace) -> Outcome:
    """P6: 10,000 objects of 100 KiB in turn, 16 clients, warm; strict and immutable by rule."""
    keys = [f"epoch/{number:05}" for number in range(place.scaled(10_000, 1000))]
    with bare_origin(place) as bare, shaped_origin(bare) as origin:
        _make_objects(place, keys)
        with (
            running_gateway(place.folder / "strict", origin.endpoint) as strict,
            running_gateway(
                place.folder / "immutable", origin.endpoint, freshness="immutable"
            ) as immutable,
            caches_beside(place, origin) as beside,
        ):
            ours: dict[str, Server] = {"strict": strict, "immutable": immutable}
            for server in ours.values():
                _warm(server, keys, place.folder)
            _warm_caches(place, beside, keys)
            servers = {"direct": origin, **ours, **beside.servers}
            trials = {
                name: partial(_rate, place, server, asks(server, keys))
                for name, server in servers.items()
            }
            samples = in_turns(place.scaled(3, 2), "GET/s", trials, beside.exits)
    return Outcome(
        "P6",
        f"{len(keys):,} objects of 100 KiB, {_CLIENTS} clients, signed, warm, shaped origin, "
        "2 workers",
        tuple(samples.values()),
        (
            Bar("immutable, times direct", ratio_of(samples, "immutable", "direct"), 10.0),
            Bar("strict, times direct", ratio_of(samples, "strict", "direct"), 1.0),
            *(
                Bar(f"immutable, of {name}", ratio_of(samples, "immutable", name))
                for name in beside.servers
            ),
        ),
        ("the origin proxy, the gateway and the clients share two cores", *beside.notes),
    )


def _rate(place: Workplace, server: Server, requests: list[Ask]) -> float:
    rate = send_requests(
        server, requests, place.folder, clients=_CLIENTS, seconds=place.scaled(6, 2)
    )
    return rate.requests_per_second


def _warm_caches(place: Workplace, beside: Beside, keys: list[str]) -> None:
    """Let each cache have the objects, twice; one that does not give them is left out."""
    for pause in (0, place.settle_seconds):
        wait_seconds(pause)
        for name, server in list(beside.servers.items()):
            try:
                _warm(server, keys, place.folder)
            except CalledProcessError as failure:
                beside.leave_out(name, failure)


def _make_objects(place: Workplace, keys: list[str]) -> None:
    """Make objects of noise, each of its own."""
    body = bytearray(random_file(place.folder, _OBJECT_BYTES).read_bytes())
    for number, key in zip(count(), keys):
        path = place.objects / BUCKET / key
        path.parent.mkdir(parents=True, exist_ok=True)
        body[:8] = number.to_bytes(8, "big")
        path.write_bytes(body)
        adopt_object(path)


def _warm(server: Server, keys: list[str], folder: Path) -> None:
    """Read each object once, in another process; raises CalledProcessError if one was not given."""
    listed = folder / "asks.json"
    asked = asks(server, keys)
    listed.write_text(json.dumps([(f"{server.endpoint}{a.target}", dict(a.fields)) for a in asked]))
    subprocess.run([sys.executable, "-m", __name__, str(listed)], check=True)


async def _read_each(asked: list[tuple[str, dict[str, str]]]) -> None:
    """Read all, 64 at a time."""
    left = iter(asked)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

        async def read() -> None:
            for url, fields in left:
                async with session.get(URL(url, encoded=True), headers=fields) as answer:
                    answer.raise_for_status()
                    await answer.read()

        async with asyncio.TaskGroup() as tasks:
            for _ in range(_WARMING_CLIENTS):
                tasks.create_task(read())


if __name__ == "__main__":
    asyncio.run(_read_each(json.loads(Path(sys.argv[1]).read_text())))
