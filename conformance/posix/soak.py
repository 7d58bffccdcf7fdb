"""Minutes of files under faults (row E6): eight processes, a thousand files each, 2 % of requests.

Each process knows what its files hold. A call may fail with an errno (it is counted); what a file
shows afterwards must be its old or its new content, and once a call has succeeded only that. A read
that differs is a wrong byte; a call that takes longer than the bound is a hang.
"""

import argparse
import hashlib
import json
import random
import subprocess
import sys
import time
from pathlib import Path

from conformance.posix.mounts import mounted
from conformance.posix.results import Row
from conformance.posix.stage import staged
from gateway.demo.shaping_faults import FaultRule

_PROCESSES = 8
_FILES = 1000
_CALL_SECONDS_MAX = 90.0
_SIZE_MAX = 60_000
_GROWTH_MAX = 1.2
_FAULTS = (
    FaultRule("error", status=503, probability=0.01),
    FaultRule("reset", probability=0.01, after_bytes=0),
)


def soak(origin: str, folder: Path, seconds: float, mounter: str = "forebay") -> Row:
    """Run the crowd for so long, and compare memory at the end with the middle's."""
    with (
        staged(origin, is_shaped=True) as stage,
        mounted(mounter, stage, "soak", folder) as mount,
    ):
        assert stage.shaped is not None
        stage.shaped.spoil(_FAULTS)
        command = [sys.executable, "-m", "conformance.posix.soak", "--seconds", str(seconds)]
        crowd = [
            subprocess.Popen(
                [*command, "--at", str(mount.path / f"p{number}"), "--seed", str(number)],
                stdout=subprocess.PIPE,
                text=True,
            )
            for number in range(_PROCESSES)
        ]
        memory = []
        deadline = time.monotonic() + seconds + 4 * _CALL_SECONDS_MAX
        while any(one.poll() is None for one in crowd) and time.monotonic() < deadline:
            memory.append(mount.memory_bytes())
            time.sleep(1)
        hung = [one for one in crowd if one.poll() is None]
        for one in hung:
            one.kill()
        told = [json.loads(one.communicate()[0] or "{}") for one in crowd]
    return _judged(told, memory, len(hung), mounter)


def _judged(told: list[dict[str, object]], memory: list[int], hung: int, mounter: str) -> Row:
    failures = [str(words) for one in told for words in one.get("wrong", [])]  # type: ignore[attr-defined]
    if hung or any(not one for one in told):
        failures.append(f"{hung} processes hung, {sum(not one for one in told)} said nothing")
    middle, end = memory[len(memory) // 2], memory[-1]
    if end > middle * _GROWTH_MAX:
        failures.append(f"memory grew from {middle >> 20} to {end >> 20} MiB after the middle")
    figures = {
        name: sum(int(one.get(name, 0)) for one in told)  # type: ignore[call-overload]
        for name in ("calls", "refused", "read", "written")
    }
    slowest = max((float(one.get("slowest", 0)) for one in told), default=0.0)  # type: ignore[arg-type]
    more = {"slowest s": slowest, "RSS middle MiB": middle >> 20, "RSS end MiB": end >> 20}
    return Row("soak", "8 processes under faults", {**figures, **more}, failures, mounter=mounter)


class Member:
    """One process of the crowd."""

    def __init__(self, at: Path, seed: int) -> None:
        self.at = at
        self.chance = random.Random(seed)
        self.may_be: dict[str, set[bytes | None]] = {}
        """What each file may hold, by digest; None: it may be absent."""
        self.told: dict[str, object] = {"calls": 0, "refused": 0, "read": 0, "written": 0}
        self.wrong: list[str] = []
        self.slowest = 0.0

    def live(self, seconds: float) -> None:
        """Do things until the time is over."""
        until = time.monotonic() + seconds
        while not self.at.is_dir() and time.monotonic() < until:
            self._try(self.at.mkdir)
        acts = (self.write, self.write, self.read, self.read, self.read, self.remove, self.move)
        while time.monotonic() < until:
            self.chance.choice(acts)()
        self.told |= {"wrong": self.wrong[:20], "slowest": self.slowest}

    def write(self) -> None:
        """Write a file anew."""
        name = self._any_name()
        body = self.chance.randbytes(self.chance.randrange(_SIZE_MAX))

        def work() -> None:
            (self.at / name).write_bytes(body)

        self._change({name: hashlib.sha256(body).digest()}, work)
        self._count("written")

    def read(self) -> None:
        """Read a file and hold it against what it may be."""
        name, found = self._any_name(), []

        def work() -> None:
            found.append((self.at / name).read_bytes())

        failure = self._try(work)
        digest = hashlib.sha256(found[0]).digest() if found else None
        if failure is not None and not isinstance(failure, FileNotFoundError):
            return
        if digest not in self.may_be.get(name, {None}):
            self.wrong.append(f"{self.at.name}/{name}: {len(found[0]) if found else 'absent'}")
        else:
            self.may_be[name] = {digest}
        self._count("read")

    def remove(self) -> None:
        """Remove a file."""
        name = self._any_name()
        if None not in self.may_be.get(name, {None}):
            self._change({name: None}, (self.at / name).unlink)

    def move(self) -> None:
        """Rename a file over another."""
        source, target = self._any_name(), self._any_name()
        held = self.may_be.get(source, {None})
        if source == target or len(held) != 1 or None in held:
            return
        (digest,) = held
        wanted = {source: None, target: digest}
        self._change(wanted, lambda: (self.at / source).rename(self.at / target))

    def _change(self, wanted: dict[str, bytes | None], work: object) -> None:
        """Do a change: done, it is what is wanted; refused, it may be either."""
        failure = self._try(work)
        for name, digest in wanted.items():
            held = self.may_be.get(name, {None})
            self.may_be[name] = {digest} if failure is None else held | {digest}

    def _try(self, work: object) -> OSError | None:
        began = time.monotonic()
        self._count("calls")
        try:
            work()  # type: ignore[operator]
        except OSError as failure:
            self._count("refused", not isinstance(failure, FileNotFoundError))
            return failure
        finally:
            took = time.monotonic() - began
            self.slowest = max(self.slowest, took)
            if took > _CALL_SECONDS_MAX:
                self.wrong.append(f"a call took {took:.0f} s")
        return None

    def _count(self, what: str, one: int = 1) -> None:
        self.told[what] = int(self.told[what]) + one  # type: ignore[call-overload]

    def _any_name(self) -> str:
        return f"f{self.chance.randrange(_FILES):04d}"


def main() -> None:
    """Be one process of the crowd."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--at", type=Path, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    chosen = parser.parse_args()
    member = Member(chosen.at, chosen.seed)
    member.live(chosen.seconds)
    sys.stdout.write(json.dumps(member.told))


if __name__ == "__main__":
    main()
