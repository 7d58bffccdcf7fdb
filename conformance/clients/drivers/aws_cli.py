"""aws-cli: `aws s3` for files, `aws s3api` for what it has no words for."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import ClassVar

from conformance.clients.client import Client, CommandLine, Head
from conformance.clients.environments import program
from conformance.support.raw_s3 import Place


class AwsCli(Client):
    """The command line that most people paste from."""

    LACKS: ClassVar = {
        "presign_put": "`aws s3 presign` signs GET only",
        "read_parquet": "reads no Parquet",
    }

    def __init__(self, place: Place, folder: Path) -> None:
        super().__init__(place, folder)
        # Without it `aws s3 presign` signs with V2 for us-east-1, which AWS retired in 2020.
        (folder / "config").write_text("[default]\ns3 =\n  signature_version = s3v4\n")
        environment = {
            "AWS_ACCESS_KEY_ID": place.access_key,
            "AWS_SECRET_ACCESS_KEY": place.secret_key,
            "AWS_DEFAULT_REGION": place.region,
            "AWS_CONFIG_FILE": str(folder / "config"),
            "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_MAX_ATTEMPTS": "1",
        }
        if place.ca_file is not None:
            environment["AWS_CA_BUNDLE"] = place.ca_file
        self._aws = CommandLine([program("aws"), "--endpoint-url", place.endpoint], environment)

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
