"""The same keys seen twice: by WebHDFS, and at the origin by S3; whatever differs is wrong."""

from collections.abc import Iterator
from hashlib import sha256
from typing import Any
from urllib.parse import quote

from conformance.support.raw_s3 import RawS3
from conformance.webhdfs.playing import Door, perform
from conformance.webhdfs.steps import SUPERUSER, Step


def unequal_at_origin(door: Door, witness: RawS3, path: str) -> tuple[int, str]:
    """Return how many files and directories stand under a path, and how the origin differs.

    `path` is a directory as `/bucket/key`. Each file must be one object with the same bytes, each
    empty directory a marker, and there must be no object that WebHDFS does not show.
    """
    bucket_path = f"/{witness.place.bucket}"
    seen = dict(_walk(door, path))
    keys = witness.keys(path.removeprefix(f"{bucket_path}/") + "/")
    problems = []
    for place, status in seen.items():
        key = place.removeprefix(f"{bucket_path}/")
        if status["type"] == "DIRECTORY":
            if not any(one.startswith(f"{key}/") for one in keys):
                problems.append(f"directory {key} has nothing at the origin")
        elif status["type"] == "FILE":
            problems += _unequal(door, witness, place, key, int(status["length"]))
    shown = {place.removeprefix(f"{bucket_path}/") for place in seen}
    hidden = sorted(key for key in keys if key.rstrip("/") not in shown and key != f"{path[1:]}/")
    here = path.removeprefix(f"{bucket_path}/")
    hidden = [key for key in hidden if key.rstrip("/") != here]
    problems += [f"WebHDFS does not show {key}" for key in hidden]
    return len(seen), "; ".join(problems)


def _unequal(door: Door, witness: RawS3, place: str, key: str, length: int) -> Iterator[str]:
    body = witness.find(key)
    if body is None:
        yield f"{key} is not at the origin"
        return
    first, second = perform(door, place, Step("GET", quote(place), "op=OPEN", user=SUPERUSER))
    read = (second or first).body
    if len(body) != length or sha256(body).digest() != sha256(read).digest():
        yield f"{key}: {len(body)} bytes at the origin, {length} told, {len(read)} read"


def _walk(door: Door, path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    first, _ = perform(door, path, Step("GET", quote(path), "op=LISTSTATUS", user=SUPERUSER))
    document: dict[str, Any] = first.json()
    for status in document.get("FileStatuses", {}).get("FileStatus", []):
        place = f"{path}/{status['pathSuffix']}"
        yield place, status
        if status["type"] == "DIRECTORY":
            yield from _walk(door, place)
