"""What a measurement is given: a folder, a measure of patience, and its origin with objects."""

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from conformance.performance.caches import Cache
from conformance.performance.origins import MIB, Server, make_bucket, running_versitygw
from gateway.demo.shaped import Shaped, running_shaped

GIB = 1024 * MIB
GATEWAY_CORE, LOAD_CORE = 0, 1
_QUIET_SECONDS = 0.5
_QUIET_SECONDS_MAX = 60.0


@dataclass(frozen=True, slots=True)
class Workplace:
    """The folder of one measurement and how thorough it is to be."""

    folder: Path
    is_quick: bool
    caches: tuple[Cache, ...] = ()
    """What stands beside the gateway where a row compares caches."""

    @property
    def settle_seconds(self) -> int:
        """Return how long after a first reading every cache serves what it keeps."""
        return max((cache.settle_seconds for cache in self.caches), default=0)

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

    def wait_quiet(self) -> None:
        """Return once it has sent nothing for a while: some caches read on behind an answer."""
        sent, until = -1, time.monotonic() + _QUIET_SECONDS_MAX
        while sent != self.body_bytes() and time.monotonic() < until:
            sent = self.body_bytes()
            time.sleep(_QUIET_SECONDS)


@contextmanager
def workplace(*, is_quick: bool, caches: tuple[Cache, ...] = ()) -> Iterator[Workplace]:
    """Make a folder beside the system's temporary ones, and remove it with all that is in it."""
    folder = Path(tempfile.mkdtemp(prefix="forebay-performance-"))
    try:
        (folder / "objects").mkdir()
        yield Workplace(folder, is_quick, caches)
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


@dataclass(slots=True)
class Beside:
    """The caches that run beside the gateway, and what is to be said of each."""

    servers: dict[str, Server] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    """The caches among the servers."""

    @property
    def exits(self) -> dict[str, Callable[[Exception], None]]:
        """Return how each cache is left out where it fails in the middle (see `in_turns`)."""
        return {name: partial(self.leave_out, name) for name in self.names}

    def leave_out(self, name: str, failure: Exception) -> None:
        """Go on without one that does not do the work, and say so."""
        self.servers.pop(name, None)
        reason = (str(failure).splitlines() or [""])[0][:200]
        self.notes.append(f"{name} is left out: {type(failure).__name__}: {reason}")


@contextmanager
def caches_beside(place: Workplace, origin: Server, *, core: int | None = None) -> Iterator[Beside]:
    """Run every cache before `origin`; one that does not start is left out, and it is said."""
    beside = Beside()
    with ExitStack() as stack:
        for cache in place.caches:
            running = cache.running(place.folder / cache.name, origin, core=core)
            try:
                beside.servers[cache.name] = stack.enter_context(running)
            except (OSError, RuntimeError) as failure:
                beside.leave_out(cache.name, failure)
            else:
                beside.names.append(cache.name)
                beside.notes.append(cache.says)
        yield beside
