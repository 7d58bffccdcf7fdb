"""Whether an object at the target is the copy that a move made, where no note says so.

Between a copy and its note a process may be killed, or an answer lost. The copy is then the move's
own if it is what stands at the source: the same attributes, and the same body by its ETag, by a
full-object checksum that the origin stores, or else by its very bytes. Whoever wrote it, nothing
is lost by removing it, since it is there twice.
"""

from collections.abc import AsyncGenerator, Mapping
from hashlib import sha256
from typing import Final

from gateway.core.described import full_object_checksums
from gateway.filesystem.move_objects import MoveObjects
from gateway.model.names import ObjectName
from gateway.model.voices import Voice

_ATTRIBUTES: Final = ("content-type", "cache-control", "content-encoding", "content-disposition")
_METADATA: Final = "x-amz-meta-"


async def is_copy(
    objects: MoveObjects, source: ObjectName, target: ObjectName, voice: Voice
) -> bool:
    """Return whether both objects are the same but for their names; False where one is gone."""
    one, other = await objects.find(source, voice), await objects.find(target, voice)
    if one is None or other is None or _attributes(one) != _attributes(other):
        return False
    if one.get("ETag") == other.get("ETag"):
        return True
    mine, theirs = dict(full_object_checksums(one)), dict(full_object_checksums(other))
    shared = mine.keys() & theirs.keys()
    if shared:
        return all(mine[name] == theirs[name] for name in shared)
    return await _digest(objects.pieces(source, one.get("ETag", ""), voice)) == await _digest(
        objects.pieces(target, other.get("ETag", ""), voice)
    )


def _attributes(headers: Mapping[str, str]) -> dict[str, str]:
    """Return what of an object's headers a copy takes along, and its length."""
    lower = {name.lower(): value for name, value in headers.items()}
    kept = {
        name: value
        for name, value in lower.items()
        if name in _ATTRIBUTES or name.startswith(_METADATA)
    }
    return {**kept, "content-length": lower.get("content-length", "")}


async def _digest(pieces: AsyncGenerator[bytes]) -> bytes:
    digest = sha256()
    async for piece in pieces:
        digest.update(piece)
    return digest.digest()
