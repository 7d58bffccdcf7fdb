"""A client in another language: one process for all verbs, one line of JSON each way for each verb.

The first line is the place, and its answer the version; then one order a line. An answer is
{"value": ...} or {"error": "what the client said"}. Bodies go by files.
"""

import json
import os
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import ClassVar

from conformance.clients.client import ONLY_BYTES, Client, Described, Head
from conformance.clients.toolchains import started_by
from conformance.support.raw_s3 import Place

_INHERITED = ("PATH", "HOME", "LANG", "TMPDIR")
_END_SECONDS = 20


class ProgramSaidNoError(Exception):
    """What a program's client raised, in its words."""


class Program(Client):
    """Speaks with the program in drivers/LANGUAGE."""

    LACKS: ClassVar[Mapping[str, str]] = ONLY_BYTES
    LANGUAGE: ClassVar[str]
    WORDS: ClassVar[tuple[str, ...]] = ()

    def __init__(self, place: Place, folder: Path) -> None:
        super().__init__(place, folder)
        environment = {name: os.environ[name] for name in _INHERITED if name in os.environ}
        self._stack = ExitStack()
        self._process = self._stack.enter_context(
            subprocess.Popen(
                [*self.command(), *self.WORDS],
                env={"LC_ALL": "C.UTF-8", "AWS_EC2_METADATA_DISABLED": "true"}
                | environment
                | self.trust(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            )
        )
        self._version: str = self._said(asdict(place))

    def command(self) -> list[str]:
        """Return the words that start the program."""
        return started_by(self.LANGUAGE)

    def trust(self) -> dict[str, str]:
        """Return the environment that tells the program which certificates to trust."""
        return {"SSL_CERT_FILE": self.place.ca_file} if self.place.ca_file else {}

    def close(self) -> None:
        """End the program by ending what it reads."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._stack.close()

    def _said(self, told: Mapping[str, object]) -> object:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(told).encode() + b"\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise ProgramSaidNoError(f"the program ended with {self._process.wait()}")
        answer = json.loads(line)
        if "error" in answer:
            raise ProgramSaidNoError(answer["error"])
        return answer["value"]

    def _do(self, verb: str, **words: object) -> object:
        return self._said({"verb": verb, **words})

    def _download(self, verb: str, **words: object) -> bytes | None:
        """Return the body that a verb brought; None if its answer is False."""
        path = self.folder / "download"
        path.unlink(missing_ok=True)
        if self._do(verb, to=str(path), **words) is False:
            return None
        return path.read_bytes()

    def version(self) -> str:
        return self._version

    def put(self, key: str, path: Path) -> None:
        self._do("put", key=key, path=str(path))

    def multipart(self, key: str, path: Path) -> None:
        self._do("multipart", key=key, path=str(path))

    def put_described(self, key: str, path: Path, described: Described) -> None:
        self._do("put_described", key=key, path=str(path), **asdict(described))

    def put_new(self, key: str, path: Path) -> None:
        self._do("put_new", key=key, path=str(path))

    def get(self, key: str) -> bytes:
        return self._download("get", key=key)

    def get_range(self, key: str, start: int, stop: int) -> bytes:
        return self._download("get_range", key=key, start=start, stop=stop)

    def get_if_match(self, key: str, etag: str) -> bytes:
        return self._download("get_if_match", key=key, etag=etag)

    def find_changed(self, key: str, etag: str) -> bytes | None:
        return self._download("find_changed", key=key, etag=etag)

    def head(self, key: str) -> Head:
        seen = self._do("head", key=key)
        return Head(seen["size"], seen["etag"])

    def describe(self, key: str) -> Described:
        seen = self._do("describe", key=key)
        return Described(seen["content_type"], seen["metadata"])

    def list(self, prefix: str) -> Iterable[str]:
        return self._do("list", prefix=prefix)

    def copy(self, source: str, target: str) -> None:
        self._do("copy", source=source, target=target)

    def delete(self, key: str) -> None:
        self._do("delete", key=key)

    def delete_many(self, keys: Sequence[str]) -> None:
        self._do("delete_many", keys=list(keys))

    def presign_get(self, key: str) -> str:
        return self._do("presign_get", key=key)

    def presign_put(self, key: str) -> str:
        return self._do("presign_put", key=key)
