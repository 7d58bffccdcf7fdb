"""How fast a mount is (row E4): the same work on each mounter, one after the other, in one run.

Warm means read once before. `opened again` is what a program sees, the kernel's page cache
included; `page cache dropped` is the mounter's own doing (drop_caches, which needs root).
"""

import http.client
import os
import random
import statistics
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

from conformance.posix.mounts import Mount, mounted
from conformance.posix.results import Row
from conformance.posix.stage import BUCKET, Stage, staged
from conformance.support.raw_s3 import UNSIGNED, Place, RawS3

_MIB = 1 << 20
_BLOCK_BYTES = _MIB
_TURNS = 3


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much work is done."""

    large_bytes: int = 1 << 30
    cold_bytes: int = 256 * _MIB
    small_files: int = 10_000
    random_seconds: float = 5.0

    @classmethod
    def quick(cls) -> "Sizes":
        """Return sizes for a look."""
        return cls(128 * _MIB, 64 * _MIB, 1000, 1.0)


def warm(mounters: tuple[str, ...], origin: str, folder: Path, sizes: Sizes) -> list[Row]:
    """Measure warm reads, metadata and small files on a bare origin."""
    rows = []
    with staged(origin, freshness="bounded(60s)") as stage:
        _put(stage, "large/large.bin", sizes.large_bytes)
        for number in range(1000):
            stage.witness.ask(
                "PUT", stage.witness.path(f"large/many/f{number:04d}"), body=b"x" * 4096
            )
        for name in mounters:
            try:
                rows.append(_warm_of(name, stage, folder / f"warm-{name}", sizes))
            except (OSError, RuntimeError, subprocess.SubprocessError) as failure:
                rows.append(Row("speed", "warm", {}, [repr(failure)[:500]], mounter=name))
            rows.append(_small_files(name, stage, folder / f"small-{name}", sizes))
    return rows


def cold(mounters: tuple[str, ...], origin: str, folder: Path, sizes: Sizes) -> list[Row]:
    """Measure a cold sequential read beside one direct stream, on the shaped origin."""
    rows = []
    with staged(origin, is_shaped=True) as stage:
        _put(stage, "cold/cold.bin", sizes.cold_bytes)
        direct = sizes.cold_bytes / _seconds(lambda: _read_directly(stage, "cold/cold.bin")) / _MIB
        rows.append(Row("speed", "cold, direct stream", {"MiB/s": direct}, mounter="direct"))
        for name in mounters:
            with mounted(name, stage, "cold", folder / f"cold-{name}") as mount:
                took = _seconds(lambda at=mount.path: _read_all(at / "cold.bin", sizes.cold_bytes))
            rate = sizes.cold_bytes / took / _MIB
            figures = {"MiB/s": rate, "of direct": rate / direct}
            rows.append(Row("speed", "cold sequential", figures, mounter=name))
    return rows


def _warm_of(name: str, stage: Stage, folder: Path, sizes: Sizes) -> Row:
    figures: dict[str, float] = {}
    with mounted(name, stage, "large", folder) as mount:
        path = mount.path / "large.bin"
        _read_all(path, sizes.large_bytes)
        # What was brought is written behind; the next readers must not compete with that.
        subprocess.run(["sync"], check=False)
        again = [_seconds(lambda: _read_all(path, sizes.large_bytes)) for _ in range(_TURNS)]
        dropped = []
        for _ in range(_TURNS):
            _drop_caches(path)
            dropped.append(_seconds(lambda: _read_all(path, sizes.large_bytes)))
        figures["opened again GB/s"] = sizes.large_bytes / statistics.median(again) / 1e9
        figures["page cache dropped GB/s"] = sizes.large_bytes / statistics.median(dropped) / 1e9
        figures["random 4 KiB/s"] = _random_reads(path, sizes)
        figures |= _metadata_rates(mount)
        figures["RSS MiB"] = mount.memory_bytes() / _MIB
    return Row("speed", "warm", figures, mounter=name)


def _metadata_rates(mount: Mount) -> dict[str, float]:
    many = mount.path / "many"
    names = os.listdir(many)  # noqa: PTH208 - the call that is measured
    took = _seconds(lambda: [(many / one).stat() for one in names])
    lists = [_seconds(lambda: os.listdir(many)) for _ in range(_TURNS)]  # noqa: PTH208
    walk = _seconds(lambda: [entry.stat() for entry in os.scandir(many)])
    return {
        "stat/s": len(names) / took,
        "readdir entries/s": len(names) / statistics.median(lists),
        "ls -l entries/s": len(names) / walk,
    }


def _random_reads(path: Path, sizes: Sizes) -> float:
    """Return preads of 4 KiB a second at random places, one at a time.

    None is read twice, or the kernel's page cache would answer more and more of them.
    """
    _drop_caches(path)
    places = list(range(0, sizes.large_bytes, 4096))
    random.Random(5).shuffle(places)
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_RANDOM)
        count, began = 0, perf_counter()
        while perf_counter() - began < sizes.random_seconds and count < len(places):
            os.pread(descriptor, 4096, places[count])
            count += 1
        return count / (perf_counter() - began)
    finally:
        os.close(descriptor)


def _small_files(name: str, stage: Stage, folder: Path, sizes: Sizes) -> Row:
    """Unpack a tar of small files onto the mount, and pack it again."""
    source, archive = folder.parent / "small-source", folder.parent / "small.tar"
    if not archive.exists():
        for number in range(sizes.small_files):
            path = source / f"d{number % 50}" / f"{number}.txt"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(str(number).encode() * 300)
        # Not `.`: it is there already, and s3fs cannot change the mode of what it is mounted on.
        names = sorted(one.name for one in source.iterdir())
        subprocess.run(["tar", "-C", source, "-cf", archive, *names], check=True)
    figures: dict[str, float] = {"files": sizes.small_files}
    failures = []
    try:
        with mounted(name, stage, f"small-{name}", folder) as mount:
            packed, unpacked = folder / "back.tar", mount.path
            took = _seconds(lambda: _tar("-C", unpacked, "--no-same-owner", "-xf", archive))
            figures["in files/s"] = sizes.small_files / took
            took = _seconds(lambda: _tar("-C", unpacked, "-cf", packed, "."))
            figures["out files/s"] = sizes.small_files / took
        if not _has_same_bodies(source, folder):
            failures.append("what came out is not what went in")
    except (OSError, RuntimeError, subprocess.SubprocessError) as failure:
        failures.append(repr(failure)[:500])
    return Row("speed", "small files by tar", figures, failures, mounter=name)


def _tar(*words: object) -> None:
    """Run tar; raises RuntimeError where it fails, which 1 (a file changed meanwhile) is not."""
    said = subprocess.run(
        ["tar", *map(str, words)], capture_output=True, text=True, timeout=1800, check=False
    )
    if said.returncode > 1:
        raise RuntimeError(f"tar {words[-2]}: {said.stderr[:300]}")


def _has_same_bodies(source: Path, folder: Path) -> bool:
    out = folder / "out"
    out.mkdir()
    subprocess.run(["tar", "-C", out, "-xf", folder / "back.tar"], check=True)
    said = subprocess.run(["diff", "-rq", source, out], capture_output=True, check=False)
    return said.returncode == 0


def _put(stage: Stage, key: str, size: int) -> None:
    """Write an object of random MiBs at the origin itself, by parts where it is large."""
    witness, part_bytes = stage.witness, 64 * _MIB
    body = random.Random(11).randbytes(min(size, part_bytes))
    path = witness.path(key)
    if size <= part_bytes:
        witness.ask("PUT", path, body=body[:size])
        return
    begun = witness.ask("POST", path, "uploads=").body.decode()
    upload = begun.partition("<UploadId>")[2].partition("<")[0]
    parts = []
    for number in range(1, -(-size // part_bytes) + 1):
        reply = witness.ask("PUT", path, f"partNumber={number}&uploadId={upload}", body=body)
        etag = reply.header("ETag")
        parts.append(f"<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>")
    listing = f"<CompleteMultipartUpload>{''.join(parts)}</CompleteMultipartUpload>".encode()
    reply = witness.ask("POST", path, f"uploadId={upload}", body=listing)
    if reply.status != http.client.OK:
        raise RuntimeError(f"the large object was not made: {reply.status} {reply.body[:300]!r}")


def _read_directly(stage: Stage, key: str) -> None:
    """Read an object from where mounts ask, by one stream."""
    place = Place(stage.endpoint, BUCKET, stage.access_key, stage.secret_key)
    asking = RawS3(place)
    path = asking.path(key)
    headers = asking.signed("GET", path, "", {}, UNSIGNED)
    connection = http.client.HTTPConnection(place.netloc)
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    while answer.read(_BLOCK_BYTES):
        pass
    connection.close()


def _read_all(path: Path, size: int) -> None:
    """Read a file from begin to end as `cat` would; raises RuntimeError where it is too short."""
    buffer, count = bytearray(_BLOCK_BYTES), 0
    with path.open("rb", buffering=0) as file:
        while got := file.readinto(buffer):
            count += got
    if count != size:
        raise RuntimeError(f"{path} gave {count} of {size} bytes")


def _drop_caches(path: Path) -> None:
    with path.open("rb") as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began
