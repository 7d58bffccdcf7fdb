"""What a bucket looks like as files: what stands at a path.

A path is a file where an object has its key, and a directory where keys begin with it and a slash,
its marker among them; where both are, the directory has the plain name. The object and a listing
are asked about at the same time: one round trip. Where the object is at hand and its rule lets it
be shown without asking, nothing is asked.
"""

from dataclasses import dataclass, replace
from typing import Final

from gateway.core.seen import Seen
from gateway.filesystem.caller import Caller
from gateway.filesystem.children import children_of
from gateway.filesystem.gate import READ, Gate, Listing, Sight
from gateway.filesystem.mounts import MountTable, Place, VirtualDirectory, not_found
from gateway.filesystem.paths import Part
from gateway.filesystem.status import Status
from gateway.filesystem.statuses import Defaults
from gateway.filesystem.together import both
from gateway.model.failures import Failure, OriginRefused, VersionChanged
from gateway.model.names import ObjectName
from gateway.model.ranges import ByteRange
from gateway.protocol.s3.addressing import KEY_BYTES_MAX
from gateway.protocol.s3.listings import ListedObject, ListedPage

SYMLINK_BYTES_MAX: Final = 4096
"""Linux: PATH_MAX. A longer body is no target, whatever the object says of itself."""


@dataclass(frozen=True, slots=True)
class View:
    """Looks through the gate, by the mount table."""

    gate: Gate
    mounts: MountTable
    defaults: Defaults

    async def status(self, caller: Caller, path: str) -> Status:
        """Return what stands at a path; raises as the tree does."""
        place = await self.place(caller, path)
        if isinstance(place, VirtualDirectory):
            return self.defaults.directory(path)
        found = await self.find(caller, place)
        if found is None:
            raise not_found(path)
        return found

    async def place(self, caller: Caller, path: str) -> Place | VirtualDirectory:
        """Return where a path lies; raises InvalidRequest, NotFound where it can be nowhere.

        What is too long to be shown whole is sought by listing.
        """
        place = self.mounts.locate(path)
        if isinstance(place, VirtualDirectory):
            return place
        for at, part in enumerate(place.parts):
            if part.is_beginning:
                above = replace(place, parts=place.parts[:at])
                whole = await self.whole(caller, above, part)
                place = replace(place, parts=(*place.parts[:at], whole, *place.parts[at + 1 :]))
        return place

    async def whole(self, caller: Caller, above: Place, part: Part) -> Part:
        """Return a part of what stands in `above` with its whole text; raises NotFound."""
        listing = Listing(above.bucket, above.prefix + part.text)
        token: str | None = None
        while True:
            page = await self.gate.page(caller, listing, token=token)
            for child in children_of(page, above.prefix):
                if part.is_shown_by(child.text):
                    return replace(part, text=child.text, is_beginning=False)
            token = page.next_token
            if token is None:
                raise not_found(above.path)

    async def find(self, caller: Caller, place: Place) -> Status | None:
        """Return what stands at a place, None where nothing does and the caller may know that.

        Raises AccessDenied, OriginRefused, OriginUnreachable.
        """
        if place.is_root:
            return await self._root(caller, place)
        below = Listing(place.bucket, place.prefix, count_max=2)
        may_list = self.gate.may_list(caller, below)
        if may_list and not (place.key and self.gate.may(caller, READ, place.name)):
            return await self._listed(caller, place, below)
        sight = self.gate.sight(caller, place.name)
        seen = sight.find_unasked()
        if seen is not None and is_file(place, seen.size):
            return await self.file(caller, place.path, seen)
        if place.is_itself or not may_list or len(place.prefix.encode()) > KEY_BYTES_MAX:
            seen = await sight.find()
            page = ListedPage((), None)
        else:
            seen, page = await self._asked(sight, below)
        if page.objects or page.prefixes:
            return await self._directory(caller, place, page)
        if seen is not None and is_file(place, seen.size):
            return await self.file(caller, place.path, seen)
        if not may_list:
            self.gate.require_list(caller, below)  # what is absent is as what is forbidden
        return None

    async def file(self, caller: Caller, path: str, seen: Seen) -> Status:
        """Return the status of an object that was seen, a symbolic link with its target."""
        said = self.defaults.said(seen)
        symlink = None
        if said.is_symlink and 0 < seen.size <= SYMLINK_BYTES_MAX:
            symlink = await self._target(caller, seen)
        return self.defaults.file(path, seen, said, symlink)

    async def marker(
        self, caller: Caller, path: str, name: ObjectName, listed: ListedObject | None = None
    ) -> Status:
        """Return the status of a directory that may have a marker; `listed` shows that it does."""
        sight = self.gate.find_sight(caller, name)
        if sight is None:
            return self.defaults.directory(path)
        seen = sight.find_unasked() if listed is None else sight.find_listed(listed)
        if seen is None:
            seen = await sight.find()
        return self.defaults.directory(path, seen if seen is not None and not seen.size else None)

    async def _root(self, caller: Caller, place: Place) -> Status:
        """Return the status of a mount, which is always there, or of a bucket."""
        if self.mounts.is_named(place.path):
            if not place.prefix:
                return self.defaults.directory(place.path)
            return await self.marker(caller, place.path, place.marker)
        await self.gate.page(caller, Listing(place.bucket, "", count_max=2))
        return self.defaults.directory(place.path)

    async def _directory(self, caller: Caller, place: Place, page: ListedPage) -> Status:
        first = page.objects[0] if page.objects else None
        if first is None or first.key != place.prefix or first.size:
            return self.defaults.directory(place.path)
        return await self.marker(caller, place.path, place.marker, first)

    async def _listed(self, caller: Caller, place: Place, below: Listing) -> Status | None:
        """Return what listings show of a place to one who may not read what is there."""
        if not place.is_itself:
            page = await self.gate.page(caller, below)
            if page.objects or page.prefixes:
                return await self._directory(caller, place, page)
        if not place.key:
            return None
        page = await self.gate.page(caller, Listing(place.bucket, place.key, count_max=1))
        if not page.objects or page.objects[0].key != place.key:
            return None
        found = page.objects[0]
        if not is_file(place, found.size):
            return None
        return self.defaults.listed_file(place.path, found, place.name)

    async def _asked(self, sight: Sight, below: Listing) -> tuple[Seen | None, ListedPage]:
        """Return the object and what lies under it; one refusal is told only where both are."""
        seen, page = await both(sight.find(), self.gate.page(sight.caller, below))
        if isinstance(page, Failure):
            if isinstance(seen, Seen) and isinstance(page, OriginRefused):
                return seen, ListedPage((), None)
            raise page
        if isinstance(seen, Failure):
            if page.objects or page.prefixes:
                return None, page
            raise seen
        return seen, page

    async def _target(self, caller: Caller, seen: Seen) -> str | None:
        """Return the target of a symbolic link; None where the body can be none."""
        try:
            content = await self.gate.read(caller, seen, ByteRange(0, seen.size))
        except VersionChanged:
            return None
        return None if b"\0" in content else content.decode("utf-8", "surrogateescape")


def is_file(place: Place, size: int) -> bool:
    """Return whether an object is a file: one without bytes whose key ends in `/` is a marker."""
    return size > 0 or not place.key.endswith("/")
