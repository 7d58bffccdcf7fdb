"""The trials of row D3: a process that moves is killed, and what is found after it recovered.

The tests run them small, `conformance/run.py moves` long. A verdict is `completed`, `undone`, or a
sentence that says what is wrong.
"""

import asyncio
import os
import random
import signal
import sys
import time
from asyncio.subprocess import PIPE, Process
from dataclasses import dataclass, replace
from pathlib import Path

from gateway.demo.origin import EmbeddedOrigin
from tests.simulation.trials import Result
from tests.support.moves import BUCKET, fill

ROOT = Path(__file__).parents[2]
_SECONDS_MAX = 120.0
Shown = dict[str, tuple[bytes, tuple[tuple[str, str], ...]]]


@dataclass(frozen=True)
class Kill:
    """One kill: what is done meanwhile, and when it strikes."""

    what: str
    step: int = 0
    """The call to the origin or the journal at which the process kills itself; 0: by `share`."""
    is_after: bool = False
    share: float = 0.0
    """Of the time that it takes undisturbed, which is `seconds`."""
    seconds: float = 0.0

    @property
    def when(self) -> str:
        """Return when it strikes, in words."""
        if self.step:
            return f"{'after' if self.is_after else 'before'} step {self.step}"
        return f"at {self.share:.0%} of its time"


def chosen_kills(count: int, steps_max: int, seed: int) -> list[Kill]:
    """Return so many kills, of renames and deletions in turn, at steps and at random moments."""
    dice = random.Random(seed)
    kills = []
    for number in range(count):
        what = "rename" if number % 3 else "remove"
        if number % 2:
            most = steps_max if what == "rename" else 8
            kills.append(Kill(what, dice.randint(3, most), dice.random() < 0.5))
        else:
            kills.append(Kill(what, share=dice.uniform(0.05, 0.95)))
    return kills


def found_under(origin: EmbeddedOrigin, prefix: str) -> Shown:
    """Return bytes and headers of all under a prefix, by the rest of the key."""
    held = origin.store.get_bucket(BUCKET)
    return {
        key[len(prefix) :]: (
            origin.read(BUCKET, key),
            tuple(sorted(origin.store.get_version(BUCKET, key).headers.items())),
        )
        for key in list(held.keys)
        if key.startswith(prefix) and held.is_visible(key)
    }


def wipe(origin: EmbeddedOrigin) -> None:
    """Leave nothing in the bucket."""
    for key in list(origin.store.get_bucket(BUCKET).keys):
        origin.delete(BUCKET, key)


async def started(endpoint: str, folder: Path, *words: str) -> Process:
    """Start a process with a tree, and wait until it begins."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "tests.support.tree_process", endpoint, str(folder), *words),
        cwd=ROOT,
        stdout=PIPE,
        stderr=PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert process.stdout is not None
    line = await asyncio.wait_for(process.stdout.readline(), _SECONDS_MAX)
    if line != b"begun\n":
        _, error = await process.communicate()
        raise AssertionError(f"it did not begin: {error.decode()[-2000:]}")
    return process


async def finished(process: Process) -> float:
    """Wait until a process has done what it was to do; return how long it took."""
    said, error = await asyncio.wait_for(process.communicate(), _SECONDS_MAX)
    if process.returncode:
        raise AssertionError(f"exit {process.returncode}: {error.decode()[-2000:]}")
    return float(said.split()[-1])


async def whole_time(
    origin: EmbeddedOrigin, endpoint: str, folder: Path, what: str, files: int
) -> float:
    """Return how long it takes undisturbed, and prove that it is done."""
    wipe(origin)
    fill(origin, "a/", files)
    there = found_under(origin, "a/")
    words = (what, "a", "b") if what == "rename" else (what, "a")
    seconds = await finished(await started(endpoint, folder, *words))
    wanted = there if what == "rename" else {}
    assert (found_under(origin, "a/"), found_under(origin, "b/")) == ({}, wanted)
    return seconds


async def strike(
    origin: EmbeddedOrigin, endpoint: str, folder: Path, kill: Kill, files: int
) -> str:
    """Kill once, recover, and return the verdict."""
    wipe(origin)
    fill(origin, "a/", files)
    there = found_under(origin, "a/")
    words = [kill.what, "a"] + ["b"] * (kill.what == "rename")
    if kill.step:
        words += [str(kill.step), "after" if kill.is_after else "before"]
    process = await started(endpoint, folder, *words)
    if not kill.step:
        await asyncio.sleep(kill.share * kill.seconds)
        if process.returncode is None:
            process.send_signal(signal.SIGKILL)
    await asyncio.wait_for(process.wait(), _SECONDS_MAX)
    await finished(await started(endpoint, folder, "recover"))
    return verdict(kill.what, there, found_under(origin, "a/"), found_under(origin, "b/"))


def verdict(what: str, there: Shown, source: Shown, target: Shown) -> str:
    """Return what became of a move: all of it is here, or all of it is there."""
    if source == there and not target:
        return "undone"
    if not source and target == (there if what == "rename" else {}):
        return "completed"
    lost = there.keys() - source.keys() - target.keys() if what == "rename" else set()
    both = source.keys() & target.keys()
    changed = [key for key in there if key in target and target[key] != there[key]]
    return (
        f"{len(source)} at the source and {len(target)} at the target of {len(there)}: "
        f"{len(lost)} lost, {len(both)} at both, {len(changed)} with other bytes or attributes"
    )


async def kill_movers(
    origin: EmbeddedOrigin, endpoint: str, folder: Path, kills: list[Kill], files: int
) -> Result:
    """Kill a mover each time, and hold what is found after recovery."""
    origin.make_bucket(BUCKET)
    times = {
        what: await whole_time(origin, endpoint, folder, what, files)
        for what in ("rename", "remove")
    }
    result = Result("kill -9 of a process that moves")
    ends = {"undone": 0, "completed": 0}
    for number, kill in enumerate(kills, 1):
        timed = replace(kill, seconds=times[kill.what])
        said = await strike(origin, endpoint, folder, timed, files)
        result.requests += 1
        if said in ends:
            ends[said] += 1
        else:
            result.failures.append(f"{kill.what} {kill.when}: {said}")
        result.figures[f"kill {number}"] = f"{kill.what} {kill.when}: {said}"
    result.figures |= ends
    return result


async def timed_rename(
    origin: EmbeddedOrigin, endpoint: str, folder: Path, files: int, seconds_max: float
) -> Result:
    """Rename a directory of so many files and hold how long it takes."""
    origin.make_bucket(BUCKET)
    began = time.monotonic()
    seconds = await whole_time(origin, endpoint, folder, "rename", files)
    result = Result(f"rename of a directory of {files} files", 1)
    result.figures = {"seconds": seconds, "with its process": round(time.monotonic() - began, 1)}
    if seconds > seconds_max:
        result.failures.append(f"it took {seconds} s, and {seconds_max} s are wanted")
    return result
