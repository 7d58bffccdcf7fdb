"""The settings of flash: where it is, how it is divided, and how what it keeps is guarded."""

from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, model_validator

from gateway.flash.admission import SIZE_BYTES_MIN, divide
from gateway.flash.safeguards import Verify
from gateway.flash.units import stored_bytes
from gateway.settings.fields import Section, refuse, setting
from gateway.settings.values import GIB, KIB, MIB, LocalPath, Secret, Size, Words, check_key


class FlashSettings(Section):
    """The local disk that hot objects are kept on."""

    path: LocalPath = setting(
        "The folder of the cache, made if absent. It is Forebay's alone.",
        Path("flash"),
        unit="path",
    )
    size: Size = setting(
        "Bytes on flash that are never exceeded, index included.",
        10 * GIB,
        unit="size",
        ge=SIZE_BYTES_MIN,
    )
    chunk_size: Size = setting(
        "The unit in which bodies are fetched and kept. Smaller wastes less on small reads, larger "
        "costs fewer index rows. What is on flash under another chunk size is not used.",
        MIB,
        unit="size",
        ge=4 * KIB,
        le=64 * MIB,
    )
    segment_size: Size | None = setting(
        "The file size at which a new segment is begun; eviction frees whole segments. Without it, "
        "a 64th of `size` between 8 and 256 MiB, or less where `size` is small.",
        None,
        unit="size",
        ge=8 * KIB,
    )
    fill_memory: Size = setting(
        "Memory that each worker may use for bodies on their way from the origin. Readers wait "
        "for it, so a crowd of cold reads cannot exhaust the machine.",
        128 * MIB,
        unit="size",
        ge=MIB,
    )
    spool_memory: Size = setting(
        "Memory that each worker may use for upload bodies that are verified before they are sent "
        "on; larger ones are spooled to flash.",
        64 * MIB,
        unit="size",
        ge=0,
    )

    verify: Verify = setting(
        "When a chunk's checksum (CRC32C) is judged: `always`, at every read, right before its "
        "bytes leave; `first`, at the first read in a process and again whenever its bytes come "
        "from the disk and not from memory; `scrub`, by the scrub alone (and at first reads after "
        "a power loss). What is wrong is a miss.",
        "first",
    )
    scrub_bytes_per_second: Size = setting(
        "How fast the scrub reads what is on flash, over and over, one process at a time, to find "
        "what rotted before a reader does. 0 turns it off.",
        8 * MIB,
        unit="size",
        ge=0,
    )

    key_file: LocalPath | None = setting(
        "The file with the key that seals everything on flash (AES-256-GCM), names included: 32 "
        "random bytes in base64 (`openssl rand -base64 32`). With several lines the first seals "
        "and all open, so that a key can be replaced. What was on flash in plaintext, or under "
        "other keys, is removed. Keep it on another disk.",
        None,
        unit="path",
    )
    key: Annotated[Secret | None, AfterValidator(check_key)] = setting(
        "The same keys in place of a file, meant for the environment (`FOREBAY_FLASH__KEY`).",
        None,
    )
    key_command: Words = setting(
        "A command that prints the same keys, such as one that asks a KMS: a list of program and "
        "arguments, run once at the start without a shell, for at most 30 seconds.",
        (),
        unit="command",
    )

    @property
    def is_sealed(self) -> bool:
        """Return whether anything is set that gives a key."""
        return bool(self.key_file or self.key or self.key_command)

    @property
    def segment_bytes(self) -> int:
        """Return the segment size that applies; raises ValueError where chunks do not fit."""
        return divide(self.size, self.chunk_size, self.segment_size).segment_bytes

    @model_validator(mode="after")
    def _check_sizes(self) -> Self:
        if self.segment_size is not None and self.segment_size * 2 > self.size:
            refuse(
                "flash.segment_size is more than half of flash.size, so that nothing could be "
                "evicted: make it smaller or remove it",
            )
        try:
            _ = self.segment_bytes
        except ValueError:
            refuse(
                "flash.size is too small for two segments of flash.chunk_size: make flash.size "
                "larger, or flash.chunk_size and flash.segment_size smaller",
            )
        self._check_sealing()
        if self.verify == "scrub" and not self.scrub_bytes_per_second:
            refuse(
                'flash.verify is "scrub" and flash.scrub_bytes_per_second is 0, so that nothing '
                "would ever be verified: change one of them",
            )
        if self.fill_memory < self.chunk_size:
            refuse("flash.fill_memory is less than flash.chunk_size: make it larger")
        return self

    def _check_sealing(self) -> None:
        if (self.key_file is not None) + (self.key is not None) + bool(self.key_command) > 1:
            refuse("more than one of flash.key_file, key and key_command is set: keep one")
        if self.is_sealed and self.segment_bytes < stored_bytes(self.chunk_size):
            refuse(
                "flash.segment_size has no room for one sealed chunk of flash.chunk_size: make "
                "it larger",
            )
