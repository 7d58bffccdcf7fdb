"""Warm reads: P1 small objects by the thousand, P3 one large stream, A1 a model file."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial

from conformance.performance.figures import Bar, Outcome, in_turns, ratio_of
from conformance.performance.gateway import running_gateway
from conformance.performance.load import fetch, link, measure_rate
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
    Workplace,
    bare_origin,
    shaped_origin,
)

_SMALL_BYTES = 4096
_CLIENTS = 16
_KEY = "warm/object"
_ALONE = "each server has one core, the load the other; no access log anywhere"


@contextmanager
def _servers(place: Workplace, size_bytes: int, freshness: str) -> Iterator[dict[str, Server]]:
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
        servers = {"Forebay": gateway, "nginx": nginx, "versitygw": origin, "MinIO": minio}
        for server in servers.values():
            for _ in range(2):
                fetch(link(server, _KEY))
        yield servers


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

    with _servers(place, _SMALL_BYTES, "immutable") as servers:
        trials = {name: partial(trial, server) for name, server in servers.items()}
        presigned = partial(trial, servers["Forebay"], is_presigned=True)
        samples = in_turns(place.scaled(7, 2), "GET/s", {**trials, "Forebay, presigned": presigned})
    return Outcome(
        "P1",
        "warm 4 KiB GET, signed, `immutable`, one worker on one core, 16 clients",
        tuple(samples.values()),
        (
            Bar("of nginx static", ratio_of(samples, "Forebay", "nginx"), 0.25),
            Bar("presigned, of nginx", ratio_of(samples, "Forebay, presigned", "nginx")),
            Bar("of versitygw", ratio_of(samples, "Forebay", "versitygw"), 2.0),
            Bar("of MinIO", ratio_of(samples, "Forebay", "MinIO"), 2.0),
        ),
        (
            _ALONE,
            "64 signatures in the header in turn, or one presigned URL",
            "nginx neither verifies nor validates",
        ),
    )


def large_stream(place: Workplace) -> Outcome:
    """P3: how fast 1 GiB leaves as one stream."""
    size_bytes = place.scaled(GIB, 256 * MIB)
    with _servers(place, size_bytes, "strict") as servers:

        def rate(server: Server) -> float:
            return size_bytes / 1e6 / fetch(link(server, _KEY), core=LOAD_CORE).seconds

        trials = {name: partial(rate, server) for name, server in servers.items()}
        samples = in_turns(place.scaled(7, 2), "MB/s", trials)
    return Outcome(
        "P3",
        f"warm {size_bytes // MIB} MiB GET, one curl, `strict`, bare origin",
        tuple(samples.values()),
        (
            Bar("of nginx sendfile", ratio_of(samples, "Forebay", "nginx"), 0.9),
            Bar("of versitygw", ratio_of(samples, "Forebay", "versitygw")),
            Bar("of MinIO", ratio_of(samples, "Forebay", "MinIO")),
        ),
        (_ALONE,),
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
