"""The shaping proxy as a process: it rewrites nothing, counts everything, fails as told."""

import hashlib
import http.client
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from gateway.demo.origin import EmbeddedOrigin
from gateway.demo.shaped import Shaped, running_shaped
from gateway.demo.shaping_faults import FaultRule
from tests.support.origins import s3_client, threaded_origin
from tests.support.real_origins import RealOrigin

BODY = bytes(range(256)) * 4096
KEY = "odd key/+%//é"


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[EmbeddedOrigin, Shaped]]:
    with (
        threaded_origin() as origin,
        running_shaped(origin.port, rtt_ms=0, mbps=0, list_ms=0) as shaped,
    ):
        origin.make_bucket("b")
        yield origin, shaped


@pytest.fixture
def through(served: tuple[EmbeddedOrigin, Shaped]) -> Iterator[Shaped]:
    origin, shaped = served
    origin.put("b", KEY, BODY)
    shaped.spoil()
    shaped.reset()
    yield shaped
    shaped.spoil()


def test_signed_requests_pass_and_are_counted(through: Shaped) -> None:
    client = s3_client(through.endpoint)
    assert client.get_object(Bucket="b", Key=KEY)["Body"].read() == BODY
    client.head_object(Bucket="b", Key=KEY)
    client.put_object(Bucket="b", Key="new", Body=b"x" * 1000)  # waits for 100 Continue
    client.list_objects_v2(Bucket="b")
    client.delete_object(Bucket="b", Key="new")
    told = through.counters()
    assert told["requests"] == {"GET": 1, "HEAD": 1, "PUT": 1, "LIST": 1, "DELETE": 1}
    assert told["response_body_bytes"]["GET"] == len(BODY)
    assert told["request_body_bytes"] == {"PUT": 1000}
    assert told["connections"] == 1


def test_a_real_origin_accepts_what_was_signed_for_the_proxy(
    strict_origin: RealOrigin, shaped: Callable[..., Shaped]
) -> None:
    through = shaped(strict_origin.port, rtt_ms=1, mbps=500, list_ms=2)
    client = s3_client(
        through.endpoint, access_key=strict_origin.access_key, secret_key=strict_origin.secret_key
    )
    client.create_bucket(Bucket="shaped")
    client.put_object(Bucket="shaped", Key="k", Body=BODY)
    assert client.get_object(Bucket="shaped", Key="k")["Body"].read() == BODY
    assert [row["Key"] for row in client.list_objects_v2(Bucket="shaped")["Contents"]] == ["k"]
    told = through.counters()
    assert told["requests"] == {"PUT": 2, "GET": 1, "LIST": 1}
    assert told["response_body_bytes"]["GET"] == len(BODY)


def test_a_refused_upload_is_answered_though_its_body_never_came(through: Shaped) -> None:
    client = s3_client(through.endpoint)
    with pytest.raises(client.exceptions.NoSuchBucket):
        client.put_object(Bucket="absent", Key="k", Body=BODY)
    assert through.counters()["request_body_bytes"] == {}


def test_heads_pass_byte_for_byte_and_chunked_bodies_too() -> None:
    head = b"PUT /b//a/../%7e?x=+&x= HTTP/1.1\r\nhOsT: h\r\nX-Two: 1\r\nX-Two:  2\r\n"
    sent = head + b"Transfer-Encoding: chunked\r\n\r\n5;ext=1\r\nhello\r\n0\r\nTrailer: t\r\n\r\n"
    back = (
        b"HTTP/1.1 200 Fine\r\nSet-Cookie: a\r\nset-cookie: b\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n"
    )
    with (
        one_answer(back, len(sent)) as (port, got),
        running_shaped(port, rtt_ms=0, mbps=0) as shaped,
    ):
        with socket.create_connection(("127.0.0.1", shaped.port)) as client:
            client.sendall(sent)
            assert receive(client, len(back)) == back
        assert bytes(got) == sent
        told = shaped.counters()
        assert told["request_body_bytes"] == {"PUT": 5}
        assert told["response_body_bytes"] == {"PUT": 7}


def test_a_body_without_a_length_ends_with_its_connection() -> None:
    request = b"GET /b/k HTTP/1.1\r\n\r\n"
    back = b"HTTP/1.1 200 OK\r\n\r\nall there is"
    with (
        one_answer(back, len(request)) as (port, _),
        running_shaped(port, rtt_ms=0, mbps=0) as shaped,
        socket.create_connection(("127.0.0.1", shaped.port)) as client,
    ):
        client.sendall(request)
        assert receive(client, 1 << 20) == back


def test_a_connection_is_kept_for_many_requests(through: Shaped) -> None:
    client = s3_client(through.endpoint)
    for number in range(20):
        client.put_object(Bucket="b", Key=f"many/{number}", Body=b"x" * number)
    assert through.counters()["connections"] == 1


def test_many_connections_at_once_all_get_their_bytes(through: Shaped) -> None:
    client = s3_client(through.endpoint, max_pool_connections=64)
    url = client.generate_presigned_url("get_object", Params={"Bucket": "b", "Key": KEY})
    target = url.removeprefix(through.endpoint)
    digests: list[str] = []

    def get() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", through.port)
        connection.request("GET", target)
        digests.append(hashlib.sha256(connection.getresponse().read()).hexdigest())
        connection.close()

    threads = [threading.Thread(target=get) for _ in range(64)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert digests == [hashlib.sha256(BODY).hexdigest()] * 64
    assert through.counters()["response_body_bytes"] == {"GET": 64 * len(BODY)}


@pytest.mark.parametrize("kind", ["truncate", "reset"])
def test_a_cut_body_ends_at_its_byte(through: Shaped, kind: str) -> None:
    through.spoil([FaultRule(kind, method="GET", after_bytes=5000)])
    with http_get(through) as answer:
        with pytest.raises((http.client.IncompleteRead, ConnectionResetError)) as failed:
            answer.read()
        if kind == "truncate":
            assert failed.value.partial == BODY[:5000]
    assert through.counters()["response_body_bytes"] == {"GET": 5000}
    assert through.counters()["faults"] == {kind: 1}


def test_a_reset_before_the_answer_gives_none(through: Shaped) -> None:
    through.spoil([FaultRule("reset", count=1)])
    with pytest.raises(ConnectionResetError), http_get(through):
        pass
    with http_get(through) as answer:
        assert answer.read() == BODY


def test_an_error_is_told_without_asking_the_origin(
    through: Shaped, served: tuple[EmbeddedOrigin, Shaped]
) -> None:
    through.spoil([FaultRule("error", status=503)])
    served[0].counters.reset()
    with http_get(through) as answer:
        assert answer.status == 503
        assert b"<Code>ServiceUnavailable</Code>" in answer.read()
    assert served[0].counters.requests == {}


@pytest.mark.parametrize("after_bytes", [None, 0, 4096])
def test_a_stall_that_ends_loses_nothing(through: Shaped, after_bytes: int | None) -> None:
    through.spoil([FaultRule("stall", after_bytes=after_bytes, seconds=0.05)])
    with http_get(through) as answer:
        assert answer.read() == BODY


def test_a_wrong_etag_is_told(through: Shaped) -> None:
    through.spoil([FaultRule("etag", etag='"lie"', skip=1)])
    for etag in (f'"{hashlib.md5(BODY).hexdigest()}"', '"lie"'):
        with http_get(through) as answer:
            assert answer.getheader("ETag") == etag
            assert answer.read() == BODY


def test_an_unknown_fault_is_refused_in_words(through: Shaped) -> None:
    with pytest.raises(ValueError, match="unexpected keyword"):
        through._ask("POST", "/faults", '[{"kind": "reset", "often": 3}]')


@contextmanager
def http_get(through: Shaped) -> Iterator[http.client.HTTPResponse]:
    url = s3_client(through.endpoint).generate_presigned_url(
        "get_object", Params={"Bucket": "b", "Key": KEY}
    )
    connection = http.client.HTTPConnection("127.0.0.1", through.port, timeout=30)
    try:
        connection.request("GET", url.removeprefix(through.endpoint))
        yield connection.getresponse()
    finally:
        connection.close()


@contextmanager
def one_answer(back: bytes, wanted_bytes: int) -> Iterator[tuple[int, bytearray]]:
    """Serve one connection: read so many bytes, answer, close; yield port and what was read."""
    got = bytearray()

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            got.extend(receive(connection, wanted_bytes))
            connection.sendall(back)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1], got
        thread.join()


def receive(sock: socket.socket, count: int) -> bytes:
    got = bytearray()
    while len(got) < count and (piece := sock.recv(count - len(got))):
        got += piece
    return bytes(got)
