"""The demo's client: what it sends is accepted, what comes back is whole or refused in words."""

from collections.abc import Iterator
from functools import partial

import pytest

from gateway.demo.load import Endpoint, LoadConnection, UnexpectedAnswer, ask_in_parallel
from gateway.demo.origin import EmbeddedOrigin
from gateway.demo.origin_calls import Call
from gateway.demo.origin_faults import Fault
from gateway.model.ranges import ByteRange
from tests.support.origins import ACCESS_KEY, SECRET_KEY, threaded_origin


@pytest.fixture
def served() -> Iterator[tuple[EmbeddedOrigin, Endpoint]]:
    with threaded_origin() as origin:
        origin.make_bucket("b")
        yield origin, Endpoint(origin.port, ACCESS_KEY, SECRET_KEY)


Served = tuple[EmbeddedOrigin, Endpoint]


def test_what_is_put_is_got_whole_and_in_spans(served: Served) -> None:
    origin, endpoint = served
    body = bytes(range(256)) * 8192
    with LoadConnection(endpoint) as connection:
        connection.ask("PUT", "/b/odd key+é", {"content-length": str(len(body))}, [body])
        assert origin.read("b", "odd key+é") == body
        assert connection.get("/b/odd key+é") == body
        assert connection.get("/b/odd key+é", ByteRange(255, 257)) == b"\xff\x00"
        connection.head("/b/odd key+é")
    assert origin.counters.requests == {"PUT": 1, "GET": 2, "HEAD": 1}


def test_bodies_come_in_the_order_asked(served: Served) -> None:
    origin, endpoint = served
    for number in range(50):
        origin.put("b", str(number), str(number).encode())
    told: list[int] = []
    asks = [partial(LoadConnection.get, path=f"/b/{number}") for number in range(50)]
    bodies = ask_in_parallel(endpoint, 8, asks, told.append)
    assert bodies == [str(number).encode() for number in range(50)]
    assert sum(told) == sum(len(body) for body in bodies)


def test_a_refusal_is_said(served: Served) -> None:
    with LoadConnection(served[1]) as connection, pytest.raises(UnexpectedAnswer, match="404"):
        connection.get("/b/absent")


def test_a_body_that_breaks_off_is_said(served: Served) -> None:
    origin, endpoint = served
    origin.put("b", "k", b"x" * 1000)

    def truncate(_: Call) -> Fault:
        return Fault(truncate_bytes=10)

    origin.faults.append(truncate)
    with (
        LoadConnection(endpoint) as connection,
        pytest.raises(UnexpectedAnswer, match="10 of 1000"),
    ):
        connection.get("/b/k")
