"""The bench that clients of Hadoop and Python work at, and how they prove what they did."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import quote

from conformance.webhdfs.playing import perform
from conformance.webhdfs.steps import OWNER, Step
from conformance.webhdfs.target import Target


class Mismatch(Exception):  # noqa: N818 - it reads as the verdict it is
    """What was read is not what was written."""


class NotHere(Exception):  # noqa: N818 - it reads as the verdict it is
    """The target or the client has no such thing: a reason, not a failure."""


@dataclass(slots=True)
class Bench:
    """A folder of the target for one client, and what really stands there."""

    target: Target
    prefix: str
    """The folder's key, without slashes around it."""
    seed: int = 0

    @property
    def root(self) -> str:
        """Return the folder's path."""
        return f"{self.target.door.root}/{self.prefix}"

    @property
    def folder(self) -> Path:
        """Return a folder for local files."""
        made = self.target.folder / self.prefix
        made.mkdir(parents=True, exist_ok=True)
        return made

    def content(self, size: int) -> bytes:
        """Return bytes that no other call returns."""
        self.seed += 1
        return random.Random(f"{self.prefix}{self.seed}").randbytes(size)

    def local(self, content: bytes, name: str = "") -> Path:
        """Return a local file with this content."""
        path = self.folder / (name or f"local-{self.seed}.bin")
        path.write_bytes(content)
        return path

    def ask(self, method: str, name: str, query: str, body: bytes | None = None) -> Any:
        """Ask by plain HTTP; returns the document, or the body where it is none."""
        step = Step(method, quote(f"{self.root}/{name}"), query, user=OWNER, body=body)
        first, second = perform(self.target.door, self.root, step)
        answer = second or first
        return answer.json() or answer.body

    def make(self, name: str, content: bytes) -> None:
        """Make a file: by S3 at the origin where there is one, else by plain HTTP."""
        if self.target.witness is not None:
            self.target.witness.put(f"{self.prefix}/{name}", content)
        else:
            self.ask("PUT", name, "op=CREATE&overwrite=true", content)

    def status(self, name: str) -> dict[str, Any]:
        """Return the status of a path; raises Mismatch where there is nothing."""
        told = self.ask("GET", name, "op=GETFILESTATUS")
        if not isinstance(told, dict) or "FileStatus" not in told:
            raise Mismatch(f"{name}: {told}")
        status: dict[str, Any] = told["FileStatus"]
        return status

    def is_there(self, name: str) -> bool:
        """Return whether something stands at a path, by WebHDFS and at the origin alike."""
        told = self.ask("GET", name, "op=GETFILESTATUS")
        found = isinstance(told, dict) and "FileStatus" in told
        if self.target.witness is not None:
            key = f"{self.prefix}/{name}"
            keys = self.target.witness.keys(key)
            stands = key in keys or any(one.startswith(f"{key}/") for one in keys)
            if stands is not found:
                raise Mismatch(f"{name}: WebHDFS says {found}, the origin {stands}")
        return found

    def holds(self, name: str, content: bytes) -> None:
        """Raise Mismatch unless a file has this content, by WebHDFS and at the origin alike."""
        equal(f"{name} by WebHDFS", self.ask("GET", name, "op=OPEN"), content)
        if self.target.witness is not None:
            found = self.target.witness.find(f"{self.prefix}/{name}")
            equal(f"{name} at the origin", found, content)


def equal(what: str, got: object, wanted: bytes) -> None:
    """Raise Mismatch unless both have one sha256."""
    if not isinstance(got, bytes):
        raise Mismatch(f"{what}: {str(got)[:200]}")
    if sha256(got).digest() != sha256(wanted).digest():
        raise Mismatch(f"{what}: {len(got)} bytes {got[:40]!r} instead of {len(wanted)}")


def same(what: str, got: object, wanted: object) -> None:
    """Raise Mismatch unless both are equal."""
    if got != wanted:
        raise Mismatch(f"{what}: {str(got)[:200]!r} instead of {str(wanted)[:200]!r}")


def outcome_of(check: Callable[[], object]) -> str:
    """Return '' where a check was content, and what was wrong else."""
    try:
        check()
    except Exception as error:  # noqa: BLE001 - any failure is the outcome
        return f"{type(error).__name__}: {error}"[:600]
    return ""
