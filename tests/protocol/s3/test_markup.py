"""Writing XML: what is escaped is what XML cannot hold, and the short way says the same."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.protocol.s3.documents import find_document
from gateway.protocol.s3.markup import _ESCAPES, element, escape


@given(st.text())
def test_the_short_way_is_the_long_one(text):
    assert escape(text) == text.translate(_ESCAPES)


@given(st.text(st.characters(exclude_categories=["Cc", "Cs"], exclude_characters="\ufffe\uffff")))
def test_a_reader_finds_what_was_written(text):
    found = find_document(element("A", text).encode())
    assert found is not None
    assert (found.text or "") == text
