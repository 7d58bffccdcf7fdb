"""Renames and removals as doors ask for them: what stands at the paths decides, then it is done.

What HDFS and POSIX disagree on (a target that is a directory, a target that is there) the doors
settle among themselves; here a thing is moved to exactly the path that is named.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from gateway.core.preserving import kept_by_rewrite
from gateway.filesystem.caller import Caller
from gateway.filesystem.gate import READ, Listing
from gateway.filesystem.mounts import Place, VirtualDirectory, not_found, refuse_directory
from gateway.filesystem.move_plan import rest_of
from gateway.filesystem.moving import Moves, Wish
from gateway.filesystem.speakers import speaker_of
from gateway.filesystem.status import Status
from gateway.filesystem.view import View
from gateway.model.failures import AccessDenied, FileConflict, InvalidRequest, NotSupported
from gateway.model.names import ObjectName
from gateway.protocol.s3.listings import ListedObject

WRITE: Final = "s3:PutObject"
DELETE: Final = "s3:DeleteObject"
MARKER_HEADERS: Final = {"Content-Type": "application/x-directory"}


@dataclass(frozen=True, slots=True)
class Renaming:
    """Moves and removes by path."""

    view: View
    moves: Moves

    async def rename(self, caller: Caller, source: str, target: str, *, replaces: bool) -> None:
        """As `interface.Tree`."""
        here, there = await self._place(caller, source), await self._place(caller, target)
        if here.mount != there.mount:
            raise FileConflict(f"{target} lies elsewhere than {source}", code="CrossDevice")
        found = await self._found(caller, here)
        if here.path == there.path and replaces:
            return
        _refuse_into_itself(here, there, found)
        if found.is_directory:
            refuse_directory(there)
        await self._check_parent(caller, there)
        stands = await self.view.find(caller, there)
        if stands is not None:
            await self._check_replaced(caller, there, found, stands, replaces=replaces)
        replaced = await self._marker_headers(caller, stands)
        from_name, to_name = _name(here, found), _name(there, found)
        await self.moves.rename(
            Wish(
                from_name,
                to_name,
                caller.voice,
                speaker_of(caller.principal),
                self._mover(caller, from_name, to_name),
                replaced,
                replaces=stands is not None,
                prepare=lambda: self._keep_parent(caller, here, there),
            )
        )

    async def remove(self, caller: Caller, path: str, *, recursive: bool) -> bool:
        """As `interface.Tree`."""
        place = await self._place(caller, path)
        found = await self.view.find(caller, place)
        if found is None:
            return False
        name = _name(place, found)
        if found.is_directory and recursive:
            await self._remove_all(caller, place, name)
            return True
        if found.is_directory:
            await self._check_empty(caller, place)
        self.view.gate.require(caller, DELETE, name)
        await self._keep_parent(caller, place, None)
        await self.moves.objects.changing.delete(name, caller.voice, caller.receipt)
        return True

    async def _remove_all(self, caller: Caller, place: Place, name: ObjectName) -> None:
        def admit(versions: Iterable[ListedObject]) -> None:
            for version in versions:
                self.view.gate.require(caller, DELETE, ObjectName(name.bucket, version.key))

        await self.moves.remove(
            Wish(
                name,
                name,
                caller.voice,
                speaker_of(caller.principal),
                admit,
                prepare=lambda: self._keep_parent(caller, place, None),
            )
        )

    def _mover(
        self, caller: Caller, source: ObjectName, target: ObjectName
    ) -> Callable[[Iterable[ListedObject]], None]:
        """Return what judges whether the caller may move objects of `source`."""

        def admit(versions: Iterable[ListedObject]) -> None:
            gate = self.view.gate
            for version in versions:
                here = ObjectName(source.bucket, version.key)
                gate.require(caller, READ, here)
                gate.require(caller, DELETE, here)
                there = ObjectName(target.bucket, target.key + rest_of(version.key, source))
                gate.require(caller, WRITE, there)

        return admit

    async def _place(self, caller: Caller, path: str) -> Place:
        """Return where a path lies that may be moved or removed."""
        place = await self.view.place(caller, path)
        if isinstance(place, VirtualDirectory) or place.is_root:
            raise AccessDenied(f"{path} is a bucket or a mount, or lies above one: it stays")
        self.view.gate.require_changeable(place.bucket)
        return place

    async def _found(self, caller: Caller, place: Place) -> Status:
        found = await self.view.find(caller, place)
        if found is None:
            raise not_found(place.path)
        if not found.is_directory and place.key.endswith("/"):
            raise NotSupported(f"{place.path} is what a directory's marker holds: it moves with it")
        return found

    async def _check_parent(self, caller: Caller, place: Place) -> None:
        parent = place.parent
        if parent.is_root:
            return
        found = await self._found(caller, parent)
        if not found.is_directory:
            raise FileConflict(f"{parent.path} is a file", code="NotADirectory")

    async def _check_replaced(
        self, caller: Caller, place: Place, found: Status, stands: Status, *, replaces: bool
    ) -> None:
        """Refuse a target that may not be replaced; raises FileConflict."""
        if not replaces:
            raise FileConflict(f"{place.path} is there already", code="FileExists")
        if stands.is_directory and not found.is_directory:
            raise FileConflict(f"{place.path} is a directory", code="IsADirectory")
        if found.is_directory and not stands.is_directory:
            raise FileConflict(f"{place.path} is no directory", code="NotADirectory")
        if stands.is_directory:
            await self._check_empty(caller, place)

    async def _check_empty(self, caller: Caller, place: Place) -> None:
        listing = Listing(place.bucket, place.prefix, count_max=2)
        page = await self.view.gate.page(caller, listing)
        has_more = any(one.key != place.prefix or one.size for one in page.objects)
        if has_more or page.prefixes:
            raise FileConflict(f"{place.path} is not empty", code="DirectoryNotEmpty")

    async def _marker_headers(self, caller: Caller, stands: Status | None) -> dict[str, str] | None:
        """Return what puts an empty directory's marker back; None where there is none."""
        if stands is None or not stands.is_directory or stands.name is None:
            return None
        head = await self.moves.objects.find(stands.name, caller.voice)
        return None if head is None else kept_by_rewrite(head)

    async def _keep_parent(self, caller: Caller, place: Place, there: Place | None) -> None:
        """Give the parent a marker where it would vanish with its last child.

        Who may not write that marker loses an empty directory, and no more.
        """
        parent = place.parent
        if parent.is_root or (there is not None and there.prefix.startswith(parent.prefix)):
            return
        gate = self.view.gate
        listing = Listing(place.bucket, parent.prefix, count_max=3)
        if not gate.may(caller, WRITE, parent.marker) or not gate.may_list(caller, listing):
            return
        page = await gate.page(caller, listing)
        others = [one for one in page.objects if one.key != place.key]
        if not others and all(prefix == place.prefix for prefix in page.prefixes):
            gate.require(caller, WRITE, parent.marker)
            await self.moves.objects.put_marker(parent.marker, MARKER_HEADERS, caller.voice)


def _name(place: Place, found: Status) -> ObjectName:
    """Return a file's object, or the prefix of a directory."""
    return place.marker if found.is_directory else place.name


def _refuse_into_itself(here: Place, there: Place, found: Status) -> None:
    is_below = found.is_directory and there.prefix.startswith(here.prefix)
    if here.path == there.path or is_below:
        raise InvalidRequest(f"{here.path} cannot be moved into itself")
