"""Parts `fsspec`, `pyarrow`, `opendal`: Python clients of WebHDFS, in their own environment."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

from conformance.clients.environments import python_in
from conformance.webhdfs.scorecard import Row
from conformance.webhdfs.target import Target

_ROOT = Path(__file__).resolve().parents[2]
_SECONDS_MAX = 900


def _run(client: str) -> Callable[[Target], Iterator[Row]]:
    def run(target: Target) -> Iterator[Row]:
        """Yield a row for each cell of the client."""
        named = client
        for said in _said(client, target):
            if "version" in said:
                named = f"{client} {said['version']}"
            else:
                words = said["words"]
                yield Row(client, said["cell"], named, _result(words), words)

    return run


def _result(words: str) -> str:
    if words.startswith("NotHere"):
        return "skipped"
    return "fail" if words else "ok"


fsspec = _run("fsspec")
pyarrow = _run("pyarrow")
opendal = _run("opendal")


def _said(client: str, target: Target) -> Iterator[dict[str, str]]:
    # A bundle of the environment goes before the one that requests is told.
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("PYTHON") and not name.endswith("CA_BUNDLE")
    }
    done = subprocess.run(
        [str(python_in("webhdfs")), "-m", "conformance.webhdfs.python_driver", client],
        cwd=_ROOT,
        env={**environment, "PYTHONPATH": str(_ROOT), "PYTHONUTF8": "1"},
        input=json.dumps(_told(target)),
        capture_output=True,
        text=True,
        timeout=_SECONDS_MAX,
        check=False,
    )
    sys.stderr.write(done.stderr[-4000:])
    for line in done.stdout.splitlines():
        yield json.loads(line)
    if done.returncode:
        yield {"cell": "all", "words": f"it broke down: {done.stderr[-400:]}"}


def _told(target: Target) -> dict[str, object]:
    secure = target.secure
    return {
        "name": target.name,
        "authority": target.door.authority,
        "root": target.door.root,
        "bucket": target.bucket,
        "folder": str(target.folder),
        "witness": asdict(target.witness.place) if target.witness else None,
        "secure": {**asdict(secure), "ca_file": str(secure.ca_file)} if secure else None,
    }
