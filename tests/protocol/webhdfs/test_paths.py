"""Paths are byte-exact; what could be read in two ways is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model.failures import InvalidRequest
from gateway.protocol.webhdfs.paths import find_path, target_of

part = st.text(st.characters(blacklist_characters="/\0", blacklist_categories=["Cs"]), min_size=1)


@pytest.mark.parametrize(
    ("raw", "path"),
    [
        ("/webhdfs/v1", "/"),
        ("/webhdfs/v1/", "/"),
        ("/webhdfs/v1/a/b/", "/a/b"),
        ("/webhdfs/v1/a+b%20c:d%25", "/a+b c:d%"),
        ("/webhdfs/v1/%C3%A9", "/\u00e9"),
        ("/webhdfs/v1/a%2Fb", "/a/b"),
        ("/webhdfs/v1//a//b//", "/a/b"),
        ("/webhdfs/v10/a", None),
        ("/", None),
    ],
)
def test_raw_paths(raw: str, path: str | None) -> None:
    assert find_path(raw) == path


@pytest.mark.parametrize(
    "raw",
    ["/..", "/a/../b", "/a/.", "/%2e%2e/a", "/a%00", "/%ff", "/%", "/%zz"],
)
def test_what_is_no_path_is_refused(raw: str) -> None:
    with pytest.raises(InvalidRequest):
        find_path("/webhdfs/v1" + raw)


def test_long_paths_are_refused() -> None:
    with pytest.raises(InvalidRequest):
        find_path("/webhdfs/v1/" + "a" * 5000)


@given(st.lists(part.filter(lambda one: one not in {".", ".."}), max_size=5))
def test_a_target_is_read_as_its_path(parts: list[str]) -> None:
    path = "/" + "/".join(parts)
    raw, _, query = target_of(path, [("op", "OPEN"), ("x", "a&b=c d")]).partition("?")
    assert find_path(raw) == path
    assert query == "op=OPEN&x=a%26b%3Dc%20d"
