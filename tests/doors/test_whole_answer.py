"""An answer with its body at hand: framing, connection and one write."""

import asyncio

import pytest
from aiohttp import web

from gateway.doors.whole_answer import WholeAnswer
from tests.support.settling import settle_until


class Wire(asyncio.Transport):
    """A client's side of a connection that keeps each write apart."""

    def __init__(self):
        super().__init__()
        self.writes = []
        self.is_closed = False

    def write(self, data):
        self.writes.append(bytes(data))

    def close(self):
        self.is_closed = True

    def is_closing(self):
        return self.is_closed


async def answered(request, *, status=200, headers=None, body=b"body", closes=False):
    async def handler(received):
        answer = WholeAnswer(status, headers or {}, body, closes=closes)
        assert not answer.prepared
        await answer.prepare(received)
        assert answer.prepared
        return answer

    server, wire = web.Server(handler, access_log=None), Wire()
    connection = server()
    connection.connection_made(wire)
    connection.data_received(request)
    await settle_until(lambda: wire.writes and (connection._waiter or wire.is_closed))
    head, _, rest = wire.writes[0].partition(b"\r\n\r\n")
    status_line, *lines = head.decode().split("\r\n")
    connection.connection_lost(None)
    return status_line, dict(line.split(": ", 1) for line in lines), rest, wire


def asked(method="GET", version="1.1", connection=None):
    more = f"Connection: {connection}\r\n" if connection else ""
    return f"{method} /b/k HTTP/{version}\r\nHost: h\r\n{more}\r\n".encode()


async def test_head_and_body_leave_in_one_write():
    status, headers, body, wire = await answered(asked(), headers={"ETag": '"e"'})
    assert len(wire.writes) == 1
    assert (status, body) == ("HTTP/1.1 200 OK", b"body")
    assert headers.pop("Date").endswith(" GMT")
    assert headers == {
        "ETag": '"e"',
        "Content-Length": "4",
        "Content-Type": "application/octet-stream",
    }


async def test_head_gets_the_length_and_no_body():
    _, headers, body, _ = await answered(asked("HEAD"))
    assert (headers["Content-Length"], body) == ("4", b"")


@pytest.mark.parametrize("status", [204, 304])
async def test_what_has_no_body_speaks_of_none(status):
    _, headers, body, _ = await answered(asked(), status=status, body=b"")
    assert "Content-Length" not in headers
    assert body == b""


async def test_an_empty_body_is_said_to_be_empty():
    _, headers, body, _ = await answered(asked(), body=b"")
    assert (headers["Content-Length"], body) == ("0", b"")
    assert "Content-Type" not in headers


@pytest.mark.parametrize(
    ("request_", "closes", "status", "connection"),
    [
        (asked(), False, "HTTP/1.1 200 OK", None),
        (asked(), True, "HTTP/1.1 200 OK", "close"),
        (asked(connection="close"), False, "HTTP/1.1 200 OK", "close"),
        (asked(version="1.0"), False, "HTTP/1.0 200 OK", "close"),
        (asked(version="1.0", connection="keep-alive"), False, "HTTP/1.0 200 OK", "keep-alive"),
    ],
)
async def test_the_connection_stays_where_both_sides_want_it(request_, closes, status, connection):
    found, headers, _, wire = await answered(request_, closes=closes)
    assert (found, headers.get("Connection")) == (status, connection)
    assert wire.is_closed or connection != "close"


async def test_a_header_that_would_split_the_answer_is_never_sent():
    status, headers, _, _ = await answered(asked(), headers={"ETag": "a\r\nSet-Cookie: b"})
    assert status == "HTTP/1.1 500 Internal Server Error"
    assert "Set-Cookie" not in headers
