"""Where the fuzzer lives: an environment of its own with atheris, which nothing else needs.

It is made when it is first asked for, under FOREBAY_TEST_FUZZ_FOLDER (by default
~/.cache/forebay/fuzz), with the gateway's own packages at the versions of requirements.lock.
Corpora and findings lie beside it.
"""

import hashlib
import os
import subprocess
import venv
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
ATHERIS: Final = "atheris==3.0.0"
_TESTS_BEGIN: Final = "# --- what tests"
_STAMP: Final = "forebay-packages.txt"


def fuzz_folder() -> Path:
    """Return where the environment, the corpora and the findings are."""
    return Path(os.environ.get("FOREBAY_TEST_FUZZ_FOLDER") or Path.home() / ".cache/forebay/fuzz")


def python() -> Path:
    """Return the environment's interpreter; raises CalledProcessError where pip cannot make it."""
    folder = fuzz_folder() / "environment"
    lock = (ROOT / "requirements.lock").read_text().partition(_TESTS_BEGIN)[0]
    wanted = f"{ATHERIS}\n{hashlib.sha256(lock.encode()).hexdigest()}\n"
    stamp = folder / _STAMP
    if not stamp.exists() or stamp.read_text() != wanted:
        venv.create(folder, clear=True, with_pip=True)
        pip = [str(folder / "bin/python"), "-m", "pip", "install", "--quiet"]
        pip.append("--disable-pip-version-check")
        runtime = folder / "runtime.lock"
        runtime.write_text(lock)
        subprocess.run([*pip, "--require-hashes", "--requirement", str(runtime)], check=True)
        subprocess.run([*pip, ATHERIS], check=True)
        stamp.write_text(wanted)
    return folder / "bin/python"
