"""kill -9 of the mount at points of write, fsync, close and rename (row E5).

A program writes, syncs, closes and renames files of known content, and says by a pipe what it is
about to do and what was acknowledged. The mount is killed at the n-th of these words, or a moment
after. Mounted again within the bound, every acknowledged file is whole, and what was not
acknowledged is as before or as wanted, never a part. https://man7.org/linux/man-pages/man2/fsync.2.html
"""

import argparse
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

from conformance.posix.mounts import mounted
from conformance.posix.results import Row
from conformance.posix.stage import Stage, staged

_REMOUNT_SECONDS_MAX = 2.0
_ROUNDS = 14
_SIZES = (0, 10, 70_000, 9 << 20)


def kills(origin: str, folder: Path, count: int, mounter: str = "forebay") -> Row:
    """Kill so many times; each failure is one sentence."""
    failures: list[str] = []
    slowest = 0.0
    points: dict[str, int] = {}
    with staged(origin) as stage:
        for number in range(count):
            point, took, wrong = _one(stage, folder, number, mounter)
            points[point] = points.get(point, 0) + 1
            slowest = max(slowest, took)
            failures += [f"kill {number} ({point}): {words}" for words in wrong]
    if slowest > _REMOUNT_SECONDS_MAX:
        failures.append(f"mounting again took {slowest:.1f} s")
    figures = {"kills": count, "slowest mount s": slowest, **points}
    return Row("kills", "kill -9 of the mount", figures, failures, mounter=mounter)


def _one(stage: Stage, folder: Path, number: int, mounter: str) -> tuple[str, float, list[str]]:
    """Kill once: return the point, how long mounting again took, and what was wrong."""
    chance = random.Random(number)
    after = chance.randrange(_ROUNDS * 8)
    prefix, place = f"kill-{number}", folder / f"kill-{number}"
    words: list[str] = []
    with mounted(mounter, stage, prefix, place) as mount:
        at = mount.path / "files"
        at.mkdir()
        command = [sys.executable, "-m", "conformance.posix.kills", str(at), str(number)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as program:
            assert program.stdout is not None
            for line in program.stdout:
                words.append(line.rstrip("\n"))
                if len(words) > after:
                    break
            time.sleep(chance.choice((0.0, 0.0, 0.002, 0.02)))
            mount.kill()
            words += [line.rstrip("\n") for line in program.stdout]
    began = time.monotonic()
    with mounted(mounter, stage, prefix, place) as mount:
        took = time.monotonic() - began
        wrong = list(_differences(mount.path / "files", words))
    last = words[-1].split(" ")
    return f"{last[0]} {last[1]}" if words else "before", took, wrong


def _differences(at: Path, words: list[str]) -> Iterator[str]:
    """Yield what is not as the program's words allow; `may` holds each path's possible digests."""
    may: dict[str, set[str]] = {}
    for line in words:
        stage, _, *rest = line.split(" ")
        wanted = dict(zip(rest[::2], rest[1::2], strict=True))
        for name, digest in wanted.items():
            held = may.setdefault(name, {"-"})
            if stage == "acknowledged":
                may[name] = {digest}
            else:
                held.add(digest)
    for name, held in may.items():
        path = at / name
        digest = _digest(path.read_bytes()) if path.exists() else "-"
        if digest not in held:
            yield f"{name} is {digest}, may be {sorted(held)}"


def _digest(body: bytes) -> str:
    return sha256(body).hexdigest()[:16]


def _say(stage: str, what: str, **wanted: str) -> None:
    flat = " ".join(f"{name} {digest}" for name, digest in wanted.items())
    sys.stdout.write(f"{stage} {what} {flat}".rstrip() + "\n")
    sys.stdout.flush()


def work(at: Path, seed: int) -> None:
    """Write, sync, close and rename until the mount is gone."""
    chance = random.Random(seed)
    for round_ in range(_ROUNDS):
        name, body = f"f{round_ % 5}", chance.randbytes(chance.choice(_SIZES) + round_)
        digest = _digest(body)
        # What fsync acknowledged is durable though the file was not closed yet.
        _say("begun", "write", **{f"{name}.new": digest})
        with (at / f"{name}.new").open("wb", buffering=0) as file:
            for start in range(0, len(body), 1 << 20):
                file.write(body[start : start + (1 << 20)])
            if round_ % 2:
                os.fsync(file.fileno())
                _say("acknowledged", "fsync", **{f"{name}.new": digest})
        _say("acknowledged", "close", **{f"{name}.new": digest})
        _say("begun", "rename", **{f"{name}.new": "-", name: digest})
        (at / f"{name}.new").rename(at / name)
        _say("acknowledged", "rename", **{f"{name}.new": "-", name: digest})
        more = chance.randbytes(100)
        _say("begun", "append", **{name: _digest(body + more)})
        with (at / name).open("ab", buffering=0) as file:
            file.write(more)
        _say("acknowledged", "append", **{name: _digest(body + more)})


def main() -> None:
    """Be the program that is interrupted."""
    parser = argparse.ArgumentParser()
    parser.add_argument("at", type=Path)
    parser.add_argument("seed", type=int)
    chosen = parser.parse_args()
    try:
        work(chosen.at, chosen.seed)
    except OSError as gone:
        sys.stderr.write(f"{gone}\n")


if __name__ == "__main__":
    main()
