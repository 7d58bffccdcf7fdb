"""rclone: the Go SDK v2, files by commands."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import ClassVar

from conformance.clients.client import (
    NO_CONDITIONS,
    ONLY_BYTES,
    Client,
    CommandLine,
    Described,
    Head,
    folder_of,
)
from conformance.clients.environments import program
from conformance.support.raw_s3 import Place


class Rclone(Client):
    """The mover of files."""

    LACKS: ClassVar = {
        "presign_put": "`rclone link` makes download links only",
        **NO_CONDITIONS,
        **ONLY_BYTES,
    }

    def __init__(self, place: Place, folder: Path) -> None:
        super().__init__(place, folder)
        remote = {
            "TYPE": "s3",
            "PROVIDER": "Other",
            "ENDPOINT": place.endpoint,
            "ACCESS_KEY_ID": place.access_key,
            "SECRET_ACCESS_KEY": place.secret_key,
            "SESSION_TOKEN": place.session_token or "",
            "REGION": place.region,
            "FORCE_PATH_STYLE": "true",
        }
        environment = {f"RCLONE_CONFIG_AT_{name}": value for name, value in remote.items()}
        words = [program("rclone"), "--config", "", "--retries", "1", "--low-level-retries", "1"]
        words += [
            "--s3-chunk-size",
            "8Mi",
            "--s3-upload-cutoff",
            "8Mi",
            "--multi-thread-cutoff",
            "8Mi",
        ]
        if place.ca_file is not None:
            words += ["--ca-cert", place.ca_file]
        self._rclone = CommandLine(words, environment)

    def version(self) -> str:
        return self._rclone.run("version").decode().splitlines()[0]

    def _path(self, key: str) -> str:
        return f"at:{self.place.bucket}/{key}"

    def put(self, key: str, path: Path) -> None:
        self._rclone.run("copyto", "--no-check-dest", str(path), self._path(key))

    multipart = put

    def put_described(self, key: str, path: Path, described: Described) -> None:
        words = ["--no-check-dest", "--header-upload", f"Content-Type: {described.content_type}"]
        for name, value in described.metadata.items():
            words += ["--header-upload", f"x-amz-meta-{name}: {value}"]
        self._rclone.run("copyto", *words, str(path), self._path(key))

    def describe(self, key: str) -> Described:
        seen = json.loads(self._rclone.run("lsjson", "--stat", "--metadata", self._path(key)))
        own = {"btime", "content-type", "mtime", "tier"}  # rclone's, beside the user's
        kept = {name: value for name, value in seen["Metadata"].items() if name not in own}
        return Described(seen["MimeType"], kept)

    def get(self, key: str) -> bytes:
        path = self.folder / "download"
        path.unlink(missing_ok=True)
        self._rclone.run("copyto", self._path(key), str(path))
        return path.read_bytes()

    def get_range(self, key: str, start: int, stop: int) -> bytes:
        wanted = ["--offset", str(start), "--count", str(stop - start)]
        return self._rclone.run("cat", *wanted, self._path(key))

    def head(self, key: str) -> Head:
        seen = json.loads(self._rclone.run("lsjson", "--stat", self._path(key)))
        if seen is None or seen["IsDir"]:
            raise FileNotFoundError(key)
        return Head(seen["Size"])

    def list(self, prefix: str) -> Iterable[str]:
        said = self._rclone.run("lsf", "--recursive", "--files-only", self._path(prefix))
        return [f"{prefix}{line}" for line in said.decode().splitlines()]

    def copy(self, source: str, target: str) -> None:
        self._rclone.run("copyto", self._path(source), self._path(target))

    def delete(self, key: str) -> None:
        self._rclone.run("deletefile", self._path(key))

    def delete_many(self, keys: Sequence[str]) -> None:
        self._rclone.run("delete", self._path(folder_of(keys)))

    def presign_get(self, key: str) -> str:
        return self._rclone.run("link", "--expire", "5m", self._path(key)).decode().strip()
