"""Rows and extents as the index told them, remembered while nobody commits anything to it.

LMDB numbers its commits, one count for all processes, and to ask for the number costs a third of a
look-up. While it stands still everything that was read holds; where it moved, everything is read
again. So an answer is as true as one that LMDB gives at the same moment. On the event loop's thread
only: between asking for the number and using what is remembered nothing else may happen.
"""

from collections.abc import Mapping
from typing import Final

from gateway.flash.index import Index
from gateway.flash.rows import Extent, Row
from gateway.model.names import ObjectName

_REMEMBERED_BYTES_MAX: Final = 32 * 1024 * 1024
"""Rows, extents and notes together, roughly; beyond it all are forgotten and read anew. An epoch of
ten thousand objects fits, which would else be decoded at each of its reads."""
_ROW_BYTES: Final = 1024
"""What a row costs beside its headers, with its place and what is noted of it."""
_EXTENT_BYTES: Final = 512


class Remembered:
    """What one process's loop read of one index."""

    __slots__ = ("_bytes", "_extents", "_index", "_moment", "_notes", "_rows")

    def __init__(self, index: Index) -> None:
        """Remember nothing yet."""
        self._index = index
        self._moment = -1
        self._bytes = 0
        self._rows: dict[ObjectName, Row | None] = {}
        self._notes: dict[ObjectName, object] = {}
        self._extents: dict[tuple[bytes, int], Mapping[int, Extent]] = {}

    def find_row(self, name: ObjectName) -> Row | None:
        """Return the row of `name` as the index has it now; raises lmdb.Error."""
        self._forget_what_changed()
        try:
            return self._rows[name]
        except KeyError:
            # What is read now is as new as the moment or newer; then the next look forgets it.
            row = self._rows[name] = self._index.find_row(name)
            self._bytes += _row_bytes(row)
            return row

    def extents(self, body: bytes, numbers: range) -> Mapping[int, Extent]:
        """Return the extents of those chunks of `body` that are on flash now; raises lmdb.Error.

        Only single chunks are remembered: many are wanted for many bytes, and once.
        """
        if len(numbers) != 1:
            return self._index.extents(body, numbers)
        self._forget_what_changed()
        chunk = (body, numbers.start)
        try:
            return self._extents[chunk]
        except KeyError:
            found = self._extents[chunk] = self._index.extents(body, numbers)
            self._bytes += _EXTENT_BYTES
            return found

    def notes(self) -> dict[ObjectName, object]:
        """Return what its user concluded from rows and extents, by name; forgotten with them.

        To be asked for anew at each use; raises lmdb.Error.
        """
        self._forget_what_changed()
        return self._notes

    def forget(self) -> None:
        """Read everything again from now on."""
        self._bytes = 0
        self._rows.clear()
        self._extents.clear()
        # A new one: what is concluded now from rows of before must not be noted among what is now.
        self._notes = {}

    def _forget_what_changed(self) -> None:
        moment = self._index.moment()
        if moment != self._moment or self._bytes > _REMEMBERED_BYTES_MAX:
            self.forget()
            self._moment = moment


def _row_bytes(row: Row | None) -> int:
    """Return about how much memory a row takes."""
    if row is None:
        return _ROW_BYTES
    return _ROW_BYTES + sum(len(name) + len(value) + 100 for name, value in row.headers)
