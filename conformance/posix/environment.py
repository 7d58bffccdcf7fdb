"""The Python programs of the suite, in an environment of their own outside the tree."""

import subprocess
import sys
from pathlib import Path

FOLDER = Path.home() / ".cache" / "forebay" / "posix"
PACKAGES = ("duckdb==1.4.2", "numpy==2.3.5", "pyarrow==22.0.0", "safetensors==0.7.0")
WHEELS = ("pytest==9.0.1",)
"""Put into an environment that is made on the mount itself."""


def python() -> Path:
    """Return the environment's Python, made where it is absent."""
    made = FOLDER / "venv" / "bin" / "python"
    mark = FOLDER / "venv" / ".made"
    if not mark.is_file() or mark.read_text() != " ".join(PACKAGES):
        _run(sys.executable, "-m", "venv", "--clear", str(FOLDER / "venv"))
        _run(str(made), "-m", "pip", "install", "-q", *PACKAGES)
        mark.write_text(" ".join(PACKAGES))
    return made


def wheels() -> Path:
    """Return a folder with pytest and what it needs, as wheels."""
    folder = FOLDER / "wheels"
    if not folder.is_dir():
        _run(sys.executable, "-m", "pip", "download", "-q", "-d", str(folder), *WHEELS)
    return folder


def _run(*words: str) -> None:
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(words)}: {done.stderr[-1500:]}")
