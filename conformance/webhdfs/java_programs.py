"""What is written in Java: jars from Maven Central and sources in java/, built outside the tree.

A folder of java/ has a pom.xml that names its jars and sources that stand on them; both are made
under FOREBAY_HADOOP (by default ~/.cache/forebay/hadoop) when they are first asked for and again
when the folder changes.
"""

import os
import shutil
import subprocess
from hashlib import sha256
from pathlib import Path

SOURCES = Path(__file__).with_name("java")
_STAMP = ".forebay-sources"
_BUILD_SECONDS_MAX = 1500


def hadoop_folder() -> Path:
    """Return where everything of Java lies."""
    return Path(os.environ.get("FOREBAY_HADOOP") or Path.home() / ".cache/forebay/hadoop")


def class_path(name: str) -> str:
    """Return the class path of a program of java/, which is built if it must be.

    Raises CalledProcessError where Maven or javac cannot, LookupError where they are absent.
    """
    source, built = SOURCES / name, hadoop_folder() / name
    stamp, wanted = built / _STAMP, _digest(source)
    if not stamp.exists() or stamp.read_text() != wanted:
        _build(source, built)
        stamp.write_text(wanted)
    return f"{built}/classes:{built}/jars/*"


def _build(source: Path, built: Path) -> None:
    for tool in ("mvn", "javac"):
        if shutil.which(tool) is None:
            raise LookupError(f"there is no {tool} on the path")
    shutil.rmtree(built, ignore_errors=True)
    (built / "classes").mkdir(parents=True)
    copy = ["mvn", "-q", "-B", "dependency:copy-dependencies", f"-DoutputDirectory={built}/jars"]
    _run([*copy, "-f", str(source / "pom.xml")])
    sources = sorted(map(str, source.rglob("*.java")))
    if sources:
        _run(["javac", "-cp", f"{built}/jars/*", "-d", f"{built}/classes", *sources])
    for resource in sorted(source.rglob("*.xml")):
        if resource.name != "pom.xml":
            place = built / "classes" / resource.relative_to(source)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(resource, place)


def _run(command: list[str]) -> None:
    subprocess.run(command, check=True, timeout=_BUILD_SECONDS_MAX)


def _digest(folder: Path) -> str:
    whole = sha256()
    for path in sorted(one for one in folder.rglob("*") if one.is_file()):
        whole.update(f"{path.relative_to(folder)}\0".encode() + path.read_bytes())
    return whole.hexdigest()
