"""What stands in a directory: its children page by page, and what lies under it in one pass."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from gateway.filesystem.caller import Caller
from gateway.filesystem.children import Child, Cursor, Window, children_of, read_cursor
from gateway.filesystem.gate import Gate, Listing
from gateway.filesystem.mounts import Place, VirtualDirectory, not_found
from gateway.filesystem.status import Page, Status, Summary
from gateway.filesystem.statuses import iso_moment_ns
from gateway.filesystem.tally import Tally
from gateway.filesystem.together import each
from gateway.filesystem.view import View
from gateway.model.failures import NotFound, OriginRefused
from gateway.protocol.s3.listings import PAGE_KEYS_MAX

_FORBIDDEN: Final = frozenset({400, 403})
"""How an origin says that Forebay itself may not see an object, or lacks the key for it."""
_AT_ONCE_MAX: Final = 64
"""Entries that are shown from what is at hand before others have a turn: some milliseconds."""


@dataclass(frozen=True, slots=True)
class Directories:
    """Lists what the view looks at."""

    view: View
    parallel_max: int
    shows_attributes: bool
    """Whether each entry's own attributes are shown, and not only what a listing has."""

    @property
    def gate(self) -> Gate:
        """Return the view's."""
        return self.view.gate

    async def children(self, caller: Caller, path: str, after: str, count_max: int) -> Page:
        """Return a page of a directory, or a file itself; raises as the tree does."""
        place = await self.view.place(caller, path)
        if isinstance(place, VirtualDirectory):
            return await self._virtual(caller, place, after, count_max)
        count = max(1, min(count_max, PAGE_KEYS_MAX))
        listing = Listing(place.bucket, place.prefix, count_max=min(count + 1, PAGE_KEYS_MAX))
        if place.is_itself or not self.gate.may_list(caller, listing):
            return await self._itself(caller, place, listing)
        cursor = await self._cursor(caller, place, after)
        window, is_there = await self._window(caller, listing, cursor)
        if not is_there and cursor is None and not place.is_root:
            return await self._itself(caller, place, listing)
        doubts = await each(
            window.doubts,
            lambda name: self._is_directory(caller, listing, name),
            parallel_max=self.parallel_max,
        )
        found = [name for name, is_one in zip(window.doubts, doubts, strict=True) if is_one]
        chosen, has_more = window.cut(found, count)
        entries = await self._statuses(caller, place, chosen)
        last = place.child(chosen[-1].text, is_itself=chosen[-1].is_hidden) if chosen else None
        return Page(entries, last.parts[-1].shown if last is not None and has_more else None)

    async def summary(self, caller: Caller, path: str) -> Summary:
        """Return what lies under a path, itself included; raises as the tree does."""
        place = await self.view.place(caller, path)
        if isinstance(place, VirtualDirectory):
            return await self._sum_of(caller, place)
        listing = Listing(place.bucket, place.prefix, delimiter="")
        if place.is_itself or not self.gate.may_list(caller, listing):
            return _of_file(await self._own_status(caller, place, listing))
        tally, token = Tally(place.prefix), None
        while True:
            page = await self.gate.page(caller, listing, token=token)
            for listed in page.objects:
                tally.add(listed.key, listed.size)
            token = page.next_token
            if token is None:
                break
        if tally.is_empty and not place.is_root:
            return _of_file(await self._own_status(caller, place, listing))
        return tally.summary

    async def _itself(self, caller: Caller, place: Place, listing: Listing) -> Page:
        return Page((await self._own_status(caller, place, listing),), None)

    async def _own_status(self, caller: Caller, place: Place, listing: Listing) -> Status:
        """Return the status of what is no directory; raises AccessDenied for one, NotFound."""
        found = await self.view.find(caller, place)
        if found is None:
            raise not_found(place.path)
        if found.is_directory:
            self.gate.require_list(caller, listing)
        return found

    async def _cursor(self, caller: Caller, place: Place, after: str) -> Cursor | None:
        if not after:
            return None
        part = read_cursor(after)
        if part.is_beginning:
            try:
                part = await self.view.whole(caller, place, part)
            except NotFound:  # it went; what begins like it may be shown once more
                return Cursor(part.text)
        return Cursor(part.text, is_itself=part.is_itself)

    async def _window(
        self, caller: Caller, listing: Listing, cursor: Cursor | None
    ) -> tuple[Window, bool]:
        """Return what listings show, until there is something; and whether anything is there."""
        after = "" if cursor is None else listing.prefix + cursor.text
        seen: tuple[Child, ...] = ()
        token, is_there = None, False
        while True:
            page = await self.gate.page(caller, listing, after=after, token=token)
            is_there = is_there or bool(page.objects or page.prefixes)
            seen = (*seen, *children_of(page, listing.prefix))
            token = page.next_token
            window = Window(cursor, seen, is_whole=token is None)
            if window.has_some:
                return window, is_there

    async def _is_directory(self, caller: Caller, listing: Listing, name: str) -> bool:
        return await self.gate.is_listed(caller, listing, f"{listing.prefix}{name}/")

    async def _statuses(
        self, caller: Caller, place: Place, children: Sequence[Child]
    ) -> tuple[Status, ...]:
        """Return the children's statuses: what is at hand at once, the rest asked together."""
        shown: dict[int, Status] = {}
        asked: list[int] = []
        for at, child in enumerate(children):
            if at % _AT_ONCE_MAX == _AT_ONCE_MAX - 1:
                await asyncio.sleep(0)  # others are served meanwhile
            status = self._at_once(caller, place, child)
            if status is None:
                asked.append(at)
            else:
                shown[at] = status
        answers = await each(
            asked,
            lambda at: self._ask(caller, place, children[at]),
            parallel_max=self.parallel_max,
        )
        told = zip(asked, answers, strict=True)
        shown |= {at: answer for at, answer in told if answer is not None}
        return tuple(shown[at] for at in sorted(shown))

    def _at_once(self, caller: Caller, place: Place, child: Child) -> Status | None:
        """Return a child's status where nothing has to be asked or read for it."""
        defaults, there = self.view.defaults, place.child(child.text, is_itself=child.is_hidden)
        if child.listed is None:
            return None if self.shows_attributes else defaults.directory(there.path)
        name = there.name
        sight = self.gate.find_sight(caller, name) if self.shows_attributes else None
        if sight is None:
            return defaults.listed_file(there.path, child.listed, name)
        seen = sight.find_listed(child.listed)
        if seen is None:
            return None
        said = defaults.said(seen)
        return None if said.is_symlink else defaults.file(there.path, seen, said)

    async def _ask(self, caller: Caller, place: Place, child: Child) -> Status | None:
        """Return a child's status; None where it went since it was listed."""
        there = place.child(child.text, is_itself=child.is_hidden)
        if child.listed is None:
            return await self.view.marker(caller, there.path, there.marker)
        sight = self.gate.sight(caller, there.name)
        seen = sight.find_listed(child.listed)
        if seen is None:
            try:
                seen = await sight.find()
            except OriginRefused as refused:
                if refused.status not in _FORBIDDEN:
                    raise
                return self.view.defaults.listed_file(there.path, child.listed, there.name)
        return None if seen is None else await self.view.file(caller, there.path, seen)

    async def _virtual(
        self, caller: Caller, above: VirtualDirectory, after: str, count_max: int
    ) -> Page:
        """Return a page of mounts, or of buckets."""
        moments = await self._names(caller, above)
        names = [name for name in moments if name > after]
        base = above.path.removesuffix("/")
        entries = tuple(
            self.view.defaults.directory(f"{base}/{name}", modified_ns=moments[name])
            for name in names[:count_max]
        )
        has_more = len(names) > count_max
        return Page(entries, entries[-1].base_name if has_more and entries else None)

    async def _names(self, caller: Caller, above: VirtualDirectory) -> dict[str, int]:
        """Return the children of a virtual directory in order, with the moments they were made."""
        if above.names is not None:
            return dict.fromkeys(above.names, 0)
        buckets = await self.gate.buckets(caller)
        return {bucket.name: iso_moment_ns(bucket.created) for bucket in buckets}

    async def _sum_of(self, caller: Caller, above: VirtualDirectory) -> Summary:
        """Return the sum of what lies under a virtual directory."""
        files, directories, length = 0, 1, 0
        for name in await self._names(caller, above):
            one = await self.summary(caller, f"{above.path.removesuffix('/')}/{name}")
            files, directories = files + one.files, directories + one.directories
            length += one.length
        return Summary(files, directories, length)


def _of_file(status: Status) -> Summary:
    return Summary(files=1, directories=0, length=status.length)
