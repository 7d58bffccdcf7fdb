"""What a client under test can do, in one vocabulary; drivers say it in their clients' words.

A verb that a client has no words for is in its LACKS, with the reason. Drivers do not retry and do
not catch: what they raise is the client's answer.
"""

import os
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from conformance.support.raw_s3 import Place

PART_BYTES = 8 * 1024 * 1024
"""The part size of those multipart uploads that let it be chosen."""


@dataclass(frozen=True, slots=True)
class Head:
    """What a client learns about an object without its body."""

    size: int
    etag: str | None = None
    """Without quotes; None where the client does not show it."""


@dataclass(frozen=True, slots=True)
class Described:
    """What is kept beside a body."""

    content_type: str
    metadata: Mapping[str, str | None]
    """Without `x-amz-meta-`, names in small letters."""


NO_TABLES = {
    "read_parquet": "reads no Parquet",
    "read_parquet_folder": "reads no Parquet",
    "write_parquet": "writes no Parquet",
}
NO_TENSORS = {"read_tensors": "knows no tensors", "write_tensors": "knows no tensors"}
NO_URLS = {"presign_get": "makes no presigned URLs", "presign_put": "makes no presigned URLs"}
NO_CONDITIONS = {
    "put_new": "states no conditions",
    "get_if_match": "states no conditions",
    "find_changed": "states no conditions",
}
NO_METADATA = {"put_described": "keeps no metadata", "describe": "shows no metadata"}
ONLY_BYTES = {**NO_TABLES, **NO_TENSORS}


class Client:
    """One client at one place; `folder` is its own, for files."""

    LACKS: ClassVar[Mapping[str, str]] = {}

    def __init__(self, place: Place, folder: Path) -> None:
        self.place = place
        self.folder = folder

    def version(self) -> str:
        """Return the name and version of what is tested."""
        raise NotImplementedError

    def close(self) -> None:
        """End what the client started."""

    def put(self, key: str, path: Path) -> None:
        """Upload a small file in the way that is usual for this client."""
        raise NotImplementedError

    def multipart(self, key: str, path: Path) -> None:
        """Upload a file in parts."""
        raise NotImplementedError

    def get(self, key: str) -> bytes:
        """Return a whole body."""
        raise NotImplementedError

    def get_range(self, key: str, start: int, stop: int) -> bytes:
        """Return the bytes from `start` up to but not including `stop`."""
        raise NotImplementedError

    def head(self, key: str) -> Head:
        """Return what HEAD tells; raises if there is no such object."""
        raise NotImplementedError

    def list(self, prefix: str) -> Iterable[str]:
        """Return all keys under a prefix that ends with a slash, at every depth."""
        raise NotImplementedError

    def copy(self, source: str, target: str) -> None:
        """Copy an object inside the bucket."""
        raise NotImplementedError

    def delete(self, key: str) -> None:
        """Delete one object."""
        raise NotImplementedError

    def delete_many(self, keys: Sequence[str]) -> None:
        """Delete all `keys`, which are all that their folder has, by as few requests as it can."""
        raise NotImplementedError

    def presign_get(self, key: str) -> str:
        """Return a URL that downloads an object."""
        raise NotImplementedError

    def presign_put(self, key: str) -> str:
        """Return a URL that uploads an object."""
        raise NotImplementedError

    def put_described(self, key: str, path: Path, described: Described) -> None:
        """Upload a file with a content type and metadata of its own."""
        raise NotImplementedError

    def describe(self, key: str) -> Described:
        """Return an object's content type and metadata."""
        raise NotImplementedError

    def put_new(self, key: str, path: Path) -> None:
        """Upload a file; raises if there is an object by that key."""
        raise NotImplementedError

    def get_if_match(self, key: str, etag: str) -> bytes:
        """Return a whole body; raises if the object has another ETag, which is given in quotes."""
        raise NotImplementedError

    def find_changed(self, key: str, etag: str) -> bytes | None:
        """Return a whole body; None if the object still has this ETag."""
        raise NotImplementedError

    def read_parquet(self, key: str) -> tuple[int, int]:
        """Return the row count and the sum of column `n` of a Parquet file, read by ranges."""
        raise NotImplementedError

    def read_parquet_folder(self, prefix: str) -> tuple[int, int]:
        """Return the same of all Parquet files under a prefix that ends with a slash."""
        raise NotImplementedError

    def write_parquet(self, key: str, rows: int) -> None:
        """Write a table whose `n` counts from 0, beside eight bytes a row that do not compress."""
        raise NotImplementedError

    def read_tensors(self, key: str) -> dict[str, bytes]:
        """Return all tensors of a safetensors file, by name."""
        raise NotImplementedError

    def write_tensors(self, key: str, path: Path) -> None:
        """Read a safetensors file from disk and write its tensors as an object."""
        raise NotImplementedError


def folder_of(keys: Sequence[str]) -> str:
    """Return the folder that all of `keys` lie in, with its slash."""
    return keys[0].rpartition("/")[0] + "/"


class CommandFailedError(Exception):
    """A command line client said no."""


@dataclass
class CommandLine:
    """A program run once for each verb, in an environment that holds nothing of the user's."""

    words: list[str]
    environment: dict[str, str] = field(default_factory=dict)

    def run(self, *words: str, seconds: float = 120) -> bytes:
        """Return what it wrote to stdout; raises CommandFailedError with what it said."""
        inherited = {
            name: os.environ[name]
            for name in ("PATH", "HOME", "LANG", "TMPDIR")
            if name in os.environ
        }
        done = subprocess.run(
            [*self.words, *words],
            env={"LC_ALL": "C.UTF-8", **inherited, **self.environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=seconds,
            check=False,
        )
        if done.returncode:
            said = (done.stderr or done.stdout).decode(errors="replace").strip()
            raise CommandFailedError(f"exit {done.returncode}: {said[-400:]}")
        return done.stdout
