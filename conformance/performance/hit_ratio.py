"""Hit ratios: P12, the cache's decisions over traces, beside libCacheSim's policies on the same.

The gateway's figures are those of `forebay simulate`; libCacheSim lives in an environment of its
own under FOREBAY_TEST_HIT_RATIO_FOLDER (by default ~/.cache/forebay/hit-ratio), made when it is
first asked for. It counts objects of one unit in a cache of whole objects; the gateway's size has
its index, its open segment and the one it keeps free within it.
"""

import itertools
import json
import os
import random
import subprocess
import sys
import venv
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from conformance.performance.figures import Bar, Outcome, Samples
from conformance.performance.workplace import Workplace

_PEER: Final = "libcachesim==0.3.5"
_OBJECT_BYTES: Final = 1 << 20
_SCANNED: Final = 10**9
"""Numbers from here on are those of scans."""
_EPOCHS: Final = 6
_PUBLIC: Final = "FOREBAY_TEST_TRACE"
"""A file of one object a line, such as libCacheSim's data/cloudPhysicsIO.txt: more figures."""


@dataclass(frozen=True, slots=True)
class _Trace:
    """Requests of objects by number, the cache's size in objects, how many only warm it up."""

    name: str
    numbers: Sequence[int]
    capacity: int
    warm_up: int
    settings: str = ""


def ratios(place: Workplace) -> Outcome:
    """P12: hit ratios on traces, beside LRU, SIEVE, S3-FIFO and Belady."""
    catalogue = place.scaled(20_000, 5_000)
    zipf = _zipf(catalogue, place.scaled(800_000, 100_000))
    epochs, count = _epochs(place.scaled(8_000, 2_000)), place.scaled(8_000, 2_000)
    held = '[[rules]]\nmatch = "trace/*"\nfreshness = "immutable"\nhold = "24h"\n'
    tenth, half = catalogue // 10, count // 2
    traces = [
        _Trace("Zipf", zipf, tenth, len(zipf) // 2),
        _Trace("Zipf and scans", _with_scans(zipf, catalogue), tenth, len(zipf) // 2),
        _Trace("epochs", epochs, half, count),
        _Trace("epochs, hold", epochs, half, count, held),
        *_public(),
    ]
    found = {trace.name: _compared(place, trace) for trace in traces}
    samples = [
        Samples(f"{name}: {policy}", "", (ratio,))
        for name, by_policy in found.items()
        for policy, ratio in by_policy.items()
    ]
    mine = {name: by_policy["Forebay"] for name, by_policy in found.items()}
    of_s3_fifo = mine["Zipf and scans"] / found["Zipf and scans"]["S3FIFO"]
    return Outcome(
        "P12",
        "hit ratios on traces, cache = 10 % of a Zipf(1.0) catalogue; shuffled epochs at 50 %",
        tuple(samples),
        (
            Bar("Zipf", mine["Zipf"], 0.70),
            Bar("epochs with hold, of the cache's share", mine["epochs, hold"] / 0.5, 0.95),
            Bar("Zipf and scans, of Zipf", mine["Zipf and scans"] / mine["Zipf"]),
            Bar("Zipf and scans, of libCacheSim's S3-FIFO", of_s3_fifo),
        ),
        (
            f"{catalogue:,} objects of 1 MiB; the first half, or the first epoch, is not counted",
            "Forebay and its former clock by `forebay simulate`, the others by " + _PEER,
        ),
    )


def _zipf(catalogue: int, count: int) -> list[int]:
    chance = random.Random(12)
    weights = list(itertools.accumulate(1 / rank for rank in range(1, catalogue + 1)))
    names = list(range(catalogue))
    chance.shuffle(names)
    return [names[bisect_left(weights, chance.random() * weights[-1])] for _ in range(count)]


def _with_scans(numbers: list[int], catalogue: int) -> list[int]:
    """Read a fifth of the catalogue anew, once, after as many requests as the catalogue has."""
    scanned = itertools.count(_SCANNED)
    mixed: list[int] = []
    for start in range(0, len(numbers), catalogue):
        mixed += numbers[start : start + catalogue]
        mixed += itertools.islice(scanned, catalogue // 5)
    return mixed


def _epochs(count: int) -> list[int]:
    chance, order, numbers = random.Random(7), list(range(count)), []
    for _ in range(_EPOCHS):
        chance.shuffle(order)
        numbers += order
    return numbers


def _public() -> list[_Trace]:
    path = os.environ.get(_PUBLIC)
    if not path:
        return []
    names = Path(path).read_text().split()
    known = {name: number for number, name in enumerate(dict.fromkeys(names))}
    numbers, capacity = [known[name] for name in names], len(known) // 10
    return [_Trace(f"public, {Path(path).name}", numbers, capacity, len(numbers) // 4)]


def _compared(place: Workplace, trace: _Trace) -> dict[str, float]:
    ours = _simulated(place, trace)
    return {"Forebay": ours["s3-fifo"], "clock": ours["clock"], **_peers(trace)}


def _simulated(place: Workplace, trace: _Trace) -> dict[str, float]:
    """Return the hit ratios by `forebay simulate`, of what no scan reads."""
    requests, settings = place.folder / "trace.csv", place.folder / "simulate.toml"
    lines = (f"{at / 1000},{number},{_OBJECT_BYTES}\n" for at, number in enumerate(trace.numbers))
    requests.write_text("".join(lines))
    settings.write_text(trace.settings)
    command = [sys.executable, "-m", "gateway", "simulate", "--trace", str(requests), "--json"]
    command += ["--config", str(settings), "--size", f"{trace.capacity * _OBJECT_BYTES}"]
    command += ["--policy", "s3-fifo", "clock", "--warm-up", str(trace.warm_up)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: list[dict[str, Any]] = json.loads(done.stdout)
    counted = sum(number < _SCANNED for number in trace.numbers[trace.warm_up :])
    return {one["policy"]: one["hits"] / counted for one in found}


def _peers(trace: _Trace) -> dict[str, float]:
    script = Path(__file__).with_name("hit_ratio_peers.py")
    command = [str(_python()), str(script), str(trace.capacity), str(trace.warm_up), str(_SCANNED)]
    said = "\n".join(map(str, trace.numbers))
    done = subprocess.run(command, check=True, capture_output=True, text=True, input=said)
    ratios: dict[str, float] = json.loads(done.stdout)
    return ratios


def _python() -> Path:
    """Return the interpreter that has libCacheSim; raises CalledProcessError."""
    folder = os.environ.get("FOREBAY_TEST_HIT_RATIO_FOLDER")
    environment = Path(folder or Path.home() / ".cache/forebay/hit-ratio") / "environment"
    stamp = environment / "forebay-packages.txt"
    if not stamp.exists() or stamp.read_text() != _PEER:
        venv.create(environment, clear=True, with_pip=True)
        pip = [str(environment / "bin/python"), "-m", "pip", "install", "--quiet"]
        subprocess.run([*pip, "--disable-pip-version-check", _PEER], check=True)
        stamp.write_text(_PEER)
    return environment / "bin/python"
