"""Modes as they are at the origin, and what they let a caller do with an object, at every door.

Each judgement asks the origin for the attributes that it hangs on, all at a time: of the object and
of the marker of each directory above it, as fresh as their rules want them, in Forebay's own voice,
since they are true whoever asks. What cannot be asked is not allowed. Superusers cost nothing.
"""

import asyncio
from collections.abc import Coroutine, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from gateway.access.authorization import Authorization
from gateway.access.policy import Decision
from gateway.core.listing import listed, listed_page
from gateway.core.objects import NotCacheable, Objects, Wish
from gateway.core.receipt import Receipt
from gateway.filesystem.attributes import Names, read_attributes
from gateway.filesystem.caller import Caller
from gateway.filesystem.modes import (
    EXECUTE,
    LOOK,
    READ,
    WRITE,
    Asker,
    Permissions,
    ancestors,
    effective,
)
from gateway.model.failures import AccessDenied, Failure, OriginRefused
from gateway.model.names import ObjectName
from gateway.model.voices import FOREBAY
from gateway.origin.interface import OriginRequest
from gateway.protocol.http.percent import encode
from gateway.protocol.s3.addressing import encode_key

DEPTH_MAX: Final = 128
"""Directories above an object whose modes are asked for; what lies deeper is denied."""
_PARALLEL_MAX: Final = 32
_OK, _NOT_FOUND = 200, 404


@dataclass(frozen=True, slots=True)
class ModeDefaults:
    """What objects are judged by that say nothing, and who is never held up."""

    names: Names
    owner: str
    group: str
    file_mode: int
    directory_mode: int
    superuser_group: str

    @property
    def directory(self) -> Permissions:
        """Return what a bucket's own directory is judged by."""
        return Permissions(self.owner, self.group, self.directory_mode)


@dataclass(frozen=True, slots=True)
class Standing:
    """An object in its directories, as it was judged."""

    directories: tuple[Permissions, ...]
    """From the bucket's own to the one that it lies in."""
    itself: Permissions | None
    """None: it is not there."""

    @property
    def parent(self) -> Permissions:
        """Return the directory that it lies in."""
        return self.directories[-1]


class ModeJudge:
    """Judges by modes; whoever asks was judged by policies before."""

    def __init__(
        self, objects: Objects, authorization: Authorization, defaults: ModeDefaults
    ) -> None:
        """Take where attributes are asked for, who tells the audit log, and the defaults."""
        self._objects = objects
        self._authorization = authorization
        self.defaults = defaults
        self._room = asyncio.Semaphore(_PARALLEL_MAX)

    def is_superuser(self, caller: Caller) -> bool:
        """Return whether no mode holds the caller up."""
        return self.defaults.superuser_group in caller.groups

    async def reach(self, caller: Caller, name: ObjectName, action: str) -> None:
        """Require the way to an object: x on each directory above it."""
        if not self.is_superuser(caller):
            directories = await self._directories(name)
            self._require_way(caller, directories, name, action)

    async def read(
        self, caller: Caller, name: ObjectName, action: str, version_id: str | None = None
    ) -> None:
        """Require r on an object, or on one version of it; one that is absent has none to ask."""
        if not self.is_superuser(caller):
            standing = await self.standing(name, version_id)
            self._require_way(caller, standing.directories, name, action)
            if standing.itself is not None:
                self._require(caller, standing.itself, READ, name, action)

    async def access(
        self, caller: Caller, name: ObjectName, wanted: int, action: str, *, is_path: bool
    ) -> None:
        """Require these bits on an object, with `is_path` on a directory of that name before it."""
        if not self.is_superuser(caller):
            standing = await self.standing(name, is_path=is_path)
            self._require_way(caller, standing.directories, name, action)
            self._require(caller, standing.itself or standing.parent, wanted, name, action)

    def check(self, caller: Caller, judged: Permissions, name: ObjectName, action: str) -> None:
        """Require r on what was opened, by what it says of itself."""
        if not self.is_superuser(caller):
            self._require(caller, judged, READ, name, action)

    def check_read(
        self, caller: Caller, name: ObjectName, headers: Iterable[tuple[str, str]]
    ) -> None:
        """Require r by the headers of the very version that is about to be sent."""
        if not self.is_superuser(caller):
            self._require(caller, self.said(name, headers), READ, name, "s3:GetObject")

    async def write(self, caller: Caller, name: ObjectName, action: str) -> Permissions | None:
        """Require w on an object, or to make it where it is absent; return what it was, if it was.

        What was absent is made in its directory, which takes w and x on that.
        """
        standing = await self.standing(name)
        if self.is_superuser(caller):
            return standing.itself
        self._require_way(caller, standing.directories, name, action)
        if standing.itself is not None:
            self._require(caller, standing.itself, WRITE, name, action)
        else:
            self._require(caller, standing.parent, WRITE, name, action)
        return standing.itself

    async def remove(
        self,
        caller: Caller,
        name: ObjectName,
        action: str,
        *,
        is_path: bool = False,
        makes: bool = False,
    ) -> None:
        """Require that an object may be taken out of its directory.

        With `is_path` a directory of that name is meant before an object, with `makes` one is to be
        put there: in place of what there is, if there is anything.
        """
        if self.is_superuser(caller):
            return
        standing = await self.standing(name, is_path=is_path)
        self._require_way(caller, standing.directories, name, action)
        is_new = makes and standing.itself is None
        entry = Permissions(caller.user, "", 0) if is_new else standing.itself
        if not standing.parent.allow_removal(asker_of(caller), entry):
            self._deny(caller, standing.parent, name, action)

    async def removable(
        self, caller: Caller, names: Sequence[ObjectName], action: str
    ) -> set[ObjectName]:
        """Return those of many objects that may be taken out of their directories."""
        asked = (self.remove(caller, name, action) for name in names)
        found = await _all_of(*asked, raises=False)
        refused = [one for one in found if isinstance(one, Failure)]
        for failure in refused:
            if not isinstance(failure, AccessDenied):
                raise failure
        return {name for name, one in zip(names, found, strict=True) if one is None}

    async def own(
        self, caller: Caller, name: ObjectName, action: str, *, is_path: bool = False
    ) -> Permissions:
        """Require that the caller owns an object; return what it is."""
        standing = await self.standing(name, is_path=is_path)
        itself = standing.itself or standing.parent
        if not self.is_superuser(caller):
            self._require_way(caller, standing.directories, name, action)
            if caller.user != itself.owner:
                self._deny(caller, itself, name, action)
        return itself

    async def look(
        self,
        caller: Caller,
        bucket: str,
        prefixes: Iterable[str],
        action: str,
        wanted: int = LOOK,
    ) -> None:
        """Require r and x on the directories of some prefixes (`a/`, '' the bucket's own)."""
        if self.is_superuser(caller):
            return
        chosen = sorted(set(prefixes))
        markers = {one for prefix in chosen for one in (*ancestors(prefix), prefix) if one}
        said = await self._all_said(bucket, markers)
        for prefix in chosen:
            name = ObjectName(bucket, prefix)
            chain = (*ancestors(prefix), prefix) if prefix else ()
            directories = effective(chain, said, self.defaults.directory)
            self._require_way(caller, directories, name, action)
            self._require(caller, directories[-1], wanted, name, action)
            if wanted & WRITE and not directories[-1].allow_removal(asker_of(caller), None):
                self._deny(caller, directories[-1], name, action)

    async def look_below(
        self, caller: Caller, bucket: str, prefix: str, action: str, wanted: int = LOOK
    ) -> None:
        """Require r and x on a directory and on every one below it; it takes a listing."""
        if self.is_superuser(caller):
            return
        await self.look(caller, bucket, (prefix,), action, wanted)
        async for page in listed(self._objects.parts.origin, bucket, prefix, FOREBAY):
            shown = {one for found in page.objects for one in (*ancestors(found.key), found.key)}
            below = (one for one in shown if one.endswith("/") and len(one) > len(prefix))
            await self.look(caller, bucket, below, action, wanted)

    async def standing(
        self, name: ObjectName, version_id: str | None = None, *, is_path: bool = False
    ) -> Standing:
        """Return an object in its directories; with `is_path` a directory of that name first.

        A directory without a marker says nothing of itself: no object beside it speaks for it.
        """
        asked = [self._directories(name), self._find(name, version_id)]
        if not is_path:
            return Standing(*await _all_of(*asked))
        directory = ObjectName(name.bucket, name.key + "/")
        above, found, marker, is_directory = await _all_of(
            *asked, self._find(directory), self._is_prefix(directory)
        )
        return Standing(above, marker if marker is not None or is_directory else found)

    async def _directories(self, name: ObjectName) -> tuple[Permissions, ...]:
        markers = ancestors(name.key)
        said = await self._all_said(name.bucket, markers)
        return effective(markers, said, self.defaults.directory)

    async def _all_said(self, bucket: str, markers: Iterable[str]) -> dict[str, Permissions | None]:
        wanted = sorted(set(markers))
        if any(marker.count("/") > DEPTH_MAX for marker in wanted):
            raise AccessDenied("Access Denied")
        found = await _all_of(*(self._find(ObjectName(bucket, marker)) for marker in wanted))
        return dict(zip(wanted, found, strict=True))

    async def _find(self, name: ObjectName, version_id: str | None = None) -> Permissions | None:
        """Return what an object says of itself now, or None where there is none."""
        if name.key in ("", "/"):
            return None
        async with self._room:
            try:
                headers = await self.described(name, version_id)
            except OriginRefused as refused:
                if refused.status == _NOT_FOUND:
                    return None
                raise AccessDenied("Access Denied") from refused
        return self.said(name, headers)

    async def _is_prefix(self, name: ObjectName) -> bool:
        """Return whether anything lies in a directory."""
        async with self._room:
            try:
                page = await listed_page(
                    self._objects.parts.origin,
                    name.bucket,
                    FOREBAY,
                    prefix=name.key,
                    count_max=1,
                )
            except OriginRefused as refused:
                if refused.status == _NOT_FOUND:
                    return False
                raise AccessDenied("Access Denied") from refused
        return bool(page.objects)

    async def described(
        self, name: ObjectName, version_id: str | None = None
    ) -> Iterable[tuple[str, str]]:
        """Return the headers of an object, or of one of its versions; raises OriginRefused."""
        if version_id is None:
            try:
                row = await self._objects.current(name, Wish(FOREBAY), Receipt())
            except NotCacheable:
                pass
            else:
                return row.headers
        query = f"versionId={encode(version_id)}" if version_id is not None else ""
        answer = await self._objects.parts.origin.ask(
            OriginRequest("HEAD", name.bucket, encode_key(name.key), query, voice=FOREBAY)
        )
        answer.close()
        if answer.status != _OK:
            raise OriginRefused(answer.status, answer.headers, b"")
        return answer.headers.items()

    def said(self, name: ObjectName, headers: Iterable[tuple[str, str]]) -> Permissions:
        """Return what an object's headers say of it, or the defaults."""
        said, defaults = read_attributes(headers, self.defaults.names), self.defaults
        mode = defaults.directory_mode if name.key.endswith("/") else defaults.file_mode
        return Permissions(
            said.owner or defaults.owner,
            said.group or defaults.group,
            mode if said.mode is None else said.mode,
        )

    def _require_way(
        self,
        caller: Caller,
        directories: Iterable[Permissions],
        name: ObjectName,
        action: str,
    ) -> None:
        for directory in directories:
            self._require(caller, directory, EXECUTE, name, action)

    def _require(
        self, caller: Caller, judged: Permissions, wanted: int, name: ObjectName, action: str
    ) -> None:
        if not judged.allow(asker_of(caller), wanted):
            self._deny(caller, judged, name, action)

    def _deny(self, caller: Caller, judged: Permissions, name: ObjectName, action: str) -> None:
        """Tell the audit log why, and the caller nothing."""
        decision = Decision(is_allowed=False, statement=f"the mode {judged}")
        who = caller.principal.name, caller.principal.access_key
        self._authorization.note(decision, str(name), who, action, caller.asked)
        raise AccessDenied("Access Denied")


def asker_of(caller: Caller) -> Asker:
    """Return the caller as modes see them."""
    return Asker(caller.user, caller.groups)


async def _all_of(*asked: Coroutine[Any, Any, Any], raises: bool = True) -> list[Any]:
    """Return all answers, asked for at a time; raises the first failure in their order."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(_outcome(one)) for one in asked]
    answers = [task.result() for task in tasks]
    for answer in answers:
        if raises and isinstance(answer, Failure):
            raise answer
    return answers


async def _outcome(asked: Coroutine[Any, Any, Any]) -> Any:  # noqa: ANN401 - whatever is asked
    """Return an answer, or the failure in its place: one must not cut the others short."""
    try:
        return await asked
    except Failure as failure:
        return failure
