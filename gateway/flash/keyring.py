"""The keyring: a flash's data keys, in the file `keys`, sealed by the key that the settings name.

What is on flash is sealed with data keys, which are random and never leave this file unsealed. So
a new key in the settings costs one small write: the first process to open flash with it adds a data
key for what is written from then on, and seals them all by the new key; the old one need not be
named after that. The hashes of names keep their key, since rows are found by them.

    magic "FBKR" | format u8 | number of the sealing key (4 bytes) | nonce | sealed: names' key,
    then version u32 and key of each data key, ascending
"""

import contextlib
import os
import struct
from collections.abc import Sequence
from typing import Final

from gateway.flash.sealing import KEY_BYTES, DataKeys, Wrapping

_NAME: Final = "keys"
_HEAD: Final = struct.Struct("<4sB4s")
_MAGIC: Final = b"FBKR"
_FORMAT: Final = 1
_KEY: Final = struct.Struct(f"<I{KEY_BYTES}s")
_FILE_BYTES_MAX: Final = 1 << 20


def find_keyring(directory_fd: int, keys: Sequence[bytes], *, is_first: bool) -> DataKeys | None:
    """Return the data keys of the directory; None if there are none that one of `keys` opens.

    Where another than the first of `keys` had sealed them, the first process to open flash adds a
    data key and seals all by the first; under the directory's lock. Raises OSError.
    """
    try:
        descriptor = os.open(_NAME, os.O_RDONLY, dir_fd=directory_fd)
    except FileNotFoundError:
        return None
    with os.fdopen(descriptor, "rb") as file:
        data = file.read(_FILE_BYTES_MAX)
    wrappings = [Wrapping(key) for key in keys]
    for wrapping in wrappings:
        bound = _HEAD.pack(_MAGIC, _FORMAT, wrapping.number)
        plain = wrapping.open(data[_HEAD.size :], bound) if data.startswith(bound) else None
        if plain is None:
            continue
        names_key, ring = plain[:KEY_BYTES], dict(_KEY.iter_unpack(plain[KEY_BYTES:]))
        if wrapping is not wrappings[0] and is_first:
            ring[max(ring) + 1] = os.urandom(KEY_BYTES)
            _write(directory_fd, wrappings[0], names_key, ring)
        return DataKeys(ring, names_key)
    return None


def make_keyring(directory_fd: int, keys: Sequence[bytes]) -> DataKeys:
    """Return new data keys, written to the directory's disk; raises OSError."""
    names_key, ring = os.urandom(KEY_BYTES), {1: os.urandom(KEY_BYTES)}
    _write(directory_fd, Wrapping(keys[0]), names_key, ring)
    return DataKeys(ring, names_key)


def remove_keyring(directory_fd: int) -> None:
    """Remove the data keys: what was sealed with them is nothing any more. Raises OSError."""
    for name in (_NAME, f"{_NAME}.new"):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name, dir_fd=directory_fd)


def _write(directory_fd: int, wrapping: Wrapping, names_key: bytes, ring: dict[int, bytes]) -> None:
    """Replace the file as a whole, on the disk before anything is sealed with what is new in it."""
    head = _HEAD.pack(_MAGIC, _FORMAT, wrapping.number)
    plain = names_key + b"".join(_KEY.pack(*item) for item in sorted(ring.items()))
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    descriptor = os.open(f"{_NAME}.new", flags, 0o600, dir_fd=directory_fd)
    try:
        os.write(descriptor, head + wrapping.seal(plain, head))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    os.rename(f"{_NAME}.new", _NAME, src_dir_fd=directory_fd, dst_dir_fd=directory_fd)
    os.fsync(directory_fd)
