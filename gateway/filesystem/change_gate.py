"""The gate for changes: the only way from files to the origin's writes, and nobody passes unjudged.

What the origin says of a condition is told here in the words of files: who lost a race is told that
somebody else wrote, and nothing of theirs is overwritten.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from gateway.core.bodies import Body
from gateway.core.changing import CopySource
from gateway.core.growing import GrowingObject, Making, Senders
from gateway.core.latest import Latest, find_latest, tags_of
from gateway.core.preserving import kept_by_rewrite
from gateway.core.said import ANYTHING, Condition
from gateway.core.uploads import Made
from gateway.filesystem.caller import Caller
from gateway.filesystem.gate import Gate
from gateway.filesystem.speakers import speaker_of
from gateway.model.failures import (
    Failure,
    FileConflict,
    NotFound,
    OriginRefused,
    PreconditionFailed,
    VersionChanged,
)
from gateway.model.names import ObjectName
from gateway.origin.interface import Origin
from gateway.protocol.s3.responses import find_error

WRITE: Final = "s3:PutObject"
DELETE: Final = "s3:DeleteObject"
_NOT_FOUND: Final = 404


@dataclass(frozen=True, slots=True)
class ChangeGate:
    """What the tree writes through."""

    gate: Gate
    senders: Senders

    async def latest(self, caller: Caller, name: ObjectName, etag: str = "") -> Latest | None:
        """Return what is there now; whoever asks was judged for what follows from it.

        Raises VersionChanged where it is not the version `etag`, which nobody is shown any more.
        """
        latest = await find_latest(self._patient, name, caller.voice, caller.receipt)
        if etag and (latest is None or latest.etag != etag):
            await self.senders.changing.writing.flash.forgotten(name)
            raise VersionChanged(f"{name} was changed by somebody else meanwhile")
        return latest

    async def kept(self, caller: Caller, latest: Latest) -> dict[str, str]:
        """Return the headers that give a new body all that the object has, its tags too."""
        return {**kept_by_rewrite(latest.headers), **await self.tags(caller, latest)}

    async def tags(self, caller: Caller, latest: Latest) -> Mapping[str, str]:
        """Return the header that gives a new body the object's tags."""
        name, head = latest.name, latest.headers
        return await tags_of(self._patient, name, head, caller.voice, caller.receipt)

    def judged(self, condition: Condition) -> Condition:
        """Return a condition; raises NotSupported where the origin would ignore it."""
        condition.headers_if(is_judged=self.judges_conditions)
        return condition

    def grow(
        self,
        caller: Caller,
        name: ObjectName,
        headers: Mapping[str, str],
        condition: Condition = ANYTHING,
        *,
        has_copies: bool = False,
    ) -> GrowingObject:
        """Begin an object; raises AccessDenied, and NotSupported for a condition in vain."""
        self.gate.require(caller, WRITE, name)
        self.judged(condition)
        making = Making(
            name,
            headers,
            caller.voice,
            caller.receipt,
            condition,
            has_copies,
            speaker_of(caller.principal),
        )
        return GrowingObject(self.senders, making)

    async def put(
        self,
        caller: Caller,
        name: ObjectName,
        body: Body,
        headers: Mapping[str, str],
        *,
        condition: Condition = ANYTHING,
    ) -> Made:
        """Write a small object; raises as `Changing.put` does, and AccessDenied."""
        self.gate.require(caller, WRITE, name)
        return await self.senders.changing.put(
            name, body, headers, caller.voice, caller.receipt, condition=condition
        )

    async def copy_over(
        self, caller: Caller, source: CopySource, headers: Mapping[str, str]
    ) -> Made:
        """Copy an object onto itself; raises as `Changing.copy` does, and AccessDenied.

        The condition on the target is there for whoever writes between the origin's look at the
        source and its commit; an origin that does not know it ignores it.
        """
        self.gate.require(caller, WRITE, source.name)
        condition = Condition(source.etag) if self.judges_conditions else ANYTHING
        return await self.senders.changing.copy(
            source, source.name, headers, caller.voice, caller.receipt, condition=condition
        )

    async def delete(self, caller: Caller, name: ObjectName, etag: str = "") -> None:
        """Delete an object, the version `etag` where the origin judges that."""
        self.gate.require(caller, DELETE, name)
        condition = Condition(etag) if self.judges_conditions else ANYTHING
        await self.senders.changing.delete(name, caller.voice, caller.receipt, condition=condition)

    @property
    def judges_conditions(self) -> bool:
        """Return whether the origin judges conditions on writes."""
        return self.senders.changing.judges_conditions

    @property
    def _patient(self) -> Origin:
        return self.gate.objects.parts.origin


def told(failure: Failure, path: str) -> Failure:
    """Return the failure of a change as files have it."""
    if isinstance(failure, PreconditionFailed):
        if failure.condition == "If-None-Match":
            return already_there(path)
        return VersionChanged(f"{path} was changed by somebody else meanwhile")
    if isinstance(failure, OriginRefused) and failure.status == _NOT_FOUND:
        error = find_error(failure.body)
        if error is not None and error.code == "NoSuchBucket":
            return NotFound(f"There is no bucket for {path}", resource=path)
    return failure


def already_there(path: str) -> FileConflict:
    """Return the failure of what must not be there and is."""
    return FileConflict(f"{path} is there already", code="FileExists", resource=path)


def is_directory(path: str) -> FileConflict:
    """Return the failure of a directory where a file is wanted."""
    return FileConflict(f"{path} is a directory", code="IsADirectory", resource=path)


def not_a_directory(path: str) -> FileConflict:
    """Return the failure of a file where a directory is wanted."""
    return FileConflict(f"{path} is not a directory", code="NotADirectory", resource=path)
