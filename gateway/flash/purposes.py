"""Purposes: what a segment is for, so that what leaves together lies together (pure).

Chunks of the common pool come in by the stream *new*; those that proved themselves, because they
were read again before their segment left or came back soon after it did, lie in segments of the
stream *kept*. What a rule or a pin keeps on terms of its own (`keeping.py`) is a group, with
segments of its own, so that its share is a sum of file lengths and its terms are judged a segment
at a time: no look at chunks.
"""

from dataclasses import dataclass
from enum import IntEnum
from hashlib import blake2b
from typing import Final

GROUP_BYTES: Final = 8
COMMON: Final = bytes(GROUP_BYTES)
"""The group of everything that is kept on no terms of its own."""


class Stream(IntEnum):
    """Which of the common pool's streams a segment belongs to."""

    NEW = 0
    KEPT = 1


@dataclass(frozen=True, slots=True)
class Purpose:
    """Whose chunks a segment takes; a group's own segments are of the stream *kept*."""

    stream: Stream = Stream.NEW
    group: bytes = COMMON


NEW: Final = Purpose(Stream.NEW)
KEPT: Final = Purpose(Stream.KEPT)


@dataclass(frozen=True, slots=True)
class Label:
    """What a segment says of itself: its purpose, and when it was begun, in wall-clock ns."""

    purpose: Purpose = NEW
    begun_ns: int = 0


UNLABELLED: Final = Label()
"""What a segment without a label counts as: new, and as old as can be."""


def group_of(words: str, names_key: bytes = b"") -> bytes:
    """Return the mark of the group that a rule's match, or a pin, makes; it tells no name.

    With the `names_key` of a sealed flash nobody can tell what he guesses, either.
    """
    text = words.encode("utf-8", "surrogatepass")
    return blake2b(text, digest_size=GROUP_BYTES, key=names_key).digest()
