"""Cells of what is said beside the bytes: metadata, and conditions on reads and writes."""

from conformance.clients.bench import SMALL_BYTES, Bench, Cell, Mismatch, equal, refused
from conformance.clients.client import Described

DESCRIBED = Described("text/x-forebay", {"colour": "sea green", "number": "17"})
_REFUSALS = ("412", "precondition", "condition", "exists")


def _metadata(bench: Bench) -> None:
    content, key = bench.content(SMALL_BYTES), bench.key("described")
    bench.client.put_described(key, bench.file(content), DESCRIBED)
    kept = bench.witness.ask("HEAD", bench.witness.path(key))
    names = {name: kept.header(f"x-amz-meta-{name}") for name in DESCRIBED.metadata}
    seen = Described(kept.header("Content-Type") or "", names)
    if seen != DESCRIBED:
        raise Mismatch(f"the origin keeps {seen}")
    equal("the origin's object", bench.witness.find(key), content)


def _describe(bench: Bench) -> None:
    key = bench.key("foreign description")
    headers = {f"x-amz-meta-{name}": value for name, value in DESCRIBED.metadata.items()}
    bench.witness.put(key, b"described", {"Content-Type": DESCRIBED.content_type, **headers})
    for time in ("cold", "warm"):
        seen = bench.client.describe(key)
        if seen != DESCRIBED:
            raise Mismatch(f"{time}: {seen}")


def _create_once(bench: Bench) -> None:
    key, first = bench.key("created once"), bench.content(SMALL_BYTES)
    bench.client.put_new(key, bench.file(first))
    second = bench.file(bench.content(SMALL_BYTES))
    refused("a second creation", _REFUSALS, lambda: bench.client.put_new(key, second))
    equal("the origin's object", bench.witness.find(key), first)


def _if_match(bench: Bench) -> None:
    key, content = bench.key("matched"), bench.content(SMALL_BYTES)
    etag = bench.witness.put(key, content)
    for time in ("cold", "warm"):
        equal(time, bench.client.get_if_match(key, etag), content)
    bench.witness.put(key, bench.content(SMALL_BYTES))
    refused("an old ETag", _REFUSALS, lambda: bench.client.get_if_match(key, etag))


def _if_none_match(bench: Bench) -> None:
    key = bench.key("unchanged")
    etag = bench.witness.put(key, bench.content(SMALL_BYTES))
    for time in ("cold", "warm"):
        if (seen := bench.client.find_changed(key, etag)) is not None:
            raise Mismatch(f"{time}: {len(seen)} bytes, though nothing changed")
    changed = bench.content(SMALL_BYTES)
    bench.witness.put(key, changed)
    equal("what changed", bench.client.find_changed(key, etag), changed)


CONDITION_CELLS = (
    Cell("metadata written", ("put_described",), _metadata),
    Cell("metadata read", ("describe",), _describe),
    Cell("create once", ("put_new",), _create_once),
    Cell("if match", ("get_if_match",), _if_match),
    Cell("if none match", ("find_changed",), _if_none_match),
)
