"""Part `open`: a warm file of 1 GiB by OPEN beside the same object by the S3 door (D5)."""

import statistics
import subprocess
from collections.abc import Iterator, Mapping
from hashlib import sha256

from conformance.support.raw_s3 import RawS3
from conformance.webhdfs.asking import PREFIX
from conformance.webhdfs.bench import Bench, Mismatch, outcome_of
from conformance.webhdfs.scorecard import Row
from conformance.webhdfs.steps import OWNER
from conformance.webhdfs.target import Target

PART = "open"
_CLIENT = "curl"
_FILE_BYTES = 1024**3
_PIECE_BYTES = 1024**2
_ROUNDS = 7
_RATIO_MIN = 0.9
_SECONDS_MAX = 300


def run(target: Target) -> Iterator[Row]:
    """Yield the row of the ratio."""
    if target.s3 is None:
        yield Row(PART, "OPEN of 1 GiB", _CLIENT, "skipped", "HDFS has no S3 door beside it")
        return
    figures: list[str] = []
    words = outcome_of(lambda: _measure(Bench(target, PART), figures))
    told = f"{words} {' '.join(figures)}".strip()
    yield Row(PART, "OPEN of 1 GiB", _CLIENT, "fail" if words else "ok", told)


def _measure(bench: Bench, figures: list[str]) -> None:
    digest = _make(bench)
    ways = {"S3": _by_s3(bench), "WebHDFS": _by_webhdfs(bench)}
    for name, words in ways.items():
        # Twice: the first may be cold, and the second must be right as well.
        for _ in range(2):
            if _digest_of(words) != digest:
                raise Mismatch(f"{name}: other bytes than at the origin")
    rates: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(_ROUNDS):
        for name, words in ways.items():
            rates[name].append(_rate(words))
    middle = {name: statistics.median(found) for name, found in rates.items()}
    ratio = middle["WebHDFS"] / middle["S3"]
    figures += [f"{name} {rate / 1e9:.2f} GB/s," for name, rate in middle.items()]
    figures += [f"ratio {ratio:.2f}, medians of {_ROUNDS} in turns, curl, warm, strict"]
    if ratio < _RATIO_MIN:
        raise Mismatch(f"ratio {ratio:.2f}, below {_RATIO_MIN}")


def _make(bench: Bench) -> bytes:
    """Put the object at the origin; return its digest."""
    piece = bench.content(_PIECE_BYTES)
    body = piece * (_FILE_BYTES // _PIECE_BYTES)
    bench.make("large", body)
    return sha256(body).digest()


def _by_s3(bench: Bench) -> list[str]:
    place = bench.target.s3
    assert place is not None
    raw = RawS3(place)
    path = raw.path(f"{bench.prefix}/large")
    headers = raw.signed("GET", path, "", {}, sha256(b"").hexdigest())
    return [*_words(headers), f"{place.endpoint}{path}"]


def _by_webhdfs(bench: Bench) -> list[str]:
    target = bench.target
    return ["--location", f"{target.url}{PREFIX}{bench.root}/large?op=OPEN&user.name={OWNER}"]


def _words(headers: Mapping[str, str]) -> list[str]:
    return [word for name, value in headers.items() for word in ("-H", f"{name}: {value}")]


def _digest_of(words: list[str]) -> bytes:
    whole = sha256()
    command = ["curl", "--silent", "--show-error", "--fail", *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        while piece := child.stdout.read(_PIECE_BYTES):
            whole.update(piece)
    return whole.digest()


def _rate(words: list[str]) -> float:
    """Return bytes a second; raises Mismatch for a body that is not whole."""
    shown = "%{size_download} %{time_total}"
    command = ["curl", "--silent", "--show-error", "--fail", "-o", "/dev/null", "-w", shown]
    done = subprocess.run(
        [*command, *words], capture_output=True, text=True, timeout=_SECONDS_MAX, check=True
    )
    size, seconds = done.stdout.split()
    if int(size) != _FILE_BYTES:
        raise Mismatch(f"{size} bytes")
    return _FILE_BYTES / float(seconds)
