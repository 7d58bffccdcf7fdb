"""Users and groups of this machine by number, owners in the tree by name, and the way between."""

import grp
import pwd
from collections.abc import Callable, Mapping
from typing import Final

_REMEMBERED_MAX: Final = 4096


class Names:
    """One kind of them: the table of the settings first, then the system's, then bare numbers."""

    def __init__(
        self,
        table: Mapping[str, int],
        find_number: Callable[[str], int],
        find_name: Callable[[int], str],
        nobody: int,
    ) -> None:
        """`nobody` is the number of who has no name, or one that is unknown here."""
        self._table = table
        self._by_number = {number: name for name, number in table.items()}
        self._find_number = find_number
        self._find_name = find_name
        self._nobody = nobody
        self._numbers: dict[str, int] = {}
        self._names: dict[int, str] = {}

    def number_of(self, name: str) -> int:
        """Return the number that stands for a name here."""
        if name not in self._numbers:
            _bound(self._numbers)
            self._numbers[name] = self._looked_up(name)
        return self._numbers[name]

    def _looked_up(self, name: str) -> int:
        if name in self._table:
            return self._table[name]
        if name.isascii() and name.isdigit() and int(name) < 1 << 32:
            return int(name)
        try:
            return self._find_number(name)
        except KeyError:
            return self._nobody

    def name_of(self, number: int) -> str:
        """Return the name of a number, or the number in digits."""
        if number not in self._names:
            _bound(self._names)
            self._names[number] = self._by_number.get(number) or self._from_system(number)
        return self._names[number]

    def _from_system(self, number: int) -> str:
        try:
            return self._find_name(number)
        except (KeyError, OverflowError):
            return str(number)


def system_users(table: Mapping[str, int], nobody: int) -> Names:
    """Return the users of this machine under those of a table."""
    return Names(
        table,
        lambda name: pwd.getpwnam(name).pw_uid,
        lambda number: pwd.getpwuid(number).pw_name,
        nobody,
    )


def system_groups(table: Mapping[str, int], nobody: int) -> Names:
    """Return the groups of this machine under those of a table."""
    return Names(
        table,
        lambda name: grp.getgrnam(name).gr_gid,
        lambda number: grp.getgrgid(number).gr_name,
        nobody,
    )


def _bound(remembered: dict[str, int] | dict[int, str]) -> None:
    if len(remembered) >= _REMEMBERED_MAX:
        remembered.clear()
