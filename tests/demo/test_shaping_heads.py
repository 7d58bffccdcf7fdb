"""What the shaping proxy understands of heads: where the body ends, and what is a LIST."""

import pytest

from gateway.demo.shaping_heads import Framing, read_request, read_response, with_etag


@pytest.mark.parametrize(
    ("lines", "framing"),
    [
        ("Content-Length: 12\r\n", Framing(12)),
        ("content-length:12\r\n", Framing(12)),
        ("Transfer-Encoding: chunked\r\n", Framing(0, is_chunked=True)),
        ("Transfer-Encoding: Chunked\r\nContent-Length: 3\r\n", Framing(0, is_chunked=True)),
        ("x-amz-content-length: 9\r\n", Framing(0)),
        ("", Framing(0)),
    ],
)
def test_a_request_body_is_as_long_as_its_head_says(lines: str, framing: Framing) -> None:
    request = read_request(f"PUT /b/k HTTP/1.1\r\nHost: h\r\n{lines}\r\n".encode())
    assert request.framing == framing
    assert (request.method, request.target) == ("PUT", "/b/k")


@pytest.mark.parametrize(
    ("line", "label"),
    [
        ("GET /b/k", "GET"),
        ("GET /b//k/../x?list-type=2", "GET"),
        ("GET http://h:1/b/k", "GET"),
        ("GET http://h:1/b?prefix=a/b", "LIST"),
        ("GET /b?list-type=2&prefix=a%2Fb", "LIST"),
        ("GET /b/?prefix=x/y", "LIST"),
        ("GET /", "LIST"),
        ("HEAD /b", "HEAD"),
        ("POST /b?delete", "POST"),
    ],
)
def test_a_get_without_a_key_is_a_list(line: str, label: str) -> None:
    assert read_request(f"{line} HTTP/1.1\r\n\r\n".encode()).label == label


@pytest.mark.parametrize(
    ("method", "status", "lines", "framing"),
    [
        ("GET", 200, "Content-Length: 5\r\n", Framing(5)),
        ("HEAD", 200, "Content-Length: 5\r\n", Framing(0)),
        ("GET", 304, "Content-Length: 5\r\n", Framing(0)),
        ("PUT", 100, "", Framing(0)),
        ("DELETE", 204, "", Framing(0)),
        ("GET", 200, "Transfer-Encoding: chunked\r\n", Framing(0, is_chunked=True)),
        ("GET", 200, "", Framing(None)),
    ],
)
def test_an_answers_body_ends_as_rfc_9112_says(
    method: str, status: int, lines: str, framing: Framing
) -> None:
    response = read_response(f"HTTP/1.1 {status} X\r\n{lines}\r\n".encode(), method)
    assert response.framing == framing
    assert response.is_final is (status >= 200)
    assert response.closes is (framing.length is None)


def test_who_says_close_closes() -> None:
    assert read_request(b"GET /b/k HTTP/1.1\r\nConnection: close\r\n\r\n").closes
    assert read_request(b"GET /b/k HTTP/1.0\r\n\r\n").closes
    assert not read_request(b"GET /b/k HTTP/1.1\r\nExpect: 100-continue\r\n\r\n").closes


def test_only_the_etag_is_forged() -> None:
    raw = b'HTTP/1.1 200 OK\r\nx-etag: "a"\r\nETag: "a"\r\nContent-Length: 0\r\n\r\n'
    assert with_etag(raw, '"b"') == raw.replace(b'ETag: "a"', b'ETag: "b"')


@pytest.mark.parametrize("raw", [b"\r\n\r\n", b"GET /\r\n\r\n", b"NOT HTTP\r\n\r\n"])
def test_what_is_no_request_is_refused(raw: bytes) -> None:
    with pytest.raises(ValueError, match="unpack"):
        read_request(raw)
