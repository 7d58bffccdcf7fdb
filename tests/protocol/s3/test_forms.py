"""Forms taken apart: whole, byte by byte, with bytes behind; and what is no form."""

import pytest

from gateway.model.failures import Failure
from gateway.protocol.s3.forms import FormDecoder, form_boundary
from tests.support.form_uploads import BOUNDARY, CONTENT_TYPE, form_body

FILE = b"--" + BOUNDARY.encode() + b"\r\n looks like one \r\n--" + BOUNDARY.encode()[:-1]
FIELDS = {"Key": "a/${filename}", "empty": "", "x": "with\r\nlines"}
FORM = form_body(FIELDS, FILE, filename="q\\\\ü.txt", after={"late": "1"})


@pytest.mark.parametrize("step", [len(FORM), 1, 7, 64])
def test_a_form_gives_its_fields_and_its_file(step: int) -> None:
    decoder = FormDecoder(BOUNDARY.encode())
    file = b"".join(
        piece
        for start in range(0, len(FORM), step)
        for piece in decoder.feed(FORM[start : start + step])
    )
    decoder.finish()
    assert file == FILE
    assert decoder.fields == {"key": "a/${filename}", "empty": "", "x": "with\r\nlines"}
    assert decoder.filename == "q\\ü.txt"


def test_what_stands_behind_the_last_boundary_is_dropped() -> None:
    decoder = FormDecoder(BOUNDARY.encode())
    assert b"".join(decoder.feed(FORM + b"an epilogue")) == FILE
    decoder.finish()


@pytest.mark.parametrize("end", range(1, len(FORM) - 3))
def test_a_form_that_ends_early_is_never_whole(end: int) -> None:
    decoder = FormDecoder(BOUNDARY.encode())
    decoder.feed(FORM[:end])
    with pytest.raises(Failure) as refused:
        decoder.finish()
    assert refused.value.code == "IncompleteBody"


@pytest.mark.parametrize(
    ("form", "code"),
    [
        (b"{}", "MalformedPOSTRequest"),
        (form_body([("a", "1"), ("A", "2")], b""), "InvalidArgument"),
        (form_body({"a": "x" * 21_000}, b""), "MaxPostPreDataLengthExceeded"),
        (form_body({f"a{n}": "" for n in range(300)}, b""), "MaxPostPreDataLengthExceeded"),
        (form_body({"": "unnamed"}, b""), "MalformedPOSTRequest"),
    ],
)
def test_what_is_no_form_is_refused(form: bytes, code: str) -> None:
    decoder = FormDecoder(BOUNDARY.encode())
    with pytest.raises(Failure) as refused:
        decoder.feed(form + b"-" * 8)
    assert refused.value.code == code


@pytest.mark.parametrize("before", [b"\r\npreamble\r\n", b"\r/", b"\n-", b"preamble\r\n"])
@pytest.mark.parametrize("cut", [0, 1, 2, 3, 5])
def test_a_preamble_is_refused_however_the_form_is_cut(before: bytes, cut: int) -> None:
    decoder, body = FormDecoder(BOUNDARY.encode()), before + FORM
    with pytest.raises(Failure) as refused:
        list(map(decoder.feed, (body[:cut], body[cut:])))
    assert refused.value.code == "MalformedPOSTRequest"


@pytest.mark.parametrize("cut", range(6))
def test_empty_lines_before_a_form_are_no_preamble(cut: int) -> None:
    decoder, body = FormDecoder(BOUNDARY.encode()), b"\r\n\r\n" + FORM
    assert b"".join(decoder.feed(body[:cut]) + decoder.feed(body[cut:])) == FILE
    decoder.finish()


def test_a_field_that_is_not_utf_8_is_refused() -> None:
    decoder = FormDecoder(BOUNDARY.encode())
    with pytest.raises(Failure) as refused:
        decoder.feed(form_body({"a": "value"}, b"").replace(b"value", b"\xff\xfe"))
    assert refused.value.code == "MalformedPOSTRequest"


def test_a_form_without_a_file_is_told_so() -> None:
    decoder = FormDecoder(BOUNDARY.encode())
    decoder.feed(form_body({"key": "k"}, None))
    with pytest.raises(Failure) as refused:
        decoder.finish()
    assert refused.value.code == "InvalidArgument"


def test_the_boundary_stands_in_the_content_type() -> None:
    assert form_boundary(CONTENT_TYPE) == BOUNDARY.encode()
    assert form_boundary('Multipart/Form-Data; charset=x; boundary="a b"') == b"a b"


@pytest.mark.parametrize(
    ("content_type", "code"),
    [
        ("", "RequestIsNotMultiPartContent"),
        ("multipart/mixed; boundary=a", "RequestIsNotMultiPartContent"),
        ("multipart/form-data; boundary=", "MalformedPOSTRequest"),
        ("multipart/form-data; boundary=é€", "MalformedPOSTRequest"),
    ],
)
def test_a_content_type_of_no_form_is_refused(content_type: str, code: str) -> None:
    with pytest.raises(Failure) as refused:
        FormDecoder(form_boundary(content_type)).feed(FORM)
    assert refused.value.code == code
