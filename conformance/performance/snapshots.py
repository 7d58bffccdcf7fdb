"""C3: a snapshot of 100,000 keys listed and read beside its source, and records of millions."""

import http.client
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from hashlib import sha256
from pathlib import Path
from time import perf_counter
from urllib.parse import quote

from conformance.performance.asking import asks, signed
from conformance.performance.figures import Bar, Outcome, Samples, in_turns, ratio_of
from conformance.performance.gateway import Gateway, running_gateway
from conformance.performance.load import send_requests
from conformance.performance.origins import BUCKET, Server, adopt_object, s3_client
from conformance.performance.workplace import (
    GATEWAY_CORE,
    LOAD_CORE,
    ShapedOrigin,
    Workplace,
    bare_origin,
    shaped_origin,
)
from gateway.protocol.s3.documents import find_document

_NAME = "recorded"
_PREFIX = "train/"
_FOLDER_KEYS = 1000
_PAGE_SECONDS = 0.050
_SMALL_BYTES = 4096
_REQUESTS = 8192
_CLIENTS = 16
_WARM, _COLD = 20, 20
_TOKEN = re.compile(rb"<NextContinuationToken>([^<]+)</NextContinuationToken>")


def snapshot(place: Workplace) -> Outcome:
    """C3: listing and warm reads of a snapshot beside its source, and what was overwritten."""
    keys = _make_objects(place, place.scaled(100_000, 10_000))
    with (
        bare_origin(place) as bare,
        shaped_origin(bare) as origin,
        running_gateway(
            place.folder / "gateway",
            origin.endpoint,
            workers=1,
            freshness="immutable",
            core=GATEWAY_CORE,
        ) as gateway,
    ):
        for key in keys[:_WARM]:
            _read(gateway, BUCKET, key)
        created_seconds = _create(place.folder / "gateway" / "forebay.toml")
        listing, told = _listings(place, origin, gateway)
        reads, read_requests = _warm_reads(place, origin, gateway, keys[0])
        kept, refused, other = _overwritten(bare, gateway, keys)
    pages = -(-len(keys) // 1000)
    floor = pages * _PAGE_SECONDS / listing["snapshot"].median
    return Outcome(
        "C3",
        f"snapshot of {len(keys):,} keys, LIST 50 ms a page; warm 4 KiB reads under `immutable`",
        (
            *listing.values(),
            Samples("forebay snapshot create", "s", (created_seconds,)),
            *reads.values(),
            *_growth(place),
        ),
        (
            Bar("listing, times as fast as direct", ratio_of(listing, "direct", "snapshot"), 10.0),
            Bar("listing, times as fast as 50 ms a page", floor, 10.0),
            Bar("origin requests of the listings", told["requests"], 0, is_ceiling=True),
            Bar("listings equal to the origin's", told["equal"], 1.0),
            Bar("warm reads, of the source's", ratio_of(reads, "snapshot", "source"), 0.95),
            Bar("origin requests of the warm reads", read_requests, 0, is_ceiling=True),
            Bar(f"of {_WARM} overwritten keys on flash, read as recorded", kept, _WARM),
            Bar(f"of {_COLD} overwritten keys not on flash, refused in words", refused, _COLD),
            Bar("other bytes served", other, 0, is_ceiling=True),
        ),
        (
            "a listing is all pages of a thousand, one after the other, over one connection",
            "equal: SHA-256 over key, ETag, size, date and storage class of every row",
            "direct includes versitygw's own time beside the shaped 50 ms and the round trip",
            "warm reads: 16 clients, 8,192 signed heads in turn, one worker on one core",
        ),
    )


def _make_objects(place: Workplace, count: int) -> list[str]:
    """Make objects of 4 KiB as versitygw would have stored them, a thousand a folder."""
    keys = [f"{_PREFIX}{one // _FOLDER_KEYS:03}/{one:06}.jpeg" for one in range(count)]
    for number, key in enumerate(keys):
        path = place.objects / BUCKET / key
        if number % _FOLDER_KEYS == 0:
            path.parent.mkdir(parents=True)
        path.write_bytes(_body(key))
        adopt_object(path)
    return keys


def _body(key: str) -> bytes:
    return (key.encode() * (_SMALL_BYTES // len(key) + 1))[:_SMALL_BYTES]


def _create(configuration: Path) -> float:
    """Return how long the command took."""
    command = [sys.executable, "-m", "gateway", "snapshot", "create", f"s3://{BUCKET}/{_PREFIX}"]
    command += ["--as", _NAME, "--config", str(configuration)]
    started = perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return perf_counter() - started


def _listings(
    place: Workplace, origin: ShapedOrigin, gateway: Gateway
) -> tuple[dict[str, Samples], dict[str, float]]:
    """Return seconds of whole listings in turns; what the origin was asked; whether all agree."""
    found: dict[str, set[str]] = {"direct": set(), "snapshot": set()}
    requests = 0

    def listed(subject: str, server: Server, bucket: str) -> float:
        nonlocal requests
        origin.reset()
        started = perf_counter()
        bodies = list(_bodies(server, bucket))
        seconds = perf_counter() - started
        if subject == "snapshot":
            requests += sum(origin.requests().values())
        found[subject].add(_digest(bodies))
        return seconds

    trials = {
        "direct": partial(listed, "direct", origin, BUCKET),
        "snapshot": partial(listed, "snapshot", gateway, _NAME),
    }
    samples = in_turns(place.scaled(3, 1), "s", trials)
    is_equal = len(found["direct"] | found["snapshot"]) == 1
    return samples, {"requests": requests, "equal": float(is_equal)}


def _bodies(server: Server, bucket: str) -> Iterator[bytes]:
    """Yield every page of a listing, asked for one after the other."""
    token = ""
    with closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)) as connection:
        while True:
            start = f"continuation-token={quote(token, safe='')}&" if token else ""
            ask = signed(server, f"/{bucket}?{start}list-type=2&prefix={quote(_PREFIX, safe='')}")
            connection.request("GET", ask.target, headers=dict(ask.fields))
            answer = connection.getresponse()
            body = answer.read()
            if answer.status != http.client.OK:
                raise RuntimeError(f"a listing was answered {answer.status}: {body[:300]!r}")
            yield body
            more = _TOKEN.search(body)
            if more is None:
                return
            token = more[1].decode()


def _digest(bodies: list[bytes]) -> str:
    """Return the hash of every row that the pages tell, in their order."""
    digest = sha256()
    for body in bodies:
        root = find_document(body, len(body))
        assert root is not None, body[:300]
        for row in root.iterfind("Contents"):
            digest.update(repr([row.findtext(name) for name in _TOLD]).encode())
    return digest.hexdigest()


_TOLD = ("Key", "ETag", "Size", "LastModified", "StorageClass")


def _warm_reads(
    place: Workplace, origin: ShapedOrigin, gateway: Gateway, key: str
) -> tuple[dict[str, Samples], int]:
    """Return warm reads a second of the source and of the snapshot, and what the origin saw."""
    for bucket in (BUCKET, _NAME):
        _read(gateway, bucket, key)
    origin.reset()

    def rate(bucket: str) -> float:
        requests = asks(gateway, [key] * _REQUESTS, bucket=bucket)
        return send_requests(
            gateway,
            requests,
            place.folder,
            clients=_CLIENTS,
            seconds=place.scaled(4, 1),
            core=LOAD_CORE,
        ).requests_per_second

    trials = {"source": partial(rate, BUCKET), "snapshot": partial(rate, _NAME)}
    samples = in_turns(place.scaled(5, 2), "GET/s", trials)
    return samples, sum(origin.requests().values())


def _overwritten(bare: Server, gateway: Gateway, keys: list[str]) -> tuple[int, int, int]:
    """Return how many overwritten keys read as recorded, were refused in words, or neither."""
    client = s3_client(bare.endpoint)
    chosen = [*keys[:_WARM], *keys[-_COLD:]]
    for key in chosen[:_WARM]:
        _read(gateway, _NAME, key)
    for key in chosen:
        client.put_object(Bucket=BUCKET, Key=key, Body=b"other" * 100)
    kept = refused = other = 0
    for number, key in enumerate(chosen):
        status, body = _answer(gateway, _NAME, key)
        kept += number < _WARM and (status, body) == (200, _body(key))
        refused += number >= _WARM and status == 412 and b"no more" in body
        other += status == 200 and body != _body(key)
    return kept, refused, other


def _read(server: Server, bucket: str, key: str) -> bytes:
    status, body = _answer(server, bucket, key)
    if status != http.client.OK:
        raise RuntimeError(f"{bucket}/{key} was answered {status}: {body[:300]!r}")
    return body


def _answer(server: Server, bucket: str, key: str) -> tuple[int, bytes]:
    [ask] = asks(server, [key], bucket=bucket)
    with closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)) as connection:
        connection.request("GET", ask.target, headers=dict(ask.fields))
        answer = connection.getresponse()
        return answer.status, answer.read()


def _growth(place: Workplace) -> Iterator[Samples]:
    """Yield what records of a million and of ten million keys cost, each in a process alone."""
    for keys in (100_000,) if place.is_quick else (1_000_000, 10_000_000):
        command = [sys.executable, "-m", "conformance.performance.record_growth", str(keys)]
        done = subprocess.run([*command, str(place.folder)], check=True, capture_output=True)
        found = json.loads(done.stdout)
        for name, what, unit in _GROWTH:
            yield Samples(f"{keys:,} keys: {what}", unit, (found[name],))


_GROWTH = (
    ("made_us_a_key", "CPU to record one", "us"),
    ("bytes_a_key", "record on disk", "B/key"),
    ("look_us", "CPU of a look-up", "us"),
    ("page_ms", "CPU of a page of a thousand", "ms"),
    ("prefixes_ms", "CPU of a page of a thousand folders", "ms"),
    ("made_memory_mib", "peak memory, recording", "MiB"),
    ("memory_mib", "peak memory, recording and reading", "MiB"),
)
