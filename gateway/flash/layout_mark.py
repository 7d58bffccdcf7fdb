"""The file `layout`: what the whole directory was written for, and what fits nothing else.

Chunk numbers mean nothing without `chunk_bytes`, and sealed bytes nothing without their keys. So a
directory that was written for another value, with or without keys, or with keys that are not there
any more, is emptied by the first process to open it; one that others have open in their way is not
touched, and is trouble for whoever comes with another. The mark is written last: whoever is killed
before that leaves a directory that is emptied once more.
"""

import logging
import os
import re
import shutil
from pathlib import Path
from typing import Final

from gateway.flash.keyring import find_keyring, make_keyring, remove_keyring
from gateway.flash.pin_list import remove_pins
from gateway.flash.safeguards import Safeguards
from gateway.flash.sealing import DataKeys
from gateway.model.failures import FlashTrouble

_log = logging.getLogger(__name__)
_FORMAT: Final = 1
_NAME: Final = "layout"
_SEALED: Final = " sealed"
_OURS: Final = {
    "index": re.compile(r"(data|lock)\.mdb"),
    "index.discarded": re.compile(r"(data|lock)\.mdb"),
    "segments": re.compile(r"\d{8,10}\.(seg|rec)|probe\.\d+"),
}


def agree_on_layout(
    path: Path, directory_fd: int, chunk_bytes: int, safeguards: Safeguards, *, is_first: bool
) -> DataKeys | None:
    """See to it that the directory is one for chunks of `chunk_bytes` under the keys that are set.

    Returns its data keys, None without keys; under the directory's lock. Raises FlashTrouble where
    other processes use it in another way, where it may not be emptied, or where it holds files
    that are not flash's; OSError.
    """
    keys = safeguards.keys
    wanted = f"format {_FORMAT} chunk_bytes {chunk_bytes}{_SEALED if keys else ''}\n"
    mark = path / _NAME
    try:
        found = mark.read_text(encoding="ascii", errors="replace")
    except FileNotFoundError:
        found = ""
    ring = find_keyring(directory_fd, keys, is_first=is_first) if found == wanted and keys else None
    if found == wanted and (ring is not None or not keys):
        return ring
    difference = _difference(found, wanted)
    if not is_first:
        raise FlashTrouble(f"other processes use this flash {difference}")
    if found and not safeguards.may_begin_anew:
        raise FlashTrouble(f"it was written {difference}: use the gateway's settings")
    if found:
        _log.warning("the flash at %s was written %s: it begins anew", path, difference)
    for place, names in _OURS.items():
        _empty(path / place, names)
    remove_keyring(directory_fd)
    remove_pins(directory_fd)
    ring = make_keyring(directory_fd, keys) if keys else None
    (path / "segments").mkdir(mode=0o700)
    _write(mark, wanted)
    return ring


def _difference(found: str, wanted: str) -> str:
    """Return in words how a directory is in use that is not in use as wanted."""
    if found == wanted:
        return "with a key that is none of those set"
    if (_SEALED in found) != (_SEALED in wanted):
        return "in plaintext" if _SEALED in wanted else "sealed, with a key"
    return "for chunks of another size"


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
