"""What a path, a glob and a manifest's line mean; what means nothing is refused in words."""

import pytest

from gateway.jobs.targets import parse_line, parse_target
from gateway.model.names import ObjectName


@pytest.mark.parametrize(
    ("path", "prefix", "taken", "left"),
    [
        ("s3://b/", "", ["a", "a/b"], []),
        ("s3://b", "", ["a"], []),
        ("s3://b/a/", "a/", ["a/b", "a/b/c"], []),
        ("s3://b/a/*.bin", "a/", ["a/x.bin", "a/.bin"], ["a/x.txt", "a/d/x.bin", "a/x.bin.old"]),
        ("s3://b/a/**/*.bin", "a/", ["a/d/x.bin", "a/d/e/x.bin"], ["a/x.bin"]),
        ("s3://b/a**", "a", ["a", "ab", "a/b"], []),
        ("s3://b/k?y", "k", ["key"], ["ky", "k/y"]),
        ("s3://b/k[abc]y[!0-9]", "k", ["kayx"], ["kdyx", "kay1", "kay/"]),
        ("s3://b/a.b[[]x]*", "a.b", ["a.b[x]y"], ["aXb[x]y"]),
        ("s3://b/k[]]", "k", ["k]"], ["k", "k]]"]),
        ("s3://b/k[!]]", "k", ["ka"], ["k]", "k/", "ka]"]),
        ("s3://b/k[!]a]", "k", ["kb"], ["k]", "ka", "kba]"]),
        ("s3://b/k[a^\\d&&--x]", "k", ["k^", "kd", "k&", "k-", "k\\"], ["k1", "kb"]),
        ("s3://b/k[ä-ö]", "k", ["kö"], ["kz"]),
    ],
)
def test_a_path_is_a_prefix_and_a_glob_takes_whole_keys(path, prefix, taken, left):
    target = parse_target(path)
    assert (target.bucket, target.prefix) == ("b", prefix)
    assert [key for key in taken + left if target.takes(key)] == taken


@pytest.mark.parametrize("path", ["b/key", "s3://", "s3:///key", "s3://b*/key", "", "s3://b/[z-a]"])
def test_what_is_no_path_is_refused_in_words(path):
    with pytest.raises(ValueError, match=r"is no path|name one bucket"):
        parse_target(path)


@pytest.mark.parametrize(
    ("line", "key"),
    [
        ("s3://b/a/b,c\n", "a/b,c"),
        ("b,key\r\n", "key"),
        ('"b","a ""quoted"", key","123"\n', 'a "quoted", key'),
        ('{"bucket": "b", "key": "k\\u00e4y", "size": 3}', "käy"),
        ("s3://b/ with spaces ", " with spaces "),
    ],
)
def test_a_line_names_an_object_in_three_forms(line, key):
    assert parse_line(line) == ObjectName("b", key)


@pytest.mark.parametrize("line", ["\n", "  ", "# a comment", "bucket,key", '"Bucket","Key","Size"'])
def test_a_line_that_names_nothing_is_passed_over(line):
    assert parse_line(line) is None


@pytest.mark.parametrize(
    "line",
    ["key", "s3://b/", "s3://b", ",key", '{"bucket": "b"}', '{"bucket": 1, "key": "k"}', "{", "[]",
     "s3://b/" + "k" * 1025, '{"a":' * 5000, 'b,"open', 'b,"a"b', "b,k\ry"],
)  # fmt: skip
def test_a_line_that_is_none_of_them_is_refused_in_words(line):
    with pytest.raises(
        ValueError, match=r"it (names no object|is no (JSON|CSV)): write s3://bucket/key"
    ):
        parse_line(line)
