"""Percent-encoding: the canonical spelling of whatever was sent."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.protocol.http.percent import (
    canonical_path,
    canonical_query,
    decode,
    encode_path,
    escape_bare,
)


@given(st.text(st.characters(exclude_categories=("Cs",))))
def test_decode_undoes_encode(text):
    assert decode(encode_path(text)) == text
    assert canonical_path(encode_path(text)) == encode_path(text)


@pytest.mark.parametrize(
    ("sent", "canonical"),
    [
        ("", ""),
        ("acl", "acl="),
        ("b=2&a=1", "a=1&b=2"),
        ("a=2&a=1&a", "a=&a=1&a=2"),
        ("a=b=c", "a=b%3Dc"),
        ("&&a&", "a="),
        ("prefix=a/b", "prefix=a%2Fb"),
        ("prefix=a%2fb", "prefix=a%2Fb"),
        ("prefix=a+b%2Bc%20", "prefix=a%20b%2Bc%20"),
        ("a-b=1&a=2", "a=2&a-b=1"),
        ("x=%ff", "x=%FF"),
        ("\u00e9=\udcff", "%C3%A9=%FF"),
    ],
)
def test_canonical_queries(sent, canonical):
    assert canonical_query(sent) == canonical


@pytest.mark.parametrize(
    ("sent", "canonical"),
    [
        ("/a/../b//c/.", "/a/../b//c/."),
        ("/a+b", "/a%2Bb"),
        ("/a%2fb%7e", "/a%2Fb~".replace("%2F", "/")),
        ("/%ff", "/%FF"),
    ],
)
def test_canonical_paths(sent, canonical):
    assert canonical_path(sent) == canonical


def test_bare_bytes_beyond_ascii_are_escaped_and_no_others():
    line = "GET /a%20é+é?x=\U0001f418 HTTP/1.1\r".encode()
    escaped = escape_bare(line)
    assert escaped == b"GET /a%20%C3%A9+%C3%A9?x=%F0%9F%90%98 HTTP/1.1\r"
    assert escape_bare(escaped) == escaped
