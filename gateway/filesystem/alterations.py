"""Attributes that change, directories and symbolic links that are made: objects without new bytes.

Attributes lie in an object's metadata, which S3 lets nobody change: the object is copied onto
itself with other metadata, and everything else of it is said again. Its bytes do not travel. A
directory has its attributes in its marker. When bytes were last written is kept: what the origin
would say of the copy is the moment of the copy.
"""

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from gateway.core.bodies import BytesBody
from gateway.core.changing import COPY_BYTES_MAX
from gateway.core.latest import Latest
from gateway.core.preserving import REPLACING, kept_by_rewrite
from gateway.core.said import ABSENT, ANYTHING
from gateway.core.uploads import Made
from gateway.filesystem.assembling import Segment, plan_parts
from gateway.filesystem.attributes import Attributes
from gateway.filesystem.caller import Caller
from gateway.filesystem.change_gate import (
    WRITE,
    ChangeGate,
    already_there,
    not_a_directory,
    told,
)
from gateway.filesystem.gate import READ
from gateway.filesystem.mounts import Place, not_found, refuse_directory
from gateway.filesystem.new_objects import NewObjects
from gateway.filesystem.obstacles import Obstacles
from gateway.filesystem.pouring import Pouring
from gateway.filesystem.status import Changes, Kind, NewAttributes, Status
from gateway.filesystem.together import each
from gateway.filesystem.view import SYMLINK_BYTES_MAX
from gateway.filesystem.writers import status_of
from gateway.model.failures import AccessDenied, Failure, InvalidRequest, PreconditionFailed

_EMPTY: Final = BytesBody(b"")
_NOTHING: Final = NewAttributes()
_WRITABLE: Final = 0o300
"""What who makes a directory has on those that are made above it."""
_PARENTS_AT_ONCE: Final = 8


@dataclass(frozen=True, slots=True)
class Alterations:
    """Makes and alters what needs no body."""

    obstacles: Obstacles
    gate: ChangeGate
    pouring: Pouring
    new_objects: NewObjects
    now_ns: Callable[[], int]
    copy_bytes_max: int = COPY_BYTES_MAX

    async def set_attributes(
        self, caller: Caller, path: str, changes: Changes, etag: str = ""
    ) -> Status:
        """Change attributes; a directory without a marker gets one; raises as the tree does."""
        place = await self.obstacles.place(caller, path)
        found = await self.obstacles.view.find(caller, place)
        if found is None:
            raise not_found(path)
        try:
            if found.is_directory:
                made = await self._mark(caller, place, found, changes)
            else:
                made = await self._say(caller, place, found, changes, etag)
        except Failure as failure:
            raise told(failure, path) from failure
        return replace(after(found, changes), changed_ns=self.now_ns(), etag=made.etag)

    async def make_directory(
        self,
        caller: Caller,
        path: str,
        wanted: NewAttributes,
        *,
        makes_parents: bool,
        may_exist: bool,
    ) -> Status:
        """Make a directory by its marker; raises as the tree does."""
        site = await self.obstacles.site(caller, path, makes_parents=makes_parents)
        place, found = site.place, site.found
        refuse_directory(place)
        if found is not None and found.is_directory and may_exist:
            return found
        if found is not None or place.is_root:
            raise already_there(path)
        attributes = self.new_objects.attributes(
            caller, Kind.DIRECTORY, wanted, self.now_ns(), site.above
        )
        await self._make_parents(caller, site.missing, attributes)
        headers = self.new_objects.headers(Kind.DIRECTORY, place.prefix, attributes)
        # Two who make one directory lose nothing, so that an origin without conditions does too.
        condition = ABSENT if self.gate.judges_conditions and not may_exist else ANYTHING
        try:
            await self.gate.put(caller, place.marker, _EMPTY, headers, condition=condition)
        except Failure as failure:
            raise told(failure, path) from failure
        return replace(status_of(path, attributes), kind=Kind.DIRECTORY, name=place.marker)

    async def _make_parents(
        self, caller: Caller, missing: Sequence[Place], below: Attributes
    ) -> None:
        """Make the directories above as HDFS does: their maker's, who may write into them.

        One whose marker the caller may not write is there without, as it is for any S3 client.
        """
        attributes = replace(below, mode=(below.mode or 0) | _WRITABLE, xattrs={})
        condition = ABSENT if self.gate.judges_conditions else ANYTHING

        async def make(place: Place) -> None:
            headers = self.new_objects.headers(Kind.DIRECTORY, place.prefix, attributes)
            with contextlib.suppress(PreconditionFailed):  # somebody was faster
                await self.gate.put(caller, place.marker, _EMPTY, headers, condition=condition)

        markable = [one for one in missing if self.gate.gate.may(caller, WRITE, one.marker)]
        try:
            await each(markable, make, parallel_max=_PARENTS_AT_ONCE)
        except Failure as failure:
            raise told(failure, markable[0].path) from failure

    async def make_symlink(self, caller: Caller, path: str, target: str) -> Status:
        """Make a symbolic link at an absent path; raises as the tree does."""
        body = target.encode("utf-8", "surrogateescape")
        if not 0 < len(body) <= SYMLINK_BYTES_MAX or b"\0" in body:
            raise InvalidRequest(f"a link's target has 1 to {SYMLINK_BYTES_MAX} bytes, none of 0")
        site = await self.obstacles.site(caller, path, makes_parents=False)
        if site.found is not None or site.place.is_root:
            raise already_there(path)
        attributes = self.new_objects.attributes(
            caller, Kind.SYMLINK, _NOTHING, self.now_ns(), site.above
        )
        headers = self.new_objects.headers(Kind.SYMLINK, site.place.key, attributes)
        try:
            await self.gate.put(caller, site.place.name, BytesBody(body), headers, condition=ABSENT)
        except Failure as failure:
            raise told(failure, path) from failure
        status = status_of(path, attributes)
        return replace(status, kind=Kind.SYMLINK, length=len(body), symlink=target)

    async def _say(
        self, caller: Caller, place: Place, found: Status, changes: Changes, etag: str
    ) -> Made:
        """Give an object other metadata; raises VersionChanged where it is not the version."""
        for action in (READ, WRITE):
            self.gate.gate.require(caller, action, place.name)
        latest = await self.gate.latest(caller, place.name, etag)
        if latest is None:
            raise not_found(place.path)
        kept = kept_by_rewrite(latest.headers)
        headers = self.new_objects.rewritten(found.kind, kept, changes, found.modified_ns)
        if latest.size <= self.copy_bytes_max:
            return await self.gate.copy_over(caller, latest.source, {**headers, **REPLACING})
        tags = await self.gate.tags(caller, latest)
        parts = plan_parts([Segment(0, 0, latest.size, latest.size)])
        condition = self.gate.judged(latest.condition)
        return await self.pouring.make(
            caller, latest.name, {**headers, **tags}, [latest], parts, condition=condition
        )

    async def _mark(self, caller: Caller, place: Place, found: Status, changes: Changes) -> Made:
        """Write a directory's marker anew, or for the first time."""
        if not place.prefix:
            raise AccessDenied(f"{place.path} is a bucket, which has no attributes")
        for action in (READ, WRITE):
            self.gate.gate.require(caller, action, place.marker)
        latest = await self.gate.latest(caller, place.marker)
        if latest is not None and latest.size:
            raise not_a_directory(place.path)  # bytes under this key are a file's of their own
        kept = await self._kept_of_marker(caller, latest)
        headers = self.new_objects.rewritten(Kind.DIRECTORY, kept, changes, found.modified_ns)
        condition = ABSENT if latest is None else latest.condition
        return await self.gate.put(
            caller,
            place.marker,
            _EMPTY,
            headers,
            condition=condition if self.gate.judges_conditions else ANYTHING,
        )

    async def _kept_of_marker(self, caller: Caller, latest: Latest | None) -> dict[str, str]:
        if latest is not None:
            return await self.gate.kept(caller, latest)
        return self.new_objects.headers(Kind.DIRECTORY, "", Attributes())


def after(found: Status, changes: Changes) -> Status:
    """Return what was found, as the changes have made it."""
    xattrs = {**found.xattrs, **changes.set_xattrs}
    return replace(
        found,
        mode=found.mode if changes.mode is None else changes.mode,
        owner=changes.owner or found.owner,
        group=changes.group or found.group,
        modified_ns=found.modified_ns if changes.modified_ns is None else changes.modified_ns,
        accessed_ns=found.accessed_ns if changes.accessed_ns is None else changes.accessed_ns,
        xattrs={name: xattrs[name] for name in xattrs if name not in changes.removed_xattrs},
        version=None,
    )
