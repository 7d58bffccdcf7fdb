"""aws-cli: `aws s3` for files, `aws s3api` for what it has no words for."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import ClassVar

from conformance.clients.client import (
    ONLY_BYTES,
    PART_BYTES,
    Client,
    CommandFailedError,
    CommandLine,
    Described,
    Head,
)
from conformance.clients.environments import program
from conformance.support.raw_s3 import Place

SETTINGS = {
    # Without it `aws s3 presign` signs with V2 for us-east-1, which AWS retired in 2020.
    "signature_version": "s3v4",
    "addressing_style": "path",
    "multipart_chunksize": str(PART_BYTES),
    "max_concurrent_requests": "20",
    "payload_signing_enabled": "true",
}
"""As people tune it for a store of their own: `aws configure set default.s3.NAME VALUE`."""


class AwsCli(Client):
    """The command line that most people paste from."""

    LACKS: ClassVar = {
        "presign_put": "`aws s3 presign` signs GET only",
        **ONLY_BYTES,
    }

    def __init__(self, place: Place, folder: Path) -> None:
        super().__init__(place, folder)
        environment = {
            "AWS_ACCESS_KEY_ID": place.access_key,
            "AWS_SECRET_ACCESS_KEY": place.secret_key,
            "AWS_DEFAULT_REGION": place.region,
            "AWS_CONFIG_FILE": str(folder / "config"),
            "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_MAX_ATTEMPTS": "1",
        }
        if place.session_token is not None:
            environment["AWS_SESSION_TOKEN"] = place.session_token
        if place.ca_file is not None:
            environment["AWS_CA_BUNDLE"] = place.ca_file
        self._aws = CommandLine([program("aws"), "--endpoint-url", place.endpoint], environment)
        for name, value in SETTINGS.items():
            self._aws.run("configure", "set", f"default.s3.{name}", value)

    def version(self) -> str:
        return self._aws.run("--version").decode().split()[0].replace("/", " ")

    def _api(self, verb: str, *words: str) -> bytes:
        return self._aws.run("s3api", verb, "--bucket", self.place.bucket, *words)

    def _url(self, key: str) -> str:
        return f"s3://{self.place.bucket}/{key}"

    def put(self, key: str, path: Path) -> None:
        if key.endswith("/"):  # for `s3 cp` a folder: it would add the file's name
            self._api("put-object", "--key", key, "--body", str(path))
        else:
            self._aws.run("s3", "cp", "--only-show-errors", str(path), self._url(key))

    multipart = put  # its own threshold is 8 MiB

    def put_described(self, key: str, path: Path, described: Described) -> None:
        named = [f"{name}={value}" for name, value in described.metadata.items()]
        words = ["--content-type", described.content_type, "--metadata", ",".join(named)]
        self._aws.run("s3", "cp", "--only-show-errors", *words, str(path), self._url(key))

    def describe(self, key: str) -> Described:
        seen = json.loads(self._api("head-object", "--key", key))
        return Described(seen["ContentType"], seen["Metadata"])

    def put_new(self, key: str, path: Path) -> None:
        self._api("put-object", "--key", key, "--body", str(path), "--if-none-match", "*")

    def get_if_match(self, key: str, etag: str) -> bytes:
        path = self.folder / "download"
        self._api("get-object", "--key", key, "--if-match", etag, str(path))
        return path.read_bytes()

    def find_changed(self, key: str, etag: str) -> bytes | None:
        path = self.folder / "download"
        try:
            self._api("get-object", "--key", key, "--if-none-match", etag, str(path))
        except CommandFailedError as refused:
            if "(304)" not in str(refused):
                raise
            return None
        return path.read_bytes()

    def get(self, key: str) -> bytes:
        path = self.folder / "download"
        if key.endswith("/"):
            self._api("get-object", "--key", key, str(path))
        else:
            self._aws.run("s3", "cp", "--only-show-errors", self._url(key), str(path))
        return path.read_bytes()

    def get_range(self, key: str, start: int, stop: int) -> bytes:
        path = self.folder / "download"
        asked = f"bytes={start}-{stop - 1}"
        self._api("get-object", "--key", key, "--range", asked, str(path))
        return path.read_bytes()

    def head(self, key: str) -> Head:
        seen = json.loads(self._api("head-object", "--key", key))
        return Head(seen["ContentLength"], seen["ETag"])

    def list(self, prefix: str) -> Iterable[str]:
        seen = json.loads(self._api("list-objects-v2", "--prefix", prefix, "--page-size", "7"))
        return [one["Key"] for one in seen["Contents"]]

    def copy(self, source: str, target: str) -> None:
        self._aws.run("s3", "cp", "--only-show-errors", self._url(source), self._url(target))

    def delete(self, key: str) -> None:
        self._aws.run("s3", "rm", "--only-show-errors", self._url(key))

    def delete_many(self, keys: Sequence[str]) -> None:
        told = json.dumps({"Objects": [{"Key": key} for key in keys], "Quiet": False})
        seen = json.loads(self._api("delete-objects", "--delete", told))
        assert "Errors" not in seen, seen

    def presign_get(self, key: str) -> str:
        return self._aws.run("s3", "presign", self._url(key)).decode().strip()
