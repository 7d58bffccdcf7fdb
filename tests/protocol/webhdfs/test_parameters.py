"""Parameters are read as Hadoop reads them, and refused in its words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model.failures import InvalidRequest
from gateway.protocol.webhdfs.operations import OPERATIONS
from gateway.protocol.webhdfs.parameters import (
    PARAMETERS,
    SOURCES_MAX,
    Parameters,
    query_values,
    single_value,
)


def read(name: str, *values: str) -> Parameters:
    return Parameters("DO", [name], {name: values})


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("offset", "abc", 'Failed to parse "abc" as a radix-10 long integer.'),
        ("offset", "", 'Failed to parse "" as a radix-10 long integer.'),
        ("offset", "1_0", 'Failed to parse "1_0" as a radix-10 long integer.'),
        ("offset", "\u0661", 'Failed to parse "\u0661" as a radix-10 long integer.'),
        ("offset", "9" * 19, f'Failed to parse "{"9" * 19}" as a radix-10 long integer.'),
        ("offset", "-1", "Invalid parameter range: offset = -1 < 0"),
        ("buffersize", str(2**31), f'Failed to parse "{2**31}" as a radix-10 int integer.'),
        ("replication", "0", "Invalid parameter range: replication = 0 < 1"),
        ("permission", "8", 'Failed to parse "8" as a radix-8 short integer.'),
        ("permission", "2000", "Invalid parameter range: permission = 2000 > 1777"),
        ("overwrite", "yes", 'Failed to parse "yes" to Boolean.'),
        ("destination", "a", 'Invalid parameter value: destination = "a" is not an absolute path.'),
        ("fsaction", "rw", 'Invalid value: "rw" does not belong to the domain [r-][w-][x-]'),
        ("encoding", "OCT", 'Invalid value: "OCT" is none of [TEXT, HEX, BASE64]'),
        ("flag", "CREATE,X", 'Invalid value: "X" is none of [CREATE, REPLACE]'),
        ("xattr.value", "0xg", 'Invalid value: "0xg" is no value of an attribute'),
    ],
)
def test_what_is_no_value_is_refused_in_hadoops_words(name: str, text: str, words: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        read(name, text)
    assert caught.value.message == f'Invalid value for webhdfs parameter "{name}": {words}'


def test_values_are_read() -> None:
    assert read("offset", "+5").number("offset") == 5
    assert read("permission", "1777").find_number("permission") == 0o1777
    assert read("overwrite", "TRUE").flag("overwrite")
    assert read("renameoptions", "overwrite, NONE").words("renameoptions") == {"OVERWRITE", "NONE"}
    assert read("sources", "/a,/b").texts("sources") == ("/a", "/b")
    assert read("encoding", "hex").find_text("encoding") == "HEX"
    assert read("xattr.value", "0x6869").find_bytes("xattr.value") == b"hi"
    assert read("xattr.value", '"hi"').find_bytes("xattr.value") == b"hi"
    assert read("xattr.value", "0saGk=").find_bytes("xattr.value") == b"hi"
    assert read("xattr.name", "user.a", "user.b").texts("xattr.name") == ("user.a", "user.b")


def test_what_is_absent_or_null_is_the_default() -> None:
    assert read("offset", "null").number("offset") == 0
    assert read("length", "null").find_number("length") is None
    assert read("permission").find_number("permission") is None
    assert read("createparent").flag("createparent")
    assert not read("overwrite").flag("overwrite")


def test_what_must_be_there_is_asked_for() -> None:
    with pytest.raises(InvalidRequest, match="Required param newlength for op: DO"):
        read("newlength").number("newlength")
    with pytest.raises(InvalidRequest, match="Required param destination for op: DO"):
        read("destination").text("destination")


def test_what_stands_twice_with_two_values_is_refused() -> None:
    assert single_value("op", ("OPEN", "OPEN")) == "OPEN"
    with pytest.raises(InvalidRequest, match="more than once"):
        read("offset", "1", "2")


def test_names_are_compared_without_case() -> None:
    assert query_values([("Op", "a"), ("oP", "b"), ("x", "")]) == {"op": ("a", "b"), "x": ("",)}


def test_sources_are_bounded() -> None:
    with pytest.raises(InvalidRequest, match="more than"):
        read("sources", ",".join(["/a"] * (SOURCES_MAX + 1)))


def test_every_operation_names_parameters_that_there_are() -> None:
    for operation in OPERATIONS.values():
        assert set(operation.parameters) <= set(PARAMETERS)


@given(st.sampled_from(sorted(PARAMETERS)), st.text())
def test_any_text_is_a_value_or_is_refused(name: str, text: str) -> None:
    words = ""
    try:
        read(name, text)
    except InvalidRequest as failure:
        words = failure.message
    assert words == "" or words.startswith(f'Invalid value for webhdfs parameter "{name}": ')
