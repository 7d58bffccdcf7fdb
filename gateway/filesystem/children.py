"""The children of a directory, cut from listings so that no page repeats or loses a name (pure).

A listing with the delimiter `/` is in the order of keys, in which the directory `a` stands as `a/`,
behind `a!` and `a.txt`; children are in the order of their names as keys have them, an object
before the directory of its name. A page begins behind the last name of the page before: nothing
that belongs to it stands before that in the listing. What may belong to it and stand behind the
listing's end are directories whose names the last key seen goes on from with a letter before `/`
(`a` at `a.txt`): these few are the *doubts*, which are asked about one by one.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from gateway.filesystem.paths import Part, read_part
from gateway.protocol.s3.listings import ListedObject, ListedPage

_SLASH: Final = "/"


@dataclass(frozen=True, slots=True)
class Child:
    """One thing in a directory, by its part of the key."""

    text: str
    is_directory: bool
    listed: ListedObject | None = None
    """Of an object, what the listing shows."""
    is_hidden: bool = False
    """Whether a directory has the object's plain name."""

    @property
    def order(self) -> tuple[str, bool]:
        """Return what children are ordered by; code points are in the order of UTF-8's bytes."""
        return self.text, self.is_directory

    @property
    def place(self) -> str:
        """Return where the listing has it."""
        return f"{self.text}/" if self.is_directory else self.text


@dataclass(frozen=True, slots=True)
class Cursor:
    """Behind which child a page begins."""

    text: str
    is_itself: bool = False
    """Whether it was an object beside a directory of its name, which is next."""

    def is_before(self, child: Child) -> bool:
        """Return whether a child is still to be shown."""
        if child.text == self.text:
            return self.is_itself and child.is_directory
        return child.text > self.text


@dataclass(frozen=True, slots=True)
class Window:
    """What listings showed of a directory behind a cursor."""

    cursor: Cursor | None
    children: tuple[Child, ...]
    is_whole: bool
    """Whether the listing ended."""

    @property
    def doubts(self) -> tuple[str, ...]:
        """Return the names of directories that may be there, unseen."""
        ahead = [one.text for one in self._certain(self.children) if self._is_ahead(one)]
        if self.is_whole or not ahead:
            return ()
        last, last_shown = max(child.place for child in self.children), max(ahead)
        names = (last[:at] for at in range(len(last)) if last[at] < _SLASH)
        doubts = (Child(name, is_directory=True) for name in names)
        # What comes after all that is shown is left to the next page; what has the name of the
        # last one shown is not, for it decides how that is shown.
        return tuple(one.text for one in doubts if self._is_ahead(one) and one.text <= last_shown)

    @property
    def has_some(self) -> bool:
        """Return whether there is anything to be shown."""
        return self.is_whole or any(map(self._is_ahead, self._certain(self.children)))

    def cut(self, found: Iterable[str], count_max: int) -> tuple[tuple[Child, ...], bool]:
        """Return the page, and whether more may come; `found` are the doubts that are there."""
        known = [*self.children, *(Child(name, is_directory=True) for name in found)]
        directories = {child.text for child in known if child.is_directory}
        ordered = sorted(filter(self._is_ahead, self._certain(known)), key=lambda one: one.order)
        page = tuple(
            Child(one.text, one.is_directory, one.listed, is_hidden=True)
            if not one.is_directory and one.text in directories
            else one
            for one in ordered[:count_max]
        )
        return page, not self.is_whole or len(ordered) > count_max

    def _certain(self, known: Sequence[Child]) -> Sequence[Child]:
        """Return what may be shown: of the last object seen a directory of its name may follow."""
        if self.is_whole or not known:
            return known
        last = max(known, key=lambda one: one.place)
        return known if last.is_directory else [one for one in known if one is not last]

    def _is_ahead(self, child: Child) -> bool:
        return self.cursor is None or self.cursor.is_before(child)


def children_of(page: ListedPage, prefix: str) -> tuple[Child, ...]:
    """Return what a page shows in the directory of `prefix`, without its own marker."""
    start = len(prefix)
    directories = (Child(one[start:-1], is_directory=True) for one in page.prefixes)
    objects = (
        Child(one.key[start:], is_directory=False, listed=one)
        for one in page.objects
        if one.key != prefix or one.size
    )
    return (*objects, *directories)


def read_cursor(after: str) -> Part:
    """Return what the name of a child says; one that shows nothing stands for itself."""
    return read_part(after) or Part(after, after)
