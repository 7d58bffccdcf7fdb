"""The pins: what people asked never to be evicted, in the file `pins` of the directory.

They are beginnings of names, so that on a sealed flash they are sealed like all that tells of one.
"""

import contextlib
import json
import os
from typing import Final

from gateway.flash.sealing import DataKeys
from gateway.flash.units import SEALED_BYTES
from gateway.model.failures import FlashTrouble

PINS_MAX: Final = 64
_BYTES_MAX: Final = PINS_MAX * 2048
_NAME: Final = "pins"
_BOUND: Final = b"forebay pins"


def read_pins(directory_fd: int, keys: DataKeys | None) -> tuple[str, ...]:
    """Return the pinned beginnings of `bucket/key`; none where the file is none of ours."""
    try:
        descriptor = os.open(_NAME, os.O_RDONLY, dir_fd=directory_fd)
    except FileNotFoundError:
        return ()
    with os.fdopen(descriptor, "rb") as file:
        kept = file.read(_BYTES_MAX + SEALED_BYTES)
    written = kept if keys is None else keys.open(kept, _BOUND)
    try:
        found = json.loads(written or b"")
    except ValueError:
        return ()
    is_list = isinstance(found, list) and all(isinstance(one, str) for one in found)
    return tuple(found[:PINS_MAX]) if is_list else ()


def write_pins(directory_fd: int, pins: tuple[str, ...], keys: DataKeys | None) -> None:
    """Keep the pins, through a power loss too; raises OSError, FlashTrouble for too many."""
    written = json.dumps(pins).encode()
    if len(pins) > PINS_MAX or len(written) > _BYTES_MAX:
        raise FlashTrouble(f"there are {PINS_MAX} pins: remove one, or pin what is above them")
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    descriptor = os.open(f"{_NAME}.new", flags, 0o600, dir_fd=directory_fd)
    try:
        os.write(descriptor, written if keys is None else keys.seal(written, _BOUND))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    os.rename(f"{_NAME}.new", _NAME, src_dir_fd=directory_fd, dst_dir_fd=directory_fd)
    os.fsync(directory_fd)


def remove_pins(directory_fd: int) -> None:
    """Forget all pins; raises OSError."""
    for name in (_NAME, f"{_NAME}.new"):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name, dir_fd=directory_fd)
