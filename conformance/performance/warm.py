"""Warm reads: P1 small objects by the thousand, P3 one large stream, A1 a model file."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial

from conformance.performance.asking import asks, link
from conformance.performance.figures import Bar, Outcome, Samples, in_turns, ratio_of
from conformance.performance.gateway import running_gateway
from conformance.performance.load import fetch, measure_rate, send_requests, take, wait_seconds
from conformance.performance.origins import (
    MIB,
    Server,
    make_bucket,
    put_object,
    running_minio,
    running_nginx,
)
from conformance.performance.workplace import (
    GATEWAY_CORE,
    GIB,
    LOAD_CORE,
    Beside,
    Workplace,
    bare_origin,
    caches_beside,
    shaped_origin,
)

_SMALL_BYTES = 4096
_CLIENTS = 16
_HEADS = 64
_KEY = "warm/object"
_ALONE = "each server has one core, the load the other; no access log anywhere"


@contextmanager
def _servers(place: Workplace, size_bytes: int, freshness: str) -> Iterator[Beside]:
    """Run everything that is compared on one core, each with the same object, warm."""
    with ExitStack() as stack:
        origin = stack.enter_context(bare_origin(place, core=GATEWAY_CORE))
        minio = stack.enter_context(running_minio(place.folder / "minio", core=GATEWAY_CORE))
        make_bucket(minio.endpoint)
        for server in (origin, minio):
            put_object(server.endpoint, _KEY, size_bytes, place.folder)
        nginx = stack.enter_context(
            running_nginx(place.objects, place.folder / "nginx", core=GATEWAY_CORE)
        )
        gateway = stack.enter_context(
            running_gateway(
                place.folder / "gateway",
                origin.endpoint,
                workers=1,
                freshness=freshness,
                core=GATEWAY_CORE,
            )
        )
        beside = stack.enter_context(caches_beside(place, origin, core=GATEWAY_CORE))
        ours = {"Forebay": gateway, "nginx": nginx, "versitygw": origin, "MinIO": minio}
        _warm(place, ours, beside)
        beside.servers = {**ours, **beside.servers}
        yield beside


def _warm(place: Workplace, ours: Mapping[str, Server], beside: Beside) -> None:
    """Let each have the object; a cache that does not give it warm is left out."""
    for pause, is_last in ((0, False), (place.settle_seconds, False), (0, True)):
        wait_seconds(pause)
        for server in ours.values():
            take(server, _KEY)
        for name, server in list(beside.servers.items()):
            try:
                take(server, _KEY)
            except RuntimeError as failure:
                if is_last:
                    beside.leave_out(name, failure)


def _peer_bars(place: Workplace, samples: dict[str, Samples], least: float | None) -> list[Bar]:
    """Return how the gateway stands to each cache that was measured; a limit has no bar."""
    return [
        Bar(
            f"of {cache.name}",
            ratio_of(samples, "Forebay", cache.name),
            None if cache.is_limit else least,
        )
        for cache in place.caches
        if cache.name in samples
    ]


def small_gets(place: Workplace) -> Outcome:
    """P1: how many 4 KiB objects a second, each request signed anew, or one presigned URL."""
    seconds = place.scaled(4, 1)

    def trial(server: Server, *, is_presigned: bool = False) -> float:
        rate = measure_rate(
            server,
            _KEY,
            place.folder,
            clients=_CLIENTS,
            seconds=seconds,
            core=LOAD_CORE,
            is_presigned=is_presigned,
        )
        return rate.requests_per_second

    with _servers(place, _SMALL_BYTES, "immutable") as beside:
        trials = {name: partial(trial, server) for name, server in beside.servers.items()}
        presigned = partial(trial, beside.servers["Forebay"], is_presigned=True)
        again = partial(_heads_again, place, beside.servers["Forebay"], seconds)
        ours = {"Forebay, presigned": presigned, "Forebay, heads that come again": again}
        samples = in_turns(place.scaled(5, 2), "GET/s", {**trials, **ours})
    return Outcome(
        "P1",
        "warm 4 KiB GET, signed, `immutable`, one worker on one core, 16 clients",
        tuple(samples.values()),
        (
            Bar("of nginx static", ratio_of(samples, "Forebay", "nginx"), 0.25),
            Bar("presigned, of nginx", ratio_of(samples, "Forebay, presigned", "nginx")),
            Bar(
                "heads that come again, of nginx",
                ratio_of(samples, "Forebay, heads that come again", "nginx"),
            ),
            Bar("of versitygw", ratio_of(samples, "Forebay", "versitygw"), 2.0),
            Bar("of MinIO", ratio_of(samples, "Forebay", "MinIO"), 2.0),
            *_peer_bars(place, samples, 2.0),
        ),
        (
            _ALONE,
            "8,192 signed heads in turn, new as an SDK's are; 64 in turn; one presigned URL",
            "nginx neither verifies nor validates",
            *beside.notes,
        ),
    )


def _heads_again(place: Workplace, server: Server, seconds: float) -> float:
    """Return GET/s of 64 signed heads in turn: their proofs are remembered until they expire."""
    requests = asks(server, [_KEY] * _HEADS)
    rate = send_requests(
        server, requests, place.folder, clients=_CLIENTS, seconds=seconds, core=LOAD_CORE
    )
    return rate.requests_per_second


def large_stream(place: Workplace) -> Outcome:
    """P3: how fast 1 GiB leaves as one stream."""
    size_bytes = place.scaled(GIB, 256 * MIB)
    with _servers(place, size_bytes, "strict") as beside:

        def rate(server: Server) -> float:
            return size_bytes / 1e6 / take(server, _KEY, core=LOAD_CORE).seconds

        trials = {name: partial(rate, server) for name, server in beside.servers.items()}
        samples = in_turns(place.scaled(5, 2), "MB/s", trials, beside.exits)
    return Outcome(
        "P3",
        f"warm {size_bytes // MIB} MiB GET, one curl, `strict`, bare origin",
        tuple(samples.values()),
        (
            Bar("of nginx sendfile", ratio_of(samples, "Forebay", "nginx"), 0.9),
            Bar("of versitygw", ratio_of(samples, "Forebay", "versitygw")),
            Bar("of MinIO", ratio_of(samples, "Forebay", "MinIO")),
            *_peer_bars(place, samples, None),
        ),
        (_ALONE, *beside.notes),
    )


def model_file(place: Workplace) -> Outcome:
    """A1: a model file from a cloud bucket, warm and cold."""
    size_bytes = place.scaled(256 * MIB, 64 * MIB)
    repetitions = place.scaled(3, 1)
    with bare_origin(place) as bare, shaped_origin(bare) as origin:
        for number in range(repetitions):
            put_object(bare.endpoint, f"cold/{number}", size_bytes, place.folder)
        put_object(bare.endpoint, _KEY, size_bytes, place.folder)
        with running_gateway(place.folder / "gateway", origin.endpoint) as gateway:
            for _ in range(3):
                fetch(link(gateway, _KEY))
            untouched = iter(range(repetitions))
            samples = in_turns(
                repetitions,
                "s",
                {
                    "direct": lambda: fetch(link(origin, _KEY)).seconds,
                    "cold": lambda: fetch(link(gateway, f"cold/{next(untouched)}")).seconds,
                    "warm": lambda: fetch(link(gateway, _KEY)).seconds,
                },
            )
    return Outcome(
        "A1",
        f"a model file of {size_bytes // MIB} MiB, one curl, `strict`, shaped origin, 2 workers",
        tuple(samples.values()),
        (
            Bar("warm, times direct", ratio_of(samples, "direct", "warm"), 10.0),
            Bar("cold, times direct", ratio_of(samples, "direct", "cold")),
        ),
    )
