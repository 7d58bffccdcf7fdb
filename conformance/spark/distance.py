"""An origin as far away as a cloud's (30 ms, 33 MB/s a connection), and a gateway before it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from conformance.spark.bench import Bench, make_buckets, ways_to
from conformance.spark.program import Way
from conformance.support.servers import Server, running_origin
from gateway.demo.shaped import Shaped, running_shaped
from tests.support.gateway_run import GatewayRun
from tests.support.gateway_settings import ADMIN

_FLASH_BYTES = 4 << 30
_PATIENCE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class FarOrigin:
    """The origin, and what stands between it and everyone."""

    near: Server
    """As witnesses see it."""
    shape: Shaped

    @property
    def far(self) -> Server:
        """Return it as Spark and the gateway see it."""
        return Server(self.shape.port, self.near.access_key, self.near.secret_key)


@contextmanager
def far_origin(bench: Bench) -> Iterator[FarOrigin]:
    """Run the chosen origin with both buckets, behind the proxy."""
    with running_origin(bench.origin) as near:
        make_buckets(near)
        with running_shaped(near.port, rtt_ms=30, mbps=33, list_ms=50, seed=1) as shape:
            yield FarOrigin(near, shape)


@contextmanager
def far_gateway(
    folder: Path,
    origin: FarOrigin,
    rules: Sequence[dict[str, Any]] = (),
    port: int = 0,
    **more: Any,
) -> Iterator[GatewayRun]:
    """Run a gateway of two workers with empty flash; everything is strict unless a rule says."""
    folder.mkdir(parents=True, exist_ok=True)
    far = origin.far
    gateway = GatewayRun(
        folder,
        far.endpoint,
        s3={"listen": f"127.0.0.1:{port}"},
        origin={
            "access_key": far.access_key,
            "secret_key": far.secret_key,
            "patience_seconds": _PATIENCE_SECONDS,
            "read_timeout_seconds": 30,
        },
        flash={"size": _FLASH_BYTES, "chunk_size": 1 << 20},
        rules=list(rules),
        **more,
    )
    gateway.start()
    try:
        yield gateway
    finally:
        gateway.close()


def server_of(gateway: GatewayRun) -> Server:
    """Return where s3a goes through it."""
    return Server(int(gateway.endpoint.rpartition(":")[2]), *ADMIN)


def far_ways(origin: FarOrigin, gateway: GatewayRun) -> dict[str, Way]:
    """Return both sides of the far origin."""
    return ways_to(origin.near, server_of(gateway), origin.far)
