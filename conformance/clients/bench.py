"""The bench that every cell works at, and how it says that something is wrong."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from conformance.clients.client import Client
from conformance.support.raw_s3 import Place, RawS3

MIB = 1024 * 1024
SMALL_BYTES = 5_000
MIDDLE_BYTES = 3 * MIB + 17
LARGE_BYTES = 24 * MIB + 1
RANGE = (1_000_001, 2_500_003)


@dataclass(slots=True)
class Bench:
    """Everything a cell works with; `prefix` keeps the runs of several clients apart."""

    client: Client
    witness: RawS3
    place: Place
    folder: Path
    prefix: str
    seed: int = 0

    def key(self, name: str) -> str:
        """Return a key of this run."""
        return f"{self.prefix}/{name}"

    def content(self, size: int) -> bytes:
        """Return bytes that no other call returns."""
        self.seed += 1
        return random.Random(f"{self.prefix}{self.seed}").randbytes(size)

    def file(self, content: bytes) -> Path:
        """Return a file with this content."""
        path = self.folder / f"upload-{self.seed}.bin"
        path.write_bytes(content)
        return path


class Mismatch(Exception):  # noqa: N818 - it reads as the verdict it is
    """What was read is not what was written."""


def equal(what: str, got: bytes | None, wanted: bytes) -> None:
    """Raise Mismatch unless both have one sha256."""
    if got is None:
        raise Mismatch(f"{what}: there is no object")
    if sha256(got).digest() != sha256(wanted).digest():
        raise Mismatch(f"{what}: {len(got)} bytes {got[:40]!r} instead of {len(wanted)}")


def refused(what: str, words: Sequence[str], ask: Callable[[], object]) -> None:
    """Raise Mismatch unless `ask` raises, and its words hold one of `words`."""
    try:
        seen = ask()
    except Exception as error:
        said = f"{type(error).__name__} {error}".lower()
        if not any(word in said for word in words):
            raise Mismatch(f"{what} was reported as: {said[:200]}") from error
    else:
        raise Mismatch(f"{what} was not refused: {str(seen)[:60]}")


@dataclass(frozen=True, slots=True)
class Cell:
    """One thing to be able to do: the verbs that it needs, and the check."""

    name: str
    verbs: tuple[str, ...]
    check: Callable[[Bench], None]
