"""Part `shell`: `hadoop fs` by webhdfs:// as a user who is believed by name."""

from collections.abc import Iterator

from conformance.webhdfs.bench import Bench, outcome_of
from conformance.webhdfs.hadoop_client import running_client
from conformance.webhdfs.scorecard import Row
from conformance.webhdfs.shell_cells import SHELL_CELLS, Shell
from conformance.webhdfs.steps import OWNER
from conformance.webhdfs.target import Target

PART = "shell"


def run(target: Target) -> Iterator[Row]:
    """Yield a row for each command."""
    bench = Bench(target, "shell")
    with running_client(OWNER) as client:
        name = f"hadoop fs {client.version}"
        shell = Shell(client, bench, "webhdfs", target.door.authority)
        shell.client.fs("-mkdir", "-p", shell.at(""))
        for command, check in SHELL_CELLS.items():
            words = outcome_of(lambda check=check: check(shell))
            yield Row(PART, command, name, "fail" if words else "ok", words)
