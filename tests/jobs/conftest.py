"""A job's surroundings: an origin in a thread, a settings file, and `forebay cache` in process."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from gateway.__main__ import main
from gateway.demo.origin import EmbeddedOrigin
from tests.support.gateway_process import write_settings
from tests.support.gateway_settings import gateway_tables
from tests.support.origins import threaded_origin


class Told(NamedTuple):
    """What a command said: its exit code, and its events or lines."""

    code: int
    events: list[dict[str, Any]]
    out: str
    err: str

    @property
    def summary(self) -> dict[str, Any]:
        return self.events[-1]

    def of(self, event: str) -> dict[str, dict[str, Any]]:
        """Return the events of a kind by their object."""
        return {one["object"]: one for one in self.events if one["event"] == event}


class Desk:
    """Where jobs are ordered: an origin with the bucket `bucket`, and the gateway's settings."""

    def __init__(self, folder: Path, origin: EmbeddedOrigin, capsys: Any) -> None:
        self.folder, self.origin, self._capsys = folder, origin, capsys
        self.flash_path = folder / "flash"
        self.tables = gateway_tables(origin.endpoint, self.flash_path)
        origin.make_bucket("bucket")

    def put(self, key: str, content: bytes, bucket: str = "bucket") -> None:
        # Written long ago: what was written this second is another matter.
        self.origin.put(bucket, key, content, modified=1_700_000_000.0)

    def run(self, *words: str) -> Told:
        write_settings(self.folder / "forebay.toml", self.tables)
        code = main(["cache", *words, "--config", str(self.folder / "forebay.toml")])
        return Told(code, [], *self._capsys.readouterr())

    def warm(self, *words: str) -> Told:
        return _with_events(self.run("warm", *words, "--json"))

    def verify(self, path: str = "s3://bucket/", *words: str) -> Told:
        return _with_events(self.run("verify", path, "--json", *words))

    def held(self, path: str = "s3://bucket/") -> dict[str, dict[str, Any]]:
        """Return what `cache ls` tells of each object."""
        told = json.loads(self.run("ls", path, "--json").out)
        return {one["object"]: one for one in told["objects"]}

    def sent_bytes(self) -> int:
        return self.origin.counters.body_bytes_sent

    def asked(self) -> dict[str, int]:
        return dict(self.origin.counters.operations)


def _with_events(told: Told) -> Told:
    return told._replace(events=[json.loads(line) for line in told.out.splitlines()])


@pytest.fixture
def desk(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Desk]:
    with threaded_origin() as origin:
        yield Desk(tmp_path, origin, capsys)
