"""Hits that the origin confirms: P2 one hot key for 64 clients, P13 the first byte of a hit."""

import http.client
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from statistics import median
from time import perf_counter
from urllib.parse import urlsplit

from conformance.performance.asking import link
from conformance.performance.figures import Bar, Outcome, in_turns, ratio_of
from conformance.performance.gateway import Gateway, running_gateway
from conformance.performance.load import measure_rate, take
from conformance.performance.origins import BUCKET, Server, put_object
from conformance.performance.workplace import (
    GATEWAY_CORE,
    LOAD_CORE,
    Workplace,
    bare_origin,
    shaped_origin,
)

_CLIENTS, _OF_P1 = 64, 16
_BYTES = 4096
_RTT_SECONDS = 0.030
_STRICT, _IMMUTABLE = "strict/object", "immutable/object"
_MORE = f"""
[[rules]]
match = "{BUCKET}/immutable/*"
freshness = "immutable"
"""


def hot_key(place: Workplace) -> Outcome:
    """P2: 64 clients on one hot key under `strict`, beside P1's hits that nobody is asked about."""
    seconds = place.scaled(4, 1)
    with bare_origin(place, core=LOAD_CORE) as bare, shaped_origin(bare) as cloud:
        for key in (_STRICT, _IMMUTABLE):
            put_object(bare.endpoint, key, _BYTES, place.folder)

        def rate(gateway: Gateway, key: str, clients: int) -> float:
            return measure_rate(
                gateway, key, place.folder, clients=clients, seconds=seconds, core=LOAD_CORE
            ).requests_per_second

        with _warm_gateway(place, "near", bare) as near:
            samples = in_turns(
                place.scaled(5, 2),
                "GET/s",
                {
                    "strict, 64 clients": partial(rate, near, _STRICT, _CLIENTS),
                    "immutable, 64 clients": partial(rate, near, _IMMUTABLE, _CLIENTS),
                    "immutable, 16 clients": partial(rate, near, _IMMUTABLE, _OF_P1),
                },
            )
        with _warm_gateway(place, "far", cloud) as far:
            cloud.reset()
            rate(far, _STRICT, _CLIENTS)
            heads = cloud.requests().get("HEAD", 0) / (seconds / _RTT_SECONDS)
    return Outcome(
        "P2",
        f"warm 4 KiB GET, signed, `strict`, one worker on one core, {_CLIENTS} clients of one key",
        tuple(samples.values()),
        (
            Bar(
                "of P1's 16 clients",
                ratio_of(samples, "strict, 64 clients", "immutable, 16 clients"),
                0.8,
            ),
            Bar(
                "of 64 clients of `immutable`",
                ratio_of(samples, "strict, 64 clients", "immutable, 64 clients"),
            ),
            Bar("HEADs per round trip", heads, 2.0, is_ceiling=True),
        ),
        (
            "bare origin beside the load; HEADs counted before the shaped one (30 ms a round trip)",
            "every head is new, as an SDK's are",
        ),
    )


@contextmanager
def _warm_gateway(place: Workplace, name: str, origin: Server) -> Iterator[Gateway]:
    """Run a gateway of one worker on its core, with both objects on flash."""
    with running_gateway(
        place.folder / name, origin.endpoint, workers=1, core=GATEWAY_CORE, more=_MORE
    ) as gateway:
        for key in (_STRICT, _IMMUTABLE) * 3:
            take(gateway, key)
        yield gateway


def first_byte(place: Workplace) -> Outcome:
    """P13: the first byte of a strict hit, beside the round trip of its validation."""
    count = place.scaled(200, 40)
    with bare_origin(place) as bare, shaped_origin(bare) as origin:
        put_object(bare.endpoint, _STRICT, _BYTES, place.folder)
        with running_gateway(place.folder / "gateway", origin.endpoint) as gateway:
            for _ in range(3):
                take(gateway, _STRICT)
            direct, through = _Kept(origin), _Kept(gateway)
            samples = in_turns(
                count,
                "ms",
                {
                    "HEAD, direct": lambda: direct.first_byte_ms("HEAD"),
                    "strict hit": lambda: through.first_byte_ms("GET"),
                },
            )
    added = median(samples["strict hit"].values) - median(samples["HEAD, direct"].values)
    return Outcome(
        "P13",
        f"first byte of a warm 4 KiB GET, p50 of {count}, `strict`, shaped origin, 2 workers",
        tuple(samples.values()),
        (Bar("p50 over the validation's round trip, ms", added, 1.0, is_ceiling=True),),
    )


class _Kept:
    """One connection to a server."""

    def __init__(self, server: Server) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
        self._targets = {}
        for method in ("GET", "HEAD"):
            parts = urlsplit(link(server, _STRICT, method))
            self._targets[method] = f"{parts.path}?{parts.query}"

    def first_byte_ms(self, method: str) -> float:
        """Return how long the head of an answer took."""
        started = perf_counter()
        self._connection.request(method, self._targets[method])
        answer = self._connection.getresponse()
        took = (perf_counter() - started) * 1000
        answer.read()
        assert answer.status == 200, answer.status
        return took
