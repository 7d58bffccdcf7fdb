"""The gateway under test: started by its own command, stopped by its handle."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from conformance.performance.origins import ACCESS_KEY, BUCKET, REGION, SECRET_KEY, Server
from conformance.performance.tools import Process, pinned, running, wait_file


@dataclass(frozen=True, slots=True)
class Gateway(Server):
    """A running gateway."""

    process: Process | None = None

    def worker_ids(self) -> list[int]:
        """Return the process ids of its workers."""
        return _children(self._id)

    def memory_bytes(self) -> int:
        """Return the memory of all workers and the supervisor, shared pages divided (PSS).

        The index is a memory map of a file: its pages are the page cache's and count only with
        the share that the processes hold.
        """
        return sum(_pss_bytes(one) for one in (self._id, *self.worker_ids()))

    @property
    def _id(self) -> int:
        assert self.process is not None
        return self.process.pid


@contextmanager
def running_gateway(
    folder: Path,
    origin_endpoint: str,
    *,
    workers: int = 2,
    freshness: str = "strict",
    core: int | None = None,
    more: str = "",
    environment: dict[str, str] | None = None,
) -> Iterator[Gateway]:
    """Run a gateway with an empty cache in `folder` until the block ends.

    Neither it nor a peer writes an access log, so that all are compared at the same work. `more` is
    written behind its settings; `environment` may hold settings that stand in a table before it.
    """
    folder.mkdir(parents=True)
    configuration, ready = folder / "forebay.toml", folder / "ready.json"
    configuration.write_text(
        _SETTINGS.format(
            origin=origin_endpoint,
            region=REGION,
            access_key=ACCESS_KEY,
            secret_key=SECRET_KEY,
            flash=folder / "flash",
            workers=workers,
            bucket=BUCKET,
            freshness=freshness,
        )
        + more
    )
    command = [*pinned(core), sys.executable, "-m", "gateway", "serve"]
    command += ["--config", str(configuration), "--ready-file", str(ready)]
    with running(command, folder / "log", environment) as process:
        said = json.loads(wait_file(process, ready))
        yield Gateway(urlsplit(said["s3"]).port or 0, process=process)


_SETTINGS = """\
[s3]
listen = "127.0.0.1:0"
[admin]
listen = "127.0.0.1:0"
[origin]
endpoint = "{origin}"
region = "{region}"
access_key = "{access_key}"
secret_key = "{secret_key}"
[flash]
path = "{flash}"
size = "20GiB"
[workers]
count = {workers}
[log]
access = "off"
level = "warning"
[[identities]]
name = "performance"
access_key = "{access_key}"
secret_key = "{secret_key}"
policy = "admin"
[[rules]]
match = "{bucket}/*"
freshness = "{freshness}"
"""


def _children(process_id: int) -> list[int]:
    listed = Path(f"/proc/{process_id}/task/{process_id}/children").read_text()
    return [int(word) for word in listed.split()]


def _pss_bytes(process_id: int) -> int:
    for line in Path(f"/proc/{process_id}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    return 0
