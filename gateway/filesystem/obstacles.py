"""What stands where something is to be made: seen as far as the maker may look, and said no more.

Who may write and may neither read nor list is not told what is there: S3 lets them write blindly,
and so does this.
"""

from dataclasses import dataclass
from typing import Final

from gateway.filesystem.caller import Caller
from gateway.filesystem.change_gate import is_directory, not_a_directory
from gateway.filesystem.gate import READ, Gate, Listing
from gateway.filesystem.mounts import Place, VirtualDirectory, not_found
from gateway.filesystem.status import Status
from gateway.filesystem.together import both, each
from gateway.filesystem.view import View
from gateway.model.failures import AccessDenied, Failure

_PARENTS_AT_ONCE: Final = 8


@dataclass(frozen=True, slots=True)
class Site:
    """Where something is to be made, and what is there as far as its maker may know."""

    place: Place
    found: Status | None
    missing: tuple[Place, ...] = ()
    """The directories above that are not there, as far as their maker may know."""
    above: Status | None = None
    """The nearest directory above that is there; None: it is the root, or nobody asked."""


@dataclass(frozen=True, slots=True)
class Obstacles:
    """Looks before something is made."""

    view: View

    @property
    def gate(self) -> Gate:
        """Return the view's."""
        return self.view.gate

    async def place(self, caller: Caller, path: str) -> Place:
        """Return where a path lies in a bucket; raises AccessDenied where it lies in none."""
        place = await self.view.place(caller, path)
        if isinstance(place, VirtualDirectory):
            raise AccessDenied(f"{path} is in no bucket, and nobody writes there")
        return place

    async def file_site(self, caller: Caller, path: str, *, makes_parents: bool = True) -> Site:
        """Return where a file may be made, or is.

        Raises FileConflict for a directory, or a file in place of a parent, and NotFound for an
        absent parent that is not to be made.
        """
        site = await self.site(caller, path, makes_parents=makes_parents)
        if site.place.is_root or (site.found is not None and site.found.is_directory):
            raise is_directory(path)
        return site

    async def site(self, caller: Caller, path: str, *, makes_parents: bool = True) -> Site:
        """Return where anything may be made; raises as `file_site` but for a directory there."""
        place = await self.place(caller, path)
        if place.is_root:
            return Site(place, await self.view.find(caller, place))
        found, above = await both(
            self.find(caller, place), self._above(caller, place, makes_parents)
        )
        if isinstance(found, Failure):
            raise found
        if isinstance(above, Failure):
            raise above
        return Site(place, found, *above)

    async def find(self, caller: Caller, place: Place) -> Status | None:
        """Return what stands at a place, None also where the caller may not know it."""
        may_list = self._may_list(caller, place)
        may_read = bool(place.key) and self.gate.may(caller, READ, place.name)
        if not (may_list or may_read):
            return None
        try:
            return await self.view.find(caller, place)
        except AccessDenied:  # absent, for who may read and not list
            return None

    async def _above(
        self, caller: Caller, place: Place, makes_parents: bool
    ) -> tuple[tuple[Place, ...], Status | None]:
        """Return which parents are not there, and the nearest that is, as far as may be known.

        Raises where one is a file, or is absent and not to be made.
        """
        parent = place.parent
        if parent.is_root or not self._may_list(caller, parent):
            return (), None
        found = await self.find(caller, parent)
        if found is not None:
            if not found.is_directory:
                raise not_a_directory(parent.path)
            return (), found
        if not makes_parents:
            raise not_found(parent.path)
        absent, above = [parent], []
        while not (parent := parent.parent).is_root:
            above.append(parent)
        outcomes = await each(
            above, lambda one: self.find(caller, one), parallel_max=_PARENTS_AT_ONCE
        )
        for one, outcome in zip(above, outcomes, strict=True):
            if outcome is not None and not outcome.is_directory:
                raise not_a_directory(outcome.path)
            if outcome is None and self._may_list(caller, one):
                absent.append(one)
        return tuple(absent), next((one for one in outcomes if one is not None), None)

    def _may_list(self, caller: Caller, place: Place) -> bool:
        return self.gate.may_list(caller, Listing(place.bucket, place.prefix, count_max=2))
