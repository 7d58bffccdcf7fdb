"""Where Spark lives: a Python environment with pyspark's wheel, and the jars that it lacks.

Both are outside the tree, beside the other clients (FOREBAY_CLIENTS, by default
~/.cache/forebay/clients), made when they are first asked for, and again when their versions change:
the wheel's stand in clients/environments.py, the jars' in jars/pom.xml.
"""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from conformance.clients.environments import clients_folder, python_in

_POM = Path(__file__).with_name("jars") / "pom.xml"
_COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"
_SECONDS_MAX = 900


@dataclass(frozen=True, slots=True)
class Installed:
    """Spark as it is on this machine."""

    python: Path
    jars: Path

    @property
    def class_path(self) -> str:
        """Return what Java takes for all the jars."""
        return f"{self.jars}/*"

    @property
    def home(self) -> Path:
        """Return SPARK_HOME."""
        return next(self.python.parents[1].glob("lib/python3*/site-packages/pyspark"))


def install() -> Installed:
    """Return Spark, installed if it must be; raises LookupError in the resolver's words."""
    missing = [tool for tool in ("java", "mvn") if shutil.which(tool) is None]
    if missing:
        raise LookupError(f"there is no {' and no '.join(missing)} on the path")
    try:
        python = python_in("spark")
    except subprocess.CalledProcessError as failure:
        raise LookupError(f"pip cannot install pyspark: {failure}") from failure
    return Installed(python, _jars())


def _jars() -> Path:
    folder = clients_folder() / "spark-jars"
    stamp, wanted = folder / "pom.xml", _POM.read_text()
    if stamp.exists() and stamp.read_text() == wanted:
        return folder / "jars"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    command = ["mvn", "--batch-mode", "--quiet", "--file", str(_POM), _COPY]
    done = subprocess.run(
        [*command, f"-DoutputDirectory={folder / 'jars'}"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_SECONDS_MAX,
        check=False,
        env=os.environ,
    )
    if done.returncode:
        raise LookupError(f"Maven says: {' '.join(done.stdout.split())[-600:]}")
    stamp.write_text(wanted)
    return folder / "jars"
