"""Secrets at rest: sealed with AES-256-GCM, bound to what they are and whose they are.

A sealed text is `version, key number, nonce, ciphertext, tag`. The key number tells which of the
keys opens it, so that a new key may come into use while what the old one sealed is still read:
the first key seals, every key opens. What a text is bound to (its purpose and its owner) is
authenticated with it (NIST SP 800-38D, additional authenticated data): a sealed secret that is
moved to another row does not open. Each purpose has a key of its own (HKDF, RFC 5869).
"""

import binascii
import hmac
import os
from base64 import b64decode
from collections.abc import Sequence
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

KEY_BYTES: Final = 32
_VERSION: Final = b"\x01"
_NUMBER_BYTES: Final = 4
_NONCE_BYTES: Final = 12
_HEAD_BYTES: Final = len(_VERSION) + _NUMBER_BYTES + _NONCE_BYTES


class SealError(Exception):
    """A sealed text cannot be opened, or a key is none; the message is one sentence."""


class Sealer:
    """Seals and opens what belongs to one purpose."""

    __slots__ = ("_ciphers", "_number", "_purpose")

    def __init__(self, keys: Sequence[bytes], purpose: str) -> None:
        """Derive the purpose's keys from `keys` (32 bytes each, the one that seals first)."""
        self._purpose = purpose.encode()
        self._ciphers: dict[bytes, AESGCM] = {}
        for key in keys:
            number = _derived(key, b"forebay number", _NUMBER_BYTES)
            cipher = AESGCM(_derived(key, b"forebay " + self._purpose, KEY_BYTES))
            self._ciphers.setdefault(number, cipher)
        self._number = next(iter(self._ciphers))

    def seal(self, plain: bytes, owner: str) -> bytes:
        """Return `plain` sealed for `owner`, 33 bytes longer."""
        nonce = os.urandom(_NONCE_BYTES)
        sealed = self._ciphers[self._number].encrypt(nonce, plain, self._bound(owner))
        return _VERSION + self._number + nonce + sealed

    def open(self, sealed: bytes, owner: str) -> bytes:
        """Return what was sealed for `owner`; raises SealError."""
        number = sealed[len(_VERSION) : len(_VERSION) + _NUMBER_BYTES]
        if not sealed.startswith(_VERSION) or len(sealed) < _HEAD_BYTES:
            raise SealError("it was not sealed by this version of Forebay")
        cipher = self._ciphers.get(number)
        if cipher is None:
            raise SealError(
                f"it was sealed with another key (number {number.hex()}): "
                "add that key to state.key_file, below the one in use"
            )
        nonce = sealed[_HEAD_BYTES - _NONCE_BYTES : _HEAD_BYTES]
        try:
            return cipher.decrypt(nonce, sealed[_HEAD_BYTES:], self._bound(owner))
        except InvalidTag:
            raise SealError("it was changed, or sealed for another owner") from None

    def is_current(self, sealed: bytes) -> bool:
        """Return whether the key that seals today sealed it."""
        return sealed.startswith(_VERSION + self._number)

    def _bound(self, owner: str) -> bytes:
        return self._purpose + b"\0" + owner.encode()


class Prover:
    """Proves that this Forebay wrote something that everybody may read, and says by which key."""

    __slots__ = ("_keys", "number")

    def __init__(self, keys: Sequence[bytes], purpose: str) -> None:
        """Derive the purpose's keys from `keys` (32 bytes each, the one that proves first)."""
        numbered = [(_derived(key, b"forebay number", _NUMBER_BYTES), key) for key in keys]
        self._keys = {
            int.from_bytes(number, "big", signed=True): _derived(
                key, b"forebay proof " + purpose.encode(), KEY_BYTES
            )
            for number, key in reversed(numbered)
        }
        self.number = int.from_bytes(numbered[0][0], "big", signed=True)
        """Of the key that proves today: 32 bits, signed."""

    def proof(self, plain: bytes) -> bytes:
        """Return the HMAC-SHA256 of `plain` under today's key."""
        return hmac.digest(self._keys[self.number], plain, "sha256")

    def is_proof(self, proof: bytes, plain: bytes, number: int) -> bool:
        """Return whether the key of that number proves `plain` so; compared in constant time."""
        key = self._keys.get(number)
        return key is not None and hmac.compare_digest(hmac.digest(key, plain, "sha256"), proof)


def parse_keys(text: str) -> tuple[bytes, ...]:
    """Return the keys in `text`, one a line, base64 of 32 bytes each; raises SealError."""
    keys = []
    for line in filter(None, map(str.strip, text.splitlines())):
        try:
            key = b64decode(line, validate=True)
        except (binascii.Error, ValueError):
            key = b""
        if len(key) != KEY_BYTES:
            raise SealError(
                "a key is 32 random bytes in base64; make one with: openssl rand -base64 32"
            )
        keys.append(key)
    if not keys:
        raise SealError("there is no key in it; make one with: openssl rand -base64 32")
    return tuple(keys)


def _derived(key: bytes, purpose: bytes, length: int) -> bytes:
    return HKDF(algorithm=SHA256(), length=length, salt=None, info=purpose).derive(key)
