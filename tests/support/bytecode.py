"""The package compiled once, as pip does when it installs.

Where the environment forbids Python to write bytecode down (PYTHONDONTWRITEBYTECODE), every process
that is started would compile all of it anew, which takes as long as everything else at its start.
"""

from compileall import compile_dir
from pathlib import Path
from typing import Final

PACKAGE: Final = Path(__file__).parents[2] / "gateway"


def compile_package() -> None:
    """Write down the bytecode of what has changed."""
    compile_dir(PACKAGE, quiet=1)
