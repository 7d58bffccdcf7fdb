"""C7: encrypted flash beside plain flash, and a search of both for what must not be there."""

import mmap
import re
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from secrets import token_bytes

from conformance.performance.asking import link
from conformance.performance.figures import Bar, Outcome, in_turns, ratio_of
from conformance.performance.gateway import running_gateway
from conformance.performance.load import fetch, measure_rate
from conformance.performance.origins import (
    BUCKET,
    MIB,
    Server,
    put_object,
    random_file,
    s3_client,
)
from conformance.performance.workplace import (
    GATEWAY_CORE,
    GIB,
    LOAD_CORE,
    Workplace,
    bare_origin,
)
from gateway.flash.rows import row_key
from gateway.model.names import ObjectName

_LARGE, _SMALL = "warm/a-name-of-a-model", "warm/a-name-of-an-image"
_SMALL_BYTES = 4096
_CLIENTS = 16
_PROBES = 16
_PROBE_BYTES = 16


def warm_reads(place: Workplace) -> Outcome:
    """C7: a warm 1 GiB, and 4 KiB by the thousand, from encrypted flash and from plain."""
    size_bytes = place.scaled(GIB, 256 * MIB)
    with _gateways(place, size_bytes) as servers:

        def stream(server: Server) -> float:
            return size_bytes / 1e6 / fetch(link(server, _LARGE), core=LOAD_CORE).seconds

        def small(server: Server) -> float:
            return measure_rate(
                server,
                _SMALL,
                place.folder,
                clients=_CLIENTS,
                seconds=place.scaled(3, 1),
                core=LOAD_CORE,
            ).requests_per_second

        repetitions = place.scaled(7, 3)
        large = in_turns(repetitions, "MB/s", _trials(servers, stream, "1 GiB"))
        small_gets = in_turns(place.scaled(5, 2), "GET/s", _trials(servers, small, "4 KiB"))
    traces = _traces(place, size_bytes)
    found = {name: _search(place.folder / name / "flash", traces) for name in servers}
    return Outcome(
        "C7",
        f"warm {size_bytes // MIB} MiB by one curl and 4 KiB by {_CLIENTS} clients, `immutable`, "
        "one worker on one core: encrypted flash and plain, in turns",
        (*large.values(), *small_gets.values()),
        (
            Bar("1 GiB, of plain", ratio_of(large, "1 GiB, sealed", "1 GiB, plain"), 0.5),
            Bar("4 KiB, of plain", ratio_of(small_gets, "4 KiB, sealed", "4 KiB, plain")),
            Bar("traces found on encrypted flash", len(found["sealed"]), 0, is_ceiling=True),
            Bar("the same search of plain flash finds", len(found["plain"]), len(traces)),
        ),
        (
            _told(traces),
            *(f"found on encrypted flash: {name}" for name in sorted(found["sealed"])),
            *(
                f"not found on plain flash: {name}"
                for name in sorted(traces.keys() - found["plain"])
            ),
        ),
    )


def _told(traces: Mapping[str, bytes]) -> str:
    words = ", ".join(name for name in traces if not name.startswith("bytes"))
    pieces = f"{_PROBES} pieces of {_PROBE_BYTES} bytes of the body"
    return f"searched in all files and their names: {words}, {pieces}"


def _trials(
    servers: Mapping[str, Server], trial: Callable[[Server], float], what: str
) -> dict[str, Callable[[], float]]:
    return {f"{what}, {name}": partial(trial, server) for name, server in servers.items()}


@contextmanager
def _gateways(place: Workplace, size_bytes: int) -> Iterator[dict[str, Server]]:
    """Run a gateway on encrypted flash and one on plain, each with both objects, warm."""
    key = {"FOREBAY_FLASH__KEY": b64encode(token_bytes(32)).decode("ascii")}
    with ExitStack() as stack:
        origin = stack.enter_context(bare_origin(place, core=LOAD_CORE))
        put_object(origin.endpoint, _LARGE, size_bytes, place.folder)
        put_object(origin.endpoint, _SMALL, _SMALL_BYTES, place.folder)
        servers: dict[str, Server] = {
            name: stack.enter_context(
                running_gateway(
                    place.folder / name,
                    origin.endpoint,
                    workers=1,
                    freshness="immutable",
                    core=GATEWAY_CORE,
                    environment=environment,
                )
            )
            for name, environment in (("sealed", key), ("plain", {}))
        }
        for server in servers.values():
            for key_name in (_LARGE, _SMALL, _LARGE, _SMALL):
                fetch(link(server, key_name))
        place.folder.joinpath("etag").write_text(
            s3_client(origin.endpoint).head_object(Bucket=BUCKET, Key=_LARGE)["ETag"]
        )
        yield servers


def _traces(place: Workplace, size_bytes: int) -> dict[str, bytes]:
    """Return what would tell that an object is there, and what it is."""
    with random_file(place.folder, size_bytes).open("rb") as file:
        block = file.read(16 * MIB)
    step = len(block) // _PROBES
    probes = {
        f"bytes from {at}": block[at : at + _PROBE_BYTES]
        for at in range(step // 2, len(block), step)
    }
    return {
        "the bucket": BUCKET.encode(),
        "a key": _LARGE.encode(),
        "another key": _SMALL.encode(),
        "an ETag": (place.folder / "etag").read_text().strip('"').encode(),
        "a header": b"Content-Type",
        "the unkeyed hash of a name": row_key(ObjectName(BUCKET, _LARGE)),
        **probes,
    }


def _search(folder: Path, traces: Mapping[str, bytes]) -> set[str]:
    """Return which traces stand in any file of a folder, or in a file's name."""
    found: set[str] = set()
    for path in folder.rglob("*"):
        name = str(path.relative_to(folder)).encode()
        found |= {trace for trace, word in traces.items() if word in name}
        if not path.is_file() or not path.stat().st_size:
            continue
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as kept:
            missing = traces.keys() - found
            found |= {trace for trace in missing if re.search(re.escape(traces[trace]), kept)}
    return found
