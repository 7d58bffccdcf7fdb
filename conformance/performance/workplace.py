"""What a measurement is given: a folder, a measure of patience, and its origin with objects."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from conformance.performance.origins import MIB, Server, make_bucket, running_versitygw
from gateway.demo.shaped import Shaped, running_shaped

GIB = 1024 * MIB
GATEWAY_CORE, LOAD_CORE = 0, 1


@dataclass(frozen=True, slots=True)
class Workplace:
    """The folder of one measurement and how thorough it is to be."""

    folder: Path
    is_quick: bool

    def scaled(self, whole: int, quick: int) -> int:
        """Return the full amount of work, or that of a quick look."""
        return quick if self.is_quick else whole

    @property
    def objects(self) -> Path:
        """Return the folder whose folders are versitygw's buckets."""
        return self.folder / "objects"


@dataclass(frozen=True, slots=True)
class ShapedOrigin(Server):
    """versitygw behind 30 ms and 33 MB/s a connection, with counters."""

    shape: Shaped | None = None

    def reset(self) -> None:
        """Count from zero."""
        assert self.shape is not None
        self.shape.reset()

    def requests(self) -> dict[str, int]:
        """Return requests by method since the reset."""
        assert self.shape is not None
        return dict(self.shape.counters()["requests"])

    def body_bytes(self) -> int:
        """Return the bytes of answers' bodies since the reset."""
        assert self.shape is not None
        return sum(self.shape.counters()["response_body_bytes"].values())


@contextmanager
def workplace(*, is_quick: bool) -> Iterator[Workplace]:
    """Make a folder beside the system's temporary ones, and remove it with all that is in it."""
    folder = Path(tempfile.mkdtemp(prefix="forebay-performance-"))
    try:
        (folder / "objects").mkdir()
        yield Workplace(folder, is_quick)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def bare_origin(place: Workplace, *, core: int | None = None) -> Iterator[Server]:
    """Run versitygw with an empty bucket."""
    with running_versitygw(place.objects, core=core) as server:
        make_bucket(server.endpoint)
        yield server


@contextmanager
def shaped_origin(bare: Server) -> Iterator[ShapedOrigin]:
    """Put the cloud between a client and `bare`: 30 ms, 33 MB/s a connection, LIST 50 ms."""
    with running_shaped(bare.port, rtt_ms=30, mbps=33, list_ms=50) as shape:
        yield ShapedOrigin(shape.port, shape=shape)
