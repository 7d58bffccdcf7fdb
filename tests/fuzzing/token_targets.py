"""Targets of the file doors' claims: HTTP Basic, delegation tokens, passes."""

from contextlib import suppress
from datetime import UTC, datetime

from gateway.access.delegation import DelegationTokens, Lifetimes
from gateway.doors.webhdfs.passes import PURPOSE, Passed, Passes
from gateway.model.failures import AuthenticationFailed, Failure
from gateway.protocol.http.basic import has_basic, read_basic
from gateway.protocol.webhdfs.tokens import (
    Identifier,
    Token,
    decode_identifier,
    decode_token,
)
from gateway.state.sealing import Prover, Sealer
from tests.fuzzing.target import Target, head_of, text_of

_NOW = datetime(2026, 11, 28, tzinfo=UTC)
_IDENTIFIER = Identifier("ann", "yarn", "", 1764360000000, 1764964800000, 1, -7)
_TOKEN = Token(_IDENTIFIER.encoded(), bytes(32))
_TOKENS = DelegationTokens(None, Prover([bytes(32)], "tokens"), Lifetimes(), lambda: _NOW)
_PASSES = Passes(Sealer([bytes(32)], PURPOSE), lambda: _NOW)
_PASSED = Passed("ann", "ann", "AK", "mark", 1)
_PASS = _PASSES.seal(_PASSED, "CREATE /", 60)


def read_token(raw: bytes) -> None:
    """Take a token's text, and an identifier's bytes; nothing but InvalidToken may come of it."""
    with suppress(AuthenticationFailed):
        token = decode_token(text_of(raw))
        assert decode_token(token.encoded()) == token
    with suppress(AuthenticationFailed):
        identifier = decode_identifier(raw)
        assert decode_identifier(identifier.encoded()) == identifier
    with suppress(AuthenticationFailed):
        _TOKENS.open(text_of(raw))
        raise AssertionError("a token that nobody gave was opened")


def open_pass(raw: bytes) -> None:
    with suppress(AuthenticationFailed):
        assert _PASSES.open(text_of(raw), "CREATE /") == _PASSED


def read_header(raw: bytes) -> None:
    head = head_of(raw)
    with suppress(Failure):
        pair = read_basic(head)
        assert (pair is not None) == has_basic(head)


TARGETS = (
    Target(
        "delegation-token",
        read_token,
        (_TOKEN.encoded().encode(), _IDENTIFIER.encoded(), b"\0\x8f\x80" + bytes(128)),
        b"\x00|\x7f|\x80|\x8f|\x87|\x8c\x80\x00\x00\x00|=|-|_|A",
        2048,
    ),
    Target("pass", open_pass, (_PASS.encode(), _PASS[:-1].encode() + b"="), b"=|-|_|A|\n", 2048),
    Target(
        "basic",
        read_header,
        (
            b"GET / HTTP/1.1\r\nAuthorization: Basic YTpi\r\n\r\n",
            b"GET / HTTP/1.1\r\nAuthorization: basic  YQ==\r\n\r\n",
        ),
        b"Basic |Authorization: |YTpi|:|=|\r\n",
    ),
)
