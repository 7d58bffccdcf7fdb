"""How flash guards what it keeps: when bytes are proven, and how much the scrub may read."""

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

Verify: TypeAlias = Literal["always", "first", "scrub"]
"""When the CRC32C of a chunk is judged: at every read; at the first one in a process and whenever
its pages come from the disk; or by the scrub alone."""


@dataclass(frozen=True, slots=True)
class Safeguards:
    """What the settings want of integrity."""

    verify: Verify = "first"
    scrub_bytes_per_second: int = 0
    """What all processes together may read for the scrub; 0 turns it off."""
    keys: tuple[bytes, ...] = field(default=(), repr=False)
    """Keys of 32 bytes that seal flash, the one in use first; none leaves it in plaintext."""
    may_begin_anew: bool = True
    """Whether what was written for other chunks, or without these keys, may be removed."""
