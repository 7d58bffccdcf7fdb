"""The origin with its objects, the proxy that spoils it, and gateways before them, as processes."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from urllib.request import urlopen

from conformance.patience.crowd import Thing
from gateway.demo.child import running_module
from gateway.demo.shaped import Shaped, running_shaped
from tests.support.gateway_run import GatewayRun
from tests.support.gateway_settings import ADMIN
from tests.support.origins import ACCESS_KEY, SECRET_KEY, s3_client

MIB = 1 << 20
_BUCKET = "bucket"
_SMALL, _SMALL_BYTES = 300, 64 * 1024
_LARGE, _LARGE_BYTES = 24, 4 * MIB
_FLASH_BYTES = 64 * MIB
"""Less than all of it, so that bodies are fetched as long as anyone reads."""
_LINK_SECONDS = 3600


def _contents() -> Iterator[tuple[str, str, bytes]]:
    """Yield size word, key and bytes of every object, the same each time."""
    for number in range(_SMALL):
        yield "small", f"small/{number}", random.Random(number).randbytes(_SMALL_BYTES)
    for number in range(_LARGE):
        yield "large", f"large/{number}", random.Random(-number - 1).randbytes(_LARGE_BYTES)


@contextmanager
def spoiled_origin(folder: Path, seed: int) -> Iterator[Shaped]:
    """Run the embedded origin, filled, behind a proxy of 30 ms and 33 MB/s a connection."""
    folder.mkdir()
    words = ["--access-key", ACCESS_KEY, "--secret-key", SECRET_KEY, "--bucket", _BUCKET]
    with running_module("gateway.demo.origin", [*words, "--dir", str(folder)]) as child:
        port = child.said["port"]
        client = s3_client(f"http://127.0.0.1:{port}")
        for _, key, body in _contents():
            client.put_object(Bucket=_BUCKET, Key=key, Body=body)
        with running_shaped(port, rtt_ms=30, mbps=33, list_ms=50, seed=seed) as shaped:
            yield shaped


@contextmanager
def patient_gateway(folder: Path, origin: Shaped, patience_seconds: float) -> Iterator[GatewayRun]:
    """Run a gateway of two workers with that patience and hedging; everything is strict."""
    folder.mkdir()
    gateway = GatewayRun(
        folder,
        origin.endpoint,
        origin={"patience_seconds": patience_seconds, "hedging": True, "read_timeout_seconds": 30},
        flash={"size": _FLASH_BYTES, "chunk_size": MIB},
        rules=[],
    )
    gateway.start()
    try:
        yield gateway
    finally:
        gateway.close()


def things_of(gateway: GatewayRun) -> dict[str, list[Thing]]:
    """Return what there is to read, signed for the gateway."""
    access_key, secret_key = ADMIN
    client = s3_client(gateway.endpoint, access_key=access_key, secret_key=secret_key)
    found: dict[str, list[Thing]] = {"small": [], "large": []}
    for size, key, body in _contents():
        url = client.generate_presigned_url(
            "get_object", Params={"Bucket": _BUCKET, "Key": key}, ExpiresIn=_LINK_SECONDS
        )
        found[size].append(Thing(url, sha256(body).hexdigest()))
    return found


def counted(gateway: GatewayRun) -> dict[str, float]:
    """Return the gateway's counters, labels summed."""
    with urlopen(f"{gateway.process.admin}/metrics", timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    totals: dict[str, float] = {}
    for line in lines:
        if not line.startswith("#"):
            name, _, value = line.rpartition(" ")
            name = name.partition("{")[0]
            totals[name] = totals.get(name, 0.0) + float(value)
    return totals
