"""s3cmd: the oldest of the command lines."""

import re
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


class S3Cmd(Client):
    """s3cmd with a settings file of its own."""

    LACKS: ClassVar = {
        "get_range": "has no ranged get",
        "presign_get": "`s3cmd signurl` signs with signature V2, which AWS retired",
        "presign_put": "`s3cmd signurl` signs GET only",
        **NO_CONDITIONS,
        **ONLY_BYTES,
    }

    def __init__(self, place: Place, folder: Path) -> None:
        super().__init__(place, folder)
        settings = {
            "access_key": place.access_key,
            "secret_key": place.secret_key,
            "access_token": place.session_token or "",
            "host_base": place.netloc,
            "host_bucket": place.netloc,
            "bucket_location": place.region,
            "use_https": str(place.is_secure),
            "ca_certs_file": place.ca_file or "",
            "multipart_chunk_size_mb": "8",
            "max_retries": "1",
            "preserve_attrs": "False",
        }
        path = folder / "s3cfg"
        lines = ["[default]", *(f"{name} = {value}" for name, value in settings.items())]
        path.write_text("\n".join(lines) + "\n")
        self._s3cmd = CommandLine(
            [program("python"), program("s3cmd"), "-c", str(path), "--no-progress"]
        )

    def version(self) -> str:
        return self._s3cmd.run("--version").decode().strip()

    def _url(self, key: str) -> str:
        return f"s3://{self.place.bucket}/{key}"

    def put(self, key: str, path: Path) -> None:
        self._s3cmd.run("put", str(path), self._url(key))

    multipart = put

    def put_described(self, key: str, path: Path, described: Described) -> None:
        words = ["--no-guess-mime-type", "--mime-type", described.content_type]
        for name, value in described.metadata.items():
            words += ["--add-header", f"x-amz-meta-{name}: {value}"]
        self._s3cmd.run("put", *words, str(path), self._url(key))

    def describe(self, key: str) -> Described:
        said = self._s3cmd.run("info", self._url(key)).decode()
        kind = re.search(r"MIME type:\s+(\S+)", said)
        assert kind is not None, said
        return Described(kind[1], dict(re.findall(r"x-amz-meta-(\S+):\s+(.+)", said)))

    def get(self, key: str) -> bytes:
        path = self.folder / "download"
        self._s3cmd.run("get", "--force", self._url(key), str(path))
        return path.read_bytes()

    def head(self, key: str) -> Head:
        said = self._s3cmd.run("info", self._url(key)).decode()
        size = re.search(r"File size:\s+(\d+)", said)
        etag = re.search(r"MD5 sum:\s+(\w+)", said)
        assert size is not None, said
        return Head(int(size[1]), etag[1] if etag else None)

    def list(self, prefix: str) -> Iterable[str]:
        said = self._s3cmd.run("ls", "--recursive", self._url(prefix)).decode()
        start = self._url("")
        return [line[line.index(start) + len(start) :] for line in said.splitlines()]

    def copy(self, source: str, target: str) -> None:
        self._s3cmd.run("cp", self._url(source), self._url(target))

    def delete(self, key: str) -> None:
        self._s3cmd.run("del", self._url(key))

    def delete_many(self, keys: Sequence[str]) -> None:
        self._s3cmd.run("del", "--recursive", "--force", self._url(folder_of(keys)))
