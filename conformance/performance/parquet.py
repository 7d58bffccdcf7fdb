"""P9: what a Parquet reader's small reads at many places cost the origin."""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

from conformance.clients.environments import python_in
from conformance.performance.figures import Bar, Outcome, Samples
from conformance.performance.gateway import running_gateway
from conformance.performance.origins import (
    ACCESS_KEY,
    BUCKET,
    MIB,
    SECRET_KEY,
    Server,
    adopt_object,
)
from conformance.performance.workplace import ShapedOrigin, Workplace, bare_origin, shaped_origin

_PROGRAM = Path(__file__).with_name("parquet_table.py")
_KEY = "tables/noise.parquet"
_GROUP_BYTES = 128 * MIB


@dataclass(frozen=True, slots=True)
class _Touch:
    """What one reading took, and what the origin sent for it."""

    seconds: float
    body_bytes: int


def table(place: Workplace) -> Outcome:
    """P9: the footer of a 1 GiB Parquet file, then two of 128 columns, by pyarrow, twice."""
    groups = place.scaled(8, 2)
    touches: dict[str, _Touch] = {}
    with bare_origin(place) as bare, shaped_origin(bare) as origin:
        path = place.objects / BUCKET / _KEY
        path.parent.mkdir(parents=True)
        _run("write", str(path), str(groups))
        adopt_object(path)
        with running_gateway(place.folder / "gateway", origin.endpoint) as gateway:
            readers = {"direct": origin, "first": gateway, "second": gateway}
            for turn, server in readers.items():
                for what in ("footer", "columns"):
                    touches[f"{what}, {turn}"] = _touch(what, server, origin)
    asked = {what: touches[f"{what}, direct"].body_bytes for what in ("footer", "columns")}
    first = {what: touches[f"{what}, first"].body_bytes for what in asked}
    again = sum(touches[f"{what}, second"].body_bytes for what in asked)
    return Outcome(
        "P9",
        f"footer, then 2 of 128 columns of a {groups * _GROUP_BYTES // MIB} MiB Parquet file, "
        "pyarrow, `strict`, shaped origin, 2 workers",
        tuple(Samples(name, "s", (one.seconds,)) for name, one in touches.items())
        + tuple(Samples(f"{what}, asked", "KiB", (asked[what] / 1024,)) for what in asked),
        (
            _at_most(16, "footer: origin bytes / asked", first["footer"] / asked["footer"]),
            _at_most(16, "first: origin bytes / asked", sum(first.values()) / sum(asked.values())),
            _at_most(0, "second: origin body bytes", again),
        ),
        ("asked is what the same reader took from the origin itself",),
    )


def _at_most(limit: float, what: str, value: float) -> Bar:
    return Bar(what, value, limit, is_ceiling=True)


def _touch(what: str, server: Server, origin: ShapedOrigin) -> _Touch:
    """Read by a new process, so that nothing is known to it; count at the origin."""
    origin.reset()
    endpoint = f"127.0.0.1:{server.port}"
    said = json.loads(_run(what, endpoint, f"{BUCKET}/{_KEY}", ACCESS_KEY, SECRET_KEY))
    return _Touch(said["seconds"], origin.body_bytes())


def _run(*words: str) -> str:
    command = [str(python_in("parquet")), str(_PROGRAM), *words]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout
