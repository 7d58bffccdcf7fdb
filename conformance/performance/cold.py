"""Cold reads: P4 one stream, P5 a crowd at random places, A5 a crowd on one object, P7 latency."""

import http.client
import random
from contextlib import ExitStack
from dataclasses import dataclass
from statistics import median
from time import perf_counter
from urllib.parse import urlsplit

from conformance.performance.asking import link
from conformance.performance.figures import Bar, Outcome, Samples, in_turns, ratio_of
from conformance.performance.gateway import Gateway, running_gateway
from conformance.performance.load import fetch, measure_rate, running_curl, take, wait_seconds
from conformance.performance.origins import BUCKET, MIB, Server, put_object, s3_client
from conformance.performance.workplace import (
    GIB,
    Beside,
    ShapedOrigin,
    Workplace,
    bare_origin,
    caches_beside,
    shaped_origin,
)

_CROWD = 64
_RTT_SECONDS = 0.030


def _copies(bare: Server, size_bytes: int, count: int, place: Workplace) -> None:
    """Make objects `cold/0`, `cold/1`, ... of one body each."""
    put_object(bare.endpoint, "cold/0", size_bytes, place.folder)
    client = s3_client(bare.endpoint)
    for number in range(1, count):
        client.copy_object(
            Bucket=BUCKET, Key=f"cold/{number}", CopySource={"Bucket": BUCKET, "Key": "cold/0"}
        )


def one_stream(place: Workplace) -> Outcome:
    """P4: a cold 1 GiB by one plain curl."""
    size_bytes = place.scaled(GIB, 128 * MIB)
    repetitions = place.scaled(2, 1)
    ratios: list[float] = []
    with bare_origin(place) as bare, shaped_origin(bare) as origin:
        _copies(bare, size_bytes, repetitions, place)
        with (
            running_gateway(place.folder / "gateway", origin.endpoint) as gateway,
            caches_beside(place, origin) as beside,
        ):
            untouched = iter(range(repetitions))

            def cold() -> float:
                origin.reset()
                taken = fetch(link(gateway, f"cold/{next(untouched)}"))
                assert taken.bytes == size_bytes
                ratios.append(origin.body_bytes() / size_bytes)
                return taken.seconds

            samples = in_turns(
                repetitions,
                "s",
                {"direct": lambda: fetch(link(origin, "cold/0")).seconds, "Forebay": cold},
            )
            peers = _peers_cold(beside, origin, size_bytes)
    return Outcome(
        "P4",
        f"cold {size_bytes // MIB} MiB GET, one plain curl, `strict`, shaped origin, 2 workers",
        (*samples.values(), *(Samples(name, "s", (one.seconds,)) for name, one in peers.items())),
        (
            Bar("times direct", ratio_of(samples, "direct", "Forebay"), 6.0),
            Bar("origin body bytes / object", max(ratios), 1.02, is_ceiling=True),
            *(
                Bar(f"{name}: origin body bytes / object", one.origin_bytes / size_bytes)
                for name, one in peers.items()
            ),
        ),
        tuple(beside.notes),
    )


@dataclass(frozen=True, slots=True)
class _Cold:
    """A cache's first reading."""

    seconds: float
    origin_bytes: int


def _peers_cold(beside: Beside, origin: ShapedOrigin, size_bytes: int) -> dict[str, _Cold]:
    """Return what a cold read takes through each cache; once, since each takes half a minute."""
    found = {}
    for name, server in list(beside.servers.items()):
        origin.reset()
        try:
            taken = take(server, "cold/0")
        except RuntimeError as failure:
            beside.leave_out(name, failure)
            continue
        origin.wait_quiet()
        assert taken.bytes == size_bytes
        found[name] = _Cold(taken.seconds, origin.body_bytes())
    return found


def random_starts(place: Workplace) -> Outcome:
    """P5: 16 clients on one cold object, from random places at random times, one of them slow."""
    size_bytes = place.scaled(GIB, 128 * MIB)
    repetitions = place.scaled(3, 1)
    chance = random.Random(5)
    ratios: list[float] = []
    with bare_origin(place) as bare, shaped_origin(bare) as origin:
        _copies(bare, size_bytes, 2 * repetitions, place)
        with running_gateway(place.folder / "gateway", origin.endpoint) as gateway:
            untouched = iter(range(2 * repetitions))

            def alone() -> float:
                return fetch(link(gateway, f"cold/{next(untouched)}")).seconds

            def slowest() -> float:
                origin.reset()
                # Two read all of it, so that all of it is needed; the rest begin anywhere.
                starts = [0, 0] + [chance.randrange(size_bytes) for _ in range(13)]
                seconds = _crowd_seconds(link(gateway, f"cold/{next(untouched)}"), starts, chance)
                ratios.append(origin.body_bytes() / size_bytes)
                return seconds

            trials = {"single cold read": alone, "slowest of 15": slowest}
            samples = in_turns(repetitions, "s", trials)
    times = ratio_of(samples, "slowest of 15", "single cold read")
    return Outcome(
        "P5",
        f"16 clients, one cold {size_bytes // MIB} MiB, random starts, one at 1 MB/s, 2 workers",
        tuple(samples.values()),
        (
            Bar("origin body bytes / object", max(ratios), 1.05, is_ceiling=True),
            Bar("slowest / single cold read", times, 2.0, is_ceiling=True),
        ),
        ("the client at 1 MB/s is ended when the others are done",),
    )


def _crowd_seconds(url: str, starts: list[int], chance: random.Random) -> float:
    """Start a slow client and one at each place within half a second; return the slowest's time."""
    with ExitStack() as stack:
        stack.enter_context(running_curl(url, "--limit-rate", "1M"))
        streams = []
        for start in starts:
            wait_seconds(chance.uniform(0, 1 / len(starts)))
            streams.append(stack.enter_context(running_curl(url, "--range", f"{start}-")))
        return max(stream.wait().seconds for stream in streams)


def crowd(place: Workplace) -> Outcome:
    """A5: 64 clients on one cold object, then on one hot key."""
    size_bytes = place.scaled(256 * MIB, 64 * MIB)
    seconds = place.scaled(5, 2)
    with bare_origin(place) as bare, shaped_origin(bare) as origin:
        _copies(bare, size_bytes, 2, place)
        put_object(bare.endpoint, "hot", 4096, place.folder)
        with running_gateway(place.folder / "gateway", origin.endpoint) as gateway:
            single = fetch(link(gateway, "cold/1")).seconds
            origin.reset()
            url = link(gateway, "cold/0")
            with ExitStack() as stack:
                streams = [stack.enter_context(running_curl(url)) for _ in range(_CROWD)]
                slowest = max(stream.wait().seconds for stream in streams)
            ratio = origin.body_bytes() / size_bytes
            rate, heads = _hot_key(place, gateway, origin, seconds)
    return Outcome(
        "A5",
        f"{_CROWD} clients on one cold {size_bytes // MIB} MiB object, then on one hot key, "
        "`strict`, shaped origin, 2 workers",
        (
            Samples("single cold read", "s", (single,)),
            Samples("slowest of 64", "s", (slowest,)),
            Samples("hot key", "GET/s", (rate,)),
        ),
        (
            Bar("origin body bytes / object", ratio, 1.05, is_ceiling=True),
            Bar("HEADs per round trip", heads, 2.0, is_ceiling=True),
        ),
    )


def _hot_key(
    place: Workplace, gateway: Gateway, origin: ShapedOrigin, seconds: int
) -> tuple[float, float]:
    """Return GET/s of 64 clients on one key, and the origin's HEADs per round trip."""
    fetch(link(gateway, "hot"))
    origin.reset()
    rate = measure_rate(gateway, "hot", place.folder, clients=_CROWD, seconds=seconds, core=None)
    return rate.requests_per_second, origin.requests().get("HEAD", 0) / (seconds / _RTT_SECONDS)


def first_bytes(place: Workplace) -> Outcome:
    """P7: the latency of cold small objects, on connections that are kept."""
    count = place.scaled(200, 40)
    with bare_origin(place) as bare, shaped_origin(bare) as origin:
        for number in range(count):
            put_object(bare.endpoint, f"small/{number}", 4096, place.folder)
        with running_gateway(place.folder / "gateway", origin.endpoint) as gateway:
            put_object(bare.endpoint, "small/first", 4096, place.folder)
            direct, through = _Getter(origin), _Getter(gateway)
            for getter in (direct, through):
                getter.get_ms("small/first")
            numbers = iter(range(count)), iter(range(count))
            samples = in_turns(
                count,
                "ms",
                {
                    "direct": lambda: direct.get_ms(f"small/{next(numbers[0])}"),
                    "Forebay": lambda: through.get_ms(f"small/{next(numbers[1])}"),
                },
            )
            direct.close()
            through.close()
    added = median(samples["Forebay"].values) - median(samples["direct"].values)
    return Outcome(
        "P7",
        f"cold 4 KiB GET, p50 of {count}, `strict`, shaped origin, 2 workers",
        tuple(samples.values()),
        (Bar("p50 over direct, ms", added, 3.0, is_ceiling=True),),
    )


class _Getter:
    """One connection to a server."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)

    def get_ms(self, key: str) -> float:
        """Return how long a GET took, to its last byte."""
        parts = urlsplit(link(self._server, key))
        started = perf_counter()
        self._connection.request("GET", f"{parts.path}?{parts.query}")
        answer = self._connection.getresponse()
        body = answer.read()
        took = (perf_counter() - started) * 1000
        assert (answer.status, len(body)) == (200, 4096), answer.status
        return took

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()
