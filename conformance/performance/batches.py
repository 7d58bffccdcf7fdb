"""C2: warm strict reads of many keys at an origin that takes few requests."""

import http.client
import os
import random
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial

from conformance.performance.asking import Ask, asks
from conformance.performance.figures import Bar, Outcome, Samples, in_turns, ratio_of
from conformance.performance.gateway import Gateway, running_gateway
from conformance.performance.load import send_requests, wait_seconds
from conformance.performance.origins import BUCKET
from conformance.performance.workplace import GATEWAY_CORE, LOAD_CORE, Workplace
from gateway.demo.child import running_module
from gateway.demo.shaped import Shaped, running_shaped

_OBJECT_BYTES = 4096
_FOLDER_KEYS = 1000
_CLIENTS = 1024
_WARMING_KEYS = 1000
_WARMING_CLIENTS = 16
_PER_SECOND = 200
_LEARNING_SECONDS = 6
_QUIET_SECONDS = 0.2
_BAR = 20.0
_STRONG = {"FOREBAY_ORIGIN__LIST_CONSISTENCY": "strong"}


def many_keys(place: Workplace) -> Outcome:
    """C2: 10,000 distinct warm keys, strict, origin of 200 requests/s: by pages and by HEADs."""
    keys = _keys(place.scaled(10_000, 2000))
    with ExitStack() as stack:
        port = stack.enter_context(_origin(keys))
        shape = stack.enter_context(running_shaped(port, rtt_ms=0, mbps=0, list_ms=0))
        random.Random(1).shuffle(keys)  # as an epoch is read
        gateways = {
            name: stack.enter_context(_gateway(place, shape, is_batching=name == "batched"))
            for name in ("HEAD only", "batched")
        }
        requests = {name: asks(gateway, keys) for name, gateway in gateways.items()}
        for name, gateway in gateways.items():
            _warm(place, gateway, requests[name])
        shape.bound(_PER_SECOND)
        for name, gateway in gateways.items():  # what the origin takes is learnt before it counts
            _rate(place, gateway, requests[name], _LEARNING_SECONDS)
        turns, seconds = place.scaled(5, 2), place.scaled(8, 4)
        counted: dict[str, int] = {}

        def trial(name: str) -> float:
            _wait_quiet(shape)
            rate = _rate(place, gateways[name], requests[name], seconds)
            for label, count in shape.counters()["requests"].items():
                counted[f"{name}, {label}"] = counted.get(f"{name}, {label}", 0) + count
            return rate

        samples = in_turns(turns, "GET/s", {name: partial(trial, name) for name in gateways})
    asked = {label: count / turns / seconds for label, count in sorted(counted.items())}
    return _outcome(len(keys), samples, asked)


def _outcome(count: int, samples: dict[str, Samples], asked: dict[str, float]) -> Outcome:
    return Outcome(
        "C2",
        f"{count:,} warm keys of 4 KiB in random order, {_CLIENTS} clients, signed in the header, "
        f"`strict`, one worker on one core, an origin that takes {_PER_SECOND} requests a second",
        tuple(samples.values()),
        (Bar("batched, times HEAD only", ratio_of(samples, "batched", "HEAD only"), _BAR),),
        (
            "the origin counted, a second: "
            + ", ".join(f"{label} {rate:.0f}" for label, rate in asked.items()),
            "the other core has the embedded origin, the proxy that bounds it, and the load",
        ),
    )


@contextmanager
def _origin(keys: Sequence[str]) -> Iterator[int]:
    """Run the embedded origin with these objects, and yield its port.

    It writes a page of a listing in 3 ms; versitygw and MinIO, which take thirty times that, would
    bound what is measured here.
    """
    arguments = ["--bucket", BUCKET]
    with running_module("gateway.demo.origin", arguments) as child:
        connection = http.client.HTTPConnection("127.0.0.1", child.said["port"])
        for number, key in enumerate(keys):
            body = number.to_bytes(8, "big") * (_OBJECT_BYTES // 8)
            connection.request("PUT", f"/{BUCKET}/{key}", body)
            answer = connection.getresponse()
            answer.read()
            if answer.status != http.client.OK:
                raise RuntimeError(f"the origin answered a PUT with {answer.status}")
        connection.close()
        os.sched_setaffinity(child.process.pid, {LOAD_CORE})
        yield child.said["port"]


def _keys(count: int) -> list[str]:
    """Return the names of a data set, a thousand a folder."""
    return [f"epoch/{one // _FOLDER_KEYS:03}/{one:06}.jpeg" for one in range(count)]


def _wait_quiet(shape: Shaped) -> None:
    """Return once nobody waits for a turn any more, with the counters at zero.

    Questions outlive the clients that left: those of one trial must not take the turns of the next.
    """
    while True:
        shape.reset()
        wait_seconds(_QUIET_SECONDS)
        if not sum(shape.counters()["requests"].values()):
            return


def _gateway(
    place: Workplace, shape: Shaped, *, is_batching: bool
) -> AbstractContextManager[Gateway]:
    said = str(is_batching).lower()
    return running_gateway(
        place.folder / f"batching-{said}",
        shape.endpoint,
        workers=1,
        core=GATEWAY_CORE,
        more=f"batch_validation = {said}\n",
        environment=_STRONG,
    )


def _warm(place: Workplace, gateway: Gateway, requests: Sequence[Ask]) -> None:
    """Read every object, part by part, each in one run that came round."""
    for first in range(0, len(requests), _WARMING_KEYS):
        part = requests[first : first + _WARMING_KEYS]
        seconds = done = 1.0
        while done < 1.5 * len(part):
            done = seconds * _rate(place, gateway, part, int(seconds), clients=_WARMING_CLIENTS)
            seconds += 1


def _rate(
    place: Workplace,
    gateway: Gateway,
    requests: Sequence[Ask],
    seconds: int,
    *,
    clients: int = _CLIENTS,
) -> float:
    rate = send_requests(
        gateway,
        requests,
        place.folder,
        clients=clients,
        seconds=seconds,
        core=LOAD_CORE,
        patience_seconds=30,
    )
    return rate.requests_per_second
