"""Clients that are not Python: their sources are in drivers/, they are built outside the tree.

A program is built by the toolchain that is on the path, at the versions that its own manifest and
lock file pin, under FOREBAY_CLIENTS beside the Python environments, and again when its sources
change. Standard library only: drivers import this in the clients' environments.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from conformance.clients.environments import clients_folder

SOURCES = Path(__file__).with_name("drivers")
_SECONDS_MAX = 1800
_STAMP = ".forebay-sources"


@dataclass(frozen=True, slots=True)
class Toolchain:
    """How one language's program is made and started, in the folder that it is built in."""

    tools: tuple[str, ...]
    build: tuple[str, ...]
    start: tuple[str, ...]


TOOLCHAINS = {
    "go": Toolchain(("go",), ("go", "build", "-p", "1", "-o", "client", "."), ("{}/client",)),
    "js": Toolchain(
        ("node", "npm"),
        ("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"),
        ("node", "{}/client.mjs"),
    ),
    "java": Toolchain(
        ("java", "javac", "mvn"),
        ("mvn", "--batch-mode", "--quiet", "compile"),
        ("java", "-cp", "{}/target/classes:{}/target/jars/*", "Client"),
    ),
    "rust": Toolchain(
        ("cargo",),
        ("cargo", "build", "--release", "--locked", "--jobs", "1"),
        ("{}/target/release/client",),
    ),
}


def started_by(language: str) -> list[str]:
    """Return the command of a program that is built; raises LookupError if it is not."""
    folder = clients_folder() / language
    if not (folder / _STAMP).exists():
        raise LookupError(f"the {language} program is not built")
    return [word.replace("{}", str(folder)) for word in TOOLCHAINS[language].start]


def build(language: str) -> None:
    """Build a program unless its sources are the built ones.

    Raises LookupError with the reason where a tool is missing or says no.
    """
    toolchain, folder = TOOLCHAINS[language], clients_folder() / language
    missing = [tool for tool in toolchain.tools if shutil.which(tool) is None]
    if missing:
        raise LookupError(f"there is no {' and no '.join(missing)} on the path")
    stamp, wanted = folder / _STAMP, _digest(SOURCES / language)
    if stamp.exists() and stamp.read_text() == wanted:
        return
    stamp.unlink(missing_ok=True)
    for source in _sources(SOURCES / language):
        target = folder / source.relative_to(SOURCES / language)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
    _run(toolchain.build, folder)
    stamp.write_text(wanted)


def _run(command: tuple[str, ...], folder: Path) -> None:
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "CGO_ENABLED": "0"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=_SECONDS_MAX,
        check=False,
    )
    if done.returncode:
        said = (done.stdout + done.stderr).decode(errors="replace").strip()
        raise LookupError(f"{' '.join(command)} failed: {said[-600:]}")


def _sources(folder: Path) -> Iterator[Path]:
    yield from sorted(path for path in folder.rglob("*") if path.is_file())


def _digest(folder: Path) -> str:
    whole = sha256()
    for path in _sources(folder):
        whole.update(f"{path.relative_to(folder)}\0".encode() + path.read_bytes())
    return whole.hexdigest()
