"""Runs in the Python clients' environment: one client through its cells, a line of JSON for each.

python -m conformance.webhdfs.python_driver fsspec < target.json
"""

import json
import sys
import traceback
from importlib import import_module
from pathlib import Path

from conformance.support.raw_s3 import Place, RawS3
from conformance.webhdfs.bench import Bench, outcome_of
from conformance.webhdfs.playing import Door
from conformance.webhdfs.target import Secure, Target

DRIVERS = {
    "fsspec": "conformance.webhdfs.fsspec_cells",
    "pyarrow": "conformance.webhdfs.pyarrow_cells",
    "opendal": "conformance.webhdfs.opendal_cells",
}
"""Each module has `version()`, `connect(bench)` and `CELLS`, name -> check(client, bench)."""


def main() -> None:
    """Run the client that is named, at the target given on standard input."""
    name = sys.argv[1]
    driver = import_module(DRIVERS[name])
    bench = Bench(_target(json.loads(sys.stdin.read())), name)
    print(json.dumps({"version": driver.version()}), flush=True)
    bench.ask("PUT", "", "op=MKDIRS")
    client = driver.connect(bench)
    for cell, check in driver.CELLS.items():
        words = outcome_of(lambda check=check: _shown(check, client, bench))
        print(json.dumps({"cell": cell, "words": words}), flush=True)


def _shown(check, client, bench) -> None:
    try:
        check(client, bench)
    except Exception:
        traceback.print_exc()
        raise


def _target(told: dict) -> Target:
    secure = Secure(**told["secure"]) if told["secure"] else None
    witness = RawS3(Place(**told["witness"])) if told["witness"] else None
    door = Door(told["authority"], told["root"], lambda user: f"user.name={user}" if user else "")
    return Target(told["name"], door, told["bucket"], Path(told["folder"]), witness, secure=secure)


if __name__ == "__main__":
    main()
