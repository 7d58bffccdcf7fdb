"""The file `layout`: what the whole directory was written for, and what fits nothing else.

Chunk numbers mean nothing without `chunk_bytes`. So a directory that was written for another value,
or in another format, is emptied by the first process to open it; one that others have open in their
way is not touched, and is trouble for whoever comes with another.
"""

import os
import re
import shutil
from pathlib import Path
from typing import Final

from gateway.model.failures import FlashTrouble

_FORMAT: Final = 1
_NAME: Final = "layout"
_OURS: Final = {
    "index": re.compile(r"(data|lock)\.mdb"),
    "segments": re.compile(r"\d{8,10}\.(seg|rec)|probe\.\d+"),
}


def agree_on_layout(path: Path, chunk_bytes: int, *, is_first: bool) -> None:
    """See to it that the directory is one for chunks of `chunk_bytes`; under its lock.

    Raises FlashTrouble where other processes use it for other chunks, or where it holds files that
    are not flash's; OSError.
    """
    wanted = f"format {_FORMAT} chunk_bytes {chunk_bytes}\n"
    mark = path / _NAME
    try:
        found = mark.read_text(encoding="ascii", errors="replace")
    except FileNotFoundError:
        found = ""
    if found == wanted:
        return
    if not is_first:
        raise FlashTrouble("other processes use this flash for chunks of another size")
    for place, names in _OURS.items():
        _empty(path / place, names)
    (path / "segments").mkdir(mode=0o700)
    _write(mark, wanted)


def _empty(folder: Path, ours: re.Pattern[str]) -> None:
    """Remove a folder of flash's own, which nobody else's files may be in."""
    names = [file.name for file in folder.iterdir()] if folder.is_dir() else []
    foreign = [name for name in names if not ours.fullmatch(name)]
    if foreign:
        raise FlashTrouble(f"{folder} holds {foreign[0]}, which is not flash's")
    shutil.rmtree(folder, ignore_errors=True)


def _write(mark: Path, text: str) -> None:
    """Write the mark to the disk before anything that it speaks of comes."""
    new = mark.with_suffix(".new")
    new.touch(mode=0o600)
    with new.open("w", encoding="ascii") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    new.rename(mark)
