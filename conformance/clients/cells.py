"""What every client is asked to do, and how each outcome is proven: sha256 against the origin.

A cell takes the client under test and the witness, which asks the origin itself. It returns when
all that it looked at was right, and raises with what was not.
"""

from collections.abc import Callable

from conformance.clients.bench import (
    LARGE_BYTES,
    MIDDLE_BYTES,
    RANGE,
    SMALL_BYTES,
    Bench,
    Cell,
    Mismatch,
    equal,
    refused,
)
from conformance.clients.conditions import CONDITION_CELLS
from conformance.clients.tables import TABLE_CELLS
from conformance.support.raw_s3 import fetch


def _put(bench: Bench) -> None:
    content, key = bench.content(SMALL_BYTES), bench.key("put")
    bench.client.put(key, bench.file(content))
    equal("the origin's object", bench.witness.find(key), content)


def _put_empty(bench: Bench) -> None:
    key = bench.key("empty")
    bench.client.put(key, bench.file(b""))
    equal("the origin's object", bench.witness.find(key), b"")
    equal("read back", bench.client.get(key), b"")


def _get(bench: Bench) -> None:
    content, key = bench.content(MIDDLE_BYTES), bench.key("get")
    bench.witness.put(key, content)
    for time in ("cold", "warm"):
        equal(time, bench.client.get(key), content)


def _get_large(bench: Bench) -> None:
    content, key = bench.content(LARGE_BYTES), bench.key("large")
    bench.witness.put(key, content)
    for time in ("cold", "warm"):
        equal(time, bench.client.get(key), content)


def _range(bench: Bench) -> None:
    content, key = bench.content(MIDDLE_BYTES), bench.key("range")
    bench.witness.put(key, content)
    start, stop = RANGE
    for time in ("cold", "warm"):
        equal(time, bench.client.get_range(key, start, stop), content[start:stop])
    equal("the first byte", bench.client.get_range(key, 0, 1), content[:1])


def _head(bench: Bench) -> None:
    content, key = bench.content(SMALL_BYTES), bench.key("head")
    etag = bench.witness.put(key, content).strip('"')
    seen = bench.client.head(key)
    if seen.size != len(content):
        raise Mismatch(f"size {seen.size}, not {len(content)}")
    if seen.etag is not None and seen.etag.strip('"') != etag:
        raise Mismatch(f"ETag {seen.etag}, not {etag}")


def _missing(bench: Bench) -> None:
    known = ("404", "not found", "nosuchkey", "notfound", "no such", "not exist")
    refused("absence", known, lambda: bench.client.head(bench.key("nobody-put-this")))


def _list(bench: Bench) -> None:
    prefix = bench.key("list/")
    keys = {f"{prefix}{name}" for name in ("a", "b c", "d/e", "d/f+g", "d/h/é")}
    keys |= {f"{prefix}n/{number:03}" for number in range(20)}
    for key in keys:
        bench.witness.put(key, key.encode())
    seen = set(bench.client.list(prefix))
    if seen != keys:
        raise Mismatch(f"missing {sorted(keys - seen)[:3]}, too many {sorted(seen - keys)[:3]}")


def _copy(bench: Bench) -> None:
    content = bench.content(SMALL_BYTES)
    source, target = bench.key("copy source +é"), bench.key("copied")
    bench.witness.put(source, content)
    bench.client.copy(source, target)
    equal("the origin's copy", bench.witness.find(target), content)
    equal("read back", bench.client.get(target), content)


def _delete(bench: Bench) -> None:
    key = bench.key("delete")
    bench.witness.put(key, b"short-lived")
    bench.client.get(key)
    bench.client.delete(key)
    if bench.witness.find(key) is not None:
        raise Mismatch("it is still there")


def _delete_many(bench: Bench) -> None:
    prefix = bench.key("many/")
    keys = [f"{prefix}{number}" for number in range(8)] + [f"{prefix}a b+c&é"]
    for key in keys:
        bench.witness.put(key, b"short-lived")
    bench.client.delete_many(keys)
    left = bench.witness.keys(prefix) & set(keys)
    if left:
        raise Mismatch(f"still there: {sorted(left)[:3]}")


def _multipart(bench: Bench) -> None:
    content, key = bench.content(LARGE_BYTES), bench.key("multipart")
    bench.client.multipart(key, bench.file(content))
    equal("the origin's object", bench.witness.find(key), content)
    etag = bench.witness.ask("HEAD", bench.witness.path(key)).header("ETag") or ""
    if "-" not in etag:
        raise Mismatch(f"it was not uploaded in parts: ETag {etag}")
    equal("read back", bench.client.get(key), content)


def _presigned_get(bench: Bench) -> None:
    content, key = bench.content(SMALL_BYTES), bench.key("presigned get +é")
    bench.witness.put(key, content)
    reply = fetch(bench.place, "GET", bench.client.presign_get(key))
    if reply.status != 200:
        raise Mismatch(f"{reply.status} {reply.body[:200]!r}")
    equal("by URL", reply.body, content)


def _presigned_put(bench: Bench) -> None:
    content, key = bench.content(SMALL_BYTES), bench.key("presigned put +é")
    reply = fetch(bench.place, "PUT", bench.client.presign_put(key), content)
    if reply.status != 200:
        raise Mismatch(f"{reply.status} {reply.body[:200]!r}")
    equal("the origin's object", bench.witness.find(key), content)


def _overwrite(bench: Bench) -> None:
    key = bench.key("overwrite")
    for _ in range(3):
        content = bench.content(SMALL_BYTES)
        bench.client.put(key, bench.file(content))
        equal("read after write", bench.client.get(key), content)
        equal("the origin's object", bench.witness.find(key), content)


def _foreign_overwrite(bench: Bench) -> None:
    key = bench.key("foreign")
    for _ in range(3):
        content = bench.content(SMALL_BYTES)
        bench.witness.put(key, content)
        equal("after a stranger's write", bench.client.get(key), content)


def _odd(suffix: str) -> Callable[[Bench], None]:
    """Return the cell of a key that is hard to carry: written, found at the origin, read back."""

    def check(bench: Bench) -> None:
        content, key = bench.content(SMALL_BYTES), bench.key(suffix)[:KEY_BYTES_MAX]
        _round_trip(bench, key, content)

    return check


def _leading_slash(bench: Bench) -> None:
    _round_trip(bench, f"/{bench.key('odd/leading')}", bench.content(SMALL_BYTES))


def _round_trip(bench: Bench, key: str, content: bytes) -> None:
    """Write an object, look for body and name at the origin, and read it back."""
    bench.client.put(key, bench.file(content))
    equal("the origin's object", bench.witness.find(key), content)
    if key not in bench.witness.keys(key[: key.index("odd")]):
        raise Mismatch("the origin lists no such key")
    equal("read back", bench.client.get(key), content)


ODD_KEYS = {
    "plus": "odd/a+b",
    "space": "odd/a b ",
    "percent": "odd/100%25 %2F %",
    "double slash": "odd//a///b",
    "dot": "odd/./a",
    "dot dot": "odd/../a",
    "trailing slash": "odd/a/",
    "colon": "odd/a:b@c",
    "question": "odd/a?b=c&d",
    "hash": "odd/a#b",
    "quotes": "odd/'a'\"b\"<c>&amp;",
    "sub-delims": "odd/!$()*,;=~",
    "backslash": "odd/a\\b|{c}^`[d]",
    "unicode": "odd/é漢🙂",
    "decomposed": "odd/e\u0301",
    "long": "odd/" + "/".join(["k" * 190] * 6),
}
"""name -> what follows the run's prefix."""
KEY_BYTES_MAX = 1024

CELLS: tuple[Cell, ...] = (
    Cell("put", ("put",), _put),
    Cell("put empty", ("put", "get"), _put_empty),
    Cell("get", ("get",), _get),
    Cell("get 24 MiB", ("get",), _get_large),
    Cell("range", ("get_range",), _range),
    Cell("head", ("head",), _head),
    Cell("head of nothing", ("head",), _missing),
    Cell("list", ("list",), _list),
    Cell("copy", ("copy", "get"), _copy),
    Cell("delete", ("delete", "get"), _delete),
    Cell("delete many", ("delete_many",), _delete_many),
    Cell("multipart", ("multipart", "get"), _multipart),
    Cell("presigned GET", ("presign_get",), _presigned_get),
    Cell("presigned PUT", ("presign_put",), _presigned_put),
    Cell("overwrite", ("put", "get"), _overwrite),
    Cell("foreign overwrite", ("get",), _foreign_overwrite),
    *CONDITION_CELLS,
    *TABLE_CELLS,
    Cell("key: leading slash", ("put", "get"), _leading_slash),
    *(Cell(f"key: {name}", ("put", "get"), _odd(key)) for name, key in ODD_KEYS.items()),
)
