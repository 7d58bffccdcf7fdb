"""An open directory: its entries by pages, each at a place that the kernel may come back to.

An entry's place is its number in the listing. Pages that were read on are let go, but for the last;
who seeks back is given that page anew, by the name it began behind, so that a directory of any size
takes the memory of one page. Files that this mount has made and not written to the origin yet are
entries too, after all others.
"""

from collections.abc import AsyncGenerator, Iterable
from typing import Final

from gateway.filesystem.caller import Caller
from gateway.filesystem.interface import PAGE_ENTRIES_MAX, Tree
from gateway.filesystem.status import Status

_PAGES_MAX: Final = 100_000
"""Pages of one listing: 100 million entries."""


class Listing:
    """One handle's way through a directory."""

    def __init__(self, tree: Tree, path: str) -> None:
        """Ask nothing yet."""
        self._tree = tree
        self._path = path
        self._starts: list[tuple[int, str]] = [(0, "")]
        """Of each page that was begun: the number of its first entry, the name before it."""
        self._page: tuple[Status, ...] | None = None
        self._page_number = 0
        self._is_last = False

    def rewind(self) -> None:
        """Begin anew: what changed since is seen (rewinddir)."""
        self._starts = [(0, "")]
        self._page, self._page_number, self._is_last = None, 0, False

    async def entries(
        self, caller: Caller, place: int, made_here: Iterable[Status]
    ) -> AsyncGenerator[tuple[int, Status]]:
        """Yield the entries from a place on, each with the place behind it."""
        if place == 0 and self._page is not None:
            self.rewind()
        async for number, status in self._from_origin(caller, place):
            place = number + 1
            yield place, status
        # Places behind the last entry that is at the origin.
        total = self._starts[-1][0] + len(self._page or ())
        for number, status in enumerate(made_here, total):
            if number >= place:
                yield number + 1, status

    async def _from_origin(self, caller: Caller, place: int) -> AsyncGenerator[tuple[int, Status]]:
        await self._turn_to(caller, place)
        while self._page is not None:
            first = self._starts[self._page_number][0]
            for number in range(max(place, first), first + len(self._page)):
                yield number, self._page[number - first]
            if self._is_last or len(self._starts) > _PAGES_MAX:
                return
            await self._load(caller, self._page_number + 1)

    async def _turn_to(self, caller: Caller, place: int) -> None:
        """Have the page at hand in which a place is, or the last that is known."""
        number = max(at for at, (first, _) in enumerate(self._starts) if first <= max(place, 0))
        if self._page is None or number != self._page_number:
            await self._load(caller, number)

    async def _load(self, caller: Caller, number: int) -> None:
        first, after = self._starts[number]
        page = await self._tree.children(caller, self._path, after, PAGE_ENTRIES_MAX)
        self._page, self._page_number = page.entries, number
        self._is_last = page.after is None
        if page.after is not None:
            following = (first + len(page.entries), page.after)
            self._starts[number + 1 :] = [following]
