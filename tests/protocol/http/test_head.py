"""The head of a request: targets split, queries read, nothing normalised."""

import pytest
from multidict import CIMultiDict, CIMultiDictProxy

from gateway.model.failures import InvalidRequest, NotSupported
from gateway.protocol.http.head import (
    RequestHead,
    check_expectation,
    check_transfer_coding,
    is_plainly_framed,
    split_target,
)


def head(query="", **headers):
    return RequestHead("GET", "/b/k", query, CIMultiDictProxy(CIMultiDict(headers)))


@pytest.mark.parametrize(
    ("target", "parts"),
    [
        ("/", ("/", "")),
        ("/b/k?x=1?2", ("/b/k", "x=1?2")),
        ("//b/../k?", ("//b/../k", "")),
        ("/b/http://h/k", ("/b/http://h/k", "")),
        ("http://h:9000/b/k?x", ("/b/k", "x")),
        ("https://h//b/./k", ("//b/./k", "")),
        ("http://h", ("/", "")),
        ("http://h?x=/", ("/", "x=/")),
        ("*", ("*", "")),
    ],
)
def test_targets_in_both_forms(target, parts):
    assert split_target(target) == parts


def test_a_query_is_read_in_order_and_once():
    asked = head("prefix=a%2Bb+c&acl&x=1=2&&x=3&%C3%A9=%20")
    pairs = [("prefix", "a+b c"), ("acl", ""), ("x", "1=2"), ("x", "3"), ("é", " ")]
    assert asked.query_pairs() == pairs
    assert asked.query_pairs() is asked.query_pairs()
    assert asked.query_get("acl") == ""
    assert asked.query_get("x") == "1=2"
    assert asked.query_get("y") is None
    assert asked.query_names() == {"prefix", "acl", "x", "é"}
    assert head().query_names() == set()


@pytest.mark.parametrize("query", ["a=%", "a=%4", "%zz", "a=%ff", "\udcff"])
def test_a_query_that_is_no_utf8_is_refused(query):
    with pytest.raises(InvalidRequest) as caught:
        head(query).query_pairs()
    assert caught.value.code == "InvalidURI"


def test_the_host_is_as_sent():
    assert head(Host="H:80").host == "H:80"
    assert head().host == ""


@pytest.mark.parametrize("expected", ["", " ", "100-continue", "100-Continue"])
def test_an_empty_expectation_expects_nothing(expected):
    check_expectation(head(Expect=expected))


@pytest.mark.parametrize("expected", ["200-ok", "100-continue, other"])
def test_another_expectation_is_refused(expected):
    with pytest.raises(InvalidRequest) as refused:
        check_expectation(head(Expect=expected))
    assert refused.value.code == "ExpectationFailed"


@pytest.mark.parametrize(
    ("coding", "is_plain"),
    [
        (None, True),
        ("chunked", True),
        (" Chunked ", True),
        ("", False),
        ("gzip, chunked", False),
        ("chunked, chunked", False),
        ("identity", False),
    ],
)
def test_only_one_transfer_coding_is_known(coding, is_plain):
    sent = {} if coding is None else {"Transfer-Encoding": coding}
    head = RequestHead("PUT", "/b/k", "", CIMultiDictProxy(CIMultiDict(sent)))
    assert is_plainly_framed(head) == is_plain
    if is_plain:
        check_transfer_coding(head)
        return
    with pytest.raises(NotSupported):
        check_transfer_coding(head)
