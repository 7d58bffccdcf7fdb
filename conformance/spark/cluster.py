"""A cluster of two machines on one: Spark's own master and two workers, each with an address.

Speculation needs them: a local master never speculates, and a second attempt of a task goes to
another host than the first. All of 127.0.0.0/8 is this machine.
"""

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from conformance.performance.tools import free_port
from conformance.spark.environment import Installed
from conformance.spark.program import environment
from gateway.demo.child import stopping
from tests.support.waiting import wait_until

_HOSTS = ("127.0.0.1", "127.0.0.2")
_START_SECONDS_MAX = 120.0
_DEPLOY = "org.apache.spark.deploy"


@contextmanager
def running_cluster(installed: Installed, folder: Path) -> Iterator[str]:
    """Run it, and yield the master's URL once both workers are known to it."""
    folder.mkdir(parents=True)
    port = free_port()
    url = f"spark://{_HOSTS[0]}:{port}"
    log = folder / "master.log"
    with ExitStack() as stack:
        words = ["--host", _HOSTS[0], "--port", str(port), "--webui-port", "0"]
        stack.enter_context(_running(installed, "master.Master", words, log))
        wait_until(lambda: "I have been elected" in log.read_text(), seconds_max=_START_SECONDS_MAX)
        for number, host in enumerate(_HOSTS):
            words = ["--host", host, "--cores", "1", "--memory", "1200m", "--webui-port", "0"]
            words += ["--work-dir", str(folder / f"work-{number}"), url]
            place = folder / f"worker-{number}.log"
            stack.enter_context(_running(installed, "worker.Worker", words, place, host))
        wait_until(
            lambda: log.read_text().count("Registering worker") >= len(_HOSTS),
            seconds_max=_START_SECONDS_MAX,
        )
        yield url


@contextmanager
def _running(
    installed: Installed, name: str, words: list[str], log: Path, host: str = _HOSTS[0]
) -> Iterator[None]:
    command = [str(installed.home / "bin/spark-class"), f"{_DEPLOY}.{name}", *words]
    variables = {**environment(installed), "SPARK_LOCAL_IP": host}
    with log.open("ab") as sink:
        process = subprocess.Popen(
            command, env=variables, stdin=subprocess.DEVNULL, stdout=sink, stderr=sink
        )
    with stopping(process):
        yield
