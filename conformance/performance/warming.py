"""C9: `forebay warm` of many small objects and a large one, killed and resumed, and its report."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import Any

from conformance.performance.figures import Bar, Outcome, Samples
from conformance.performance.gateway import running_gateway
from conformance.performance.origins import BUCKET, MIB, Server, adopt_object, put_object
from conformance.performance.workplace import (
    GIB,
    ShapedOrigin,
    Workplace,
    bare_origin,
    shaped_origin,
)

_SMALL_BYTES = 100 * 1024
_CONCURRENCY = 16
_CONNECTION_BYTES_PER_SECOND = 33e6
_RTT_SECONDS = 0.030
_RUN_BYTES = 8 * MIB
_PATH = f"s3://{BUCKET}/warm/"
_WAIT_SECONDS = 60.0


def job(place: Workplace) -> Outcome:
    """C9: 1,000 objects of 100 KiB and one of 1 GiB onto an empty flash, over the shaped origin."""
    small = place.scaled(1000, 300)
    large_bytes = place.scaled(GIB, 512 * MIB)
    wanted_bytes = small * _SMALL_BYTES + large_bytes
    repetitions = place.scaled(3, 1)
    whole, again, resumed, equal = [], [], [], []
    with bare_origin(place) as bare, shaped_origin(bare) as origin:
        _make_objects(place, bare, small, large_bytes)
        for number in range(repetitions):
            with _house(place, origin, f"whole-{number}") as configuration:
                seconds, report = _warm(configuration)
                whole.append(seconds)
                equal.append(_equals_index(report, configuration, small + 1, wanted_bytes))
                origin.reset()
                again.append(_warm(configuration)[0])
                assert origin.body_bytes() < MIB, "an unchanged object was fetched again"
            with _house(place, origin, f"killed-{number}") as configuration:
                sent = _killed_and_resumed(configuration, origin, wanted_bytes)
                resumed.append(sent / wanted_bytes)
    floor = wanted_bytes / (_CONCURRENCY * _CONNECTION_BYTES_PER_SECOND)
    return Outcome(
        "C9",
        f"`forebay warm` of {small} x 100 KiB + {large_bytes // MIB} MiB, {_CONCURRENCY} requests "
        "at a time, shaped origin, beside an idle gateway of 2 workers",
        (
            Samples("warm, empty flash", "s", tuple(whole)),
            Samples("warm again, nothing changed", "s", tuple(again)),
            Samples("killed half-way and resumed, origin bytes / wanted", "x", tuple(resumed)),
        ),
        (
            Bar("seconds beyond the bandwidth floor", max(whole) - floor, 6.0, is_ceiling=True),
            Bar("killed and resumed: fetched again", max(resumed) - 1, 0.05, is_ceiling=True),
            Bar("reports that equal the index", sum(equal) / repetitions, 1.0),
        ),
        (
            f"the floor is {floor:.2f} s: all bytes over {_CONCURRENCY} connections of 33 MB/s",
            f"with a round trip for each request it is {_floor_seconds(small, large_bytes):.2f} s",
            "the time is the whole command's: the interpreter's start and the last look included",
        ),
    )


def _floor_seconds(small: int, large_bytes: int) -> float:
    """Return what nothing can go below that asks for each object and each run by a request."""
    runs = -(-large_bytes // _RUN_BYTES)
    wanted_bytes = small * _SMALL_BYTES + large_bytes
    waited = (small + runs) * _RTT_SECONDS
    return (waited + wanted_bytes / _CONNECTION_BYTES_PER_SECOND) / _CONCURRENCY


def _make_objects(place: Workplace, bare: Server, small: int, large_bytes: int) -> None:
    put_object(bare.endpoint, "warm/large", large_bytes, place.folder)
    folder = place.objects / BUCKET / "warm" / "small"
    folder.mkdir(parents=True)
    for number in range(small):
        path = folder / f"{number:04}"
        path.write_bytes(number.to_bytes(4, "big") * (_SMALL_BYTES // 4))
        adopt_object(path)


@contextmanager
def _house(place: Workplace, origin: Server, name: str) -> Iterator[Path]:
    """Yield the settings of a gateway that runs on an empty flash."""
    folder = place.folder / name
    with running_gateway(folder, origin.endpoint):
        yield folder / "forebay.toml"


def _command(configuration: Path, *words: str) -> list[str]:
    return [sys.executable, "-m", "gateway", *words, "--json", "--config", str(configuration)]


def _warm(configuration: Path) -> tuple[float, dict[str, Any]]:
    """Return how long a job took, and its report."""
    command = _command(configuration, "warm", _PATH, "--concurrency", str(_CONCURRENCY))
    started = perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    seconds = perf_counter() - started
    if done.returncode:
        raise RuntimeError(f"warming ended with {done.returncode}: {done.stdout}{done.stderr}")
    report: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return seconds, report


def _killed_and_resumed(configuration: Path, origin: ShapedOrigin, wanted_bytes: int) -> int:
    """Return what the origin sent to a job that was killed half-way, and to the one after it."""
    origin.reset()
    command = _command(configuration, "warm", _PATH, "--concurrency", str(_CONCURRENCY))
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + _WAIT_SECONDS
        while origin.body_bytes() < wanted_bytes // 2 and time.monotonic() < deadline:
            time.sleep(0.01)
        process.kill()
    _warm(configuration)
    return origin.body_bytes()


def _equals_index(
    report: dict[str, Any], configuration: Path, objects: int, wanted_bytes: int
) -> bool:
    """Return whether the report says what another process finds in the index, object by object."""
    words = ("cache", "ls", _PATH, "--limit", str(objects + 1))
    listed = subprocess.run(_command(configuration, *words), capture_output=True, check=True)
    found = [one for one in json.loads(listed.stdout)["objects"] if one["whole"]]
    held = sum(one["bytes_held"] for one in found)
    told = (report["on_flash"], report["bytes_on_flash"], report["missing"])
    return told == (len(found), held, {}) == (objects, wanted_bytes, {})
