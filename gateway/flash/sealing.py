"""Sealing: what flash keeps is read only with a key (AES-256-GCM), and only as what it was kept as.

Whatever is sealed begins with the version of its data key and a random salt of 16 bytes. Salt and
data key give a key of its own (keyed BLAKE2b), so that a nonce may be a plain count and none is
ever used twice under a key, however much is sealed. What a thing is bound to (a chunk's body,
number and length, a row's key) is authenticated with it: it opens in no other's place.

A chunk is sealed in units of 64 KiB: a small read opens its unit and not the whole, and whatever is
read was authenticated on the way. decisions/0006 has the measurements.
"""

import os
import struct
from collections.abc import Mapping
from hashlib import blake2b
from typing import Final, TypeAlias

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from gateway.flash.units import (
    HEAD_BYTES,
    STORED_UNIT_BYTES,
    TAG_BYTES,
    UNIT_BYTES,
    chunk_bound,
    stored_bytes,
)

KEY_BYTES: Final = 32
_HEAD: Final = struct.Struct("<I16s")
_SALT_BYTES: Final = 16
_NONCE_BYTES: Final = 12
_ONCE: Final = bytes(_NONCE_BYTES)

Cipher: TypeAlias = AESGCM
"""The key of one sealed thing, ready for use."""


class DataKeys:
    """The data keys of one flash by version, and the key of its hashes of names."""

    __slots__ = ("_current", "_keys", "names_key")

    def __init__(self, keys: Mapping[int, bytes], names_key: bytes) -> None:
        """Seal with the newest of `keys`, open with all."""
        self._keys = dict(keys)
        self._current = max(self._keys)
        self.names_key = names_key

    def seal(self, plain: bytes, bound: bytes) -> bytes:
        """Return something small sealed, `SEALED_BYTES` longer."""
        salt = os.urandom(_SALT_BYTES)
        cipher = self._cipher(self._keys[self._current], salt)
        return _HEAD.pack(self._current, salt) + cipher.encrypt(_ONCE, plain, bound)

    def open(self, sealed: bytes, bound: bytes) -> bytes | None:
        """Return what was sealed with that bound; None where it was not, or its key is not here."""
        cipher = self.find_cipher(sealed[:HEAD_BYTES])
        if cipher is None:
            return None
        try:
            return cipher.decrypt(_ONCE, sealed[HEAD_BYTES:], bound)
        except InvalidTag:
            return None

    def find_cipher(self, head: bytes) -> Cipher | None:
        """Return the cipher of what begins with `head`; None where its data key is not here."""
        if len(head) != HEAD_BYTES:
            return None
        version, salt = _HEAD.unpack(head)
        key = self._keys.get(version)
        return None if key is None else self._cipher(key, salt)

    def seal_chunk(
        self, body: bytes, number: int, data: bytes | bytearray | memoryview
    ) -> bytearray:
        """Return a chunk sealed unit by unit, `stored_bytes` long."""
        salt = os.urandom(_SALT_BYTES)
        cipher = self._cipher(self._keys[self._current], salt)
        plain, bound = memoryview(data), chunk_bound(body, number, len(data))
        sealed = bytearray(stored_bytes(len(data)))
        _HEAD.pack_into(sealed, 0, self._current, salt)
        view, at = memoryview(sealed), HEAD_BYTES
        for unit, start in enumerate(range(0, len(data), UNIT_BYTES)):
            piece = plain[start : start + UNIT_BYTES]
            place = view[at : at + len(piece) + TAG_BYTES]
            cipher.encrypt_into(_nonce(unit), piece, bound, place)
            at += len(place)
        return sealed

    @staticmethod
    def _cipher(key: bytes, salt: bytes) -> Cipher:
        return AESGCM(
            blake2b(salt, key=key, digest_size=KEY_BYTES, person=b"forebay sealed").digest()
        )


def open_units(
    cipher: Cipher, bound: bytes, first: int, stored: memoryview
) -> bytes | bytearray | None:
    """Return the bytes of the units from number `first` on; None if one is not what was sealed."""
    try:
        if len(stored) <= STORED_UNIT_BYTES:
            return cipher.decrypt(_nonce(first), stored, bound)
        opened = bytearray(len(stored) - -(-len(stored) // STORED_UNIT_BYTES) * TAG_BYTES)
        place = memoryview(opened)
        for at, start in enumerate(range(0, len(stored), STORED_UNIT_BYTES)):
            unit = stored[start : start + STORED_UNIT_BYTES]
            rest = place[at * UNIT_BYTES : (at + 1) * UNIT_BYTES]
            cipher.decrypt_into(_nonce(first + at), unit, bound, rest)
    except InvalidTag:
        return None
    return opened


class Wrapping:
    """One of the keys that the settings name: it seals the data keys and nothing else."""

    __slots__ = ("_cipher", "number")

    def __init__(self, key: bytes) -> None:
        """Derive a key of this purpose alone (HKDF, RFC 5869), and the number it is told by."""
        self.number = _derived(key, b"forebay flash number", 4)
        self._cipher = AESGCM(_derived(key, b"forebay flash keys", KEY_BYTES))

    def seal(self, plain: bytes, bound: bytes) -> bytes:
        """Return the data keys sealed; done once in a rotation, so that a random nonce is fine."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, plain, bound)

    def open(self, sealed: bytes, bound: bytes) -> bytes | None:
        """Return the data keys; None where this key did not seal them."""
        try:
            return self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], bound)
        except (InvalidTag, ValueError):
            return None


class SpoolSealing:
    """The sealing of one file that nobody else ever reads, by a key that is only in memory."""

    __slots__ = ("_cipher",)

    def __init__(self) -> None:
        """Make the key; it goes with this object."""
        self._cipher = AESGCM(AESGCM.generate_key(KEY_BYTES * 8))

    def seal(self, unit: int, plain: bytes) -> bytes:
        """Return unit number `unit`, 16 bytes longer; each number once."""
        return self._cipher.encrypt(_nonce(unit), plain, None)

    def open(self, unit: int, sealed: bytes) -> bytes | None:
        """Return what was sealed as that unit; None where the file gives something else."""
        try:
            return self._cipher.decrypt(_nonce(unit), sealed, None)
        except InvalidTag:
            return None


def _nonce(unit: int) -> bytes:
    return unit.to_bytes(_NONCE_BYTES, "big")


def _derived(key: bytes, purpose: bytes, length: int) -> bytes:
    return HKDF(algorithm=SHA256(), length=length, salt=None, info=purpose).derive(key)
