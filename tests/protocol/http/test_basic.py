"""HTTP Basic: the pair in the header, and no word of the secret anywhere else."""

from base64 import b64encode

import pytest
from multidict import CIMultiDict, CIMultiDictProxy

from gateway.model.failures import InvalidRequest
from gateway.protocol.http.basic import Pair, has_basic, read_basic
from gateway.protocol.http.head import RequestHead


def head(authorization=None) -> RequestHead:
    headers = {} if authorization is None else {"Authorization": authorization}
    return RequestHead("GET", "/", "", CIMultiDictProxy(CIMultiDict(headers)))


def encoded(text: str) -> str:
    return b64encode(text.encode()).decode()


@pytest.mark.parametrize("scheme", ["Basic", "basic", "BASIC "])
@pytest.mark.parametrize(
    ("text", "pair"),
    [
        ("key:secret", Pair("key", "secret")),
        ("key:se:cr:et", Pair("key", "se:cr:et")),
        ("key:", Pair("key", "")),
        ("kéy:sécret", Pair("kéy", "sécret")),
    ],
)
def test_the_pair_is_what_stands_around_the_first_colon(scheme, text, pair):
    found = read_basic(head(f"{scheme} {encoded(text)}"))
    assert found == pair


@pytest.mark.parametrize("authorization", [None, "", "Negotiate YII=", "AWS4-HMAC-SHA256 x"])
def test_another_header_is_none(authorization):
    assert read_basic(head(authorization)) is None
    assert not has_basic(head(authorization))


@pytest.mark.parametrize(
    "text",
    ["", "no base64!", encoded("without a colon"), b64encode(b"\xff:\xfe").decode(), "QQ" * 4096],
)
def test_what_cannot_be_read_is_refused(text):
    assert has_basic(head(f"Basic {text}"))
    with pytest.raises(InvalidRequest):
        read_basic(head(f"Basic {text}"))


def test_a_pair_is_shown_without_its_secret():
    assert "hush" not in f"{Pair('key', 'hush')!r} {Pair('key', 'hush')!s}"
