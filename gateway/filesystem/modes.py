"""What the mode bits of files and directories let a user do, as POSIX and HDFS judge it (pure).

The first class that fits decides, and no other: who owns a file has its owner's bits, even where
the group's would allow more. Members of the superuser group are held up by nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

READ: Final = 4
WRITE: Final = 2
EXECUTE: Final = 1
ALTER: Final = WRITE | EXECUTE
"""To add a name to a directory, or to take one out."""
LOOK: Final = READ | EXECUTE
"""To list a directory, as HDFS wants it: the listing shows what is in it, sizes and all."""
_STICKY: Final = 0o1000
_OWNER_SHIFT, _GROUP_SHIFT = 6, 3


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks."""

    user: str
    groups: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Permissions:
    """Whose a file or a directory is, and its twelve bits."""

    owner: str
    group: str
    mode: int

    def allow(self, asker: Asker, wanted: int) -> bool:
        """Return whether all the `wanted` bits are the asker's."""
        if asker.user == self.owner:
            bits = self.mode >> _OWNER_SHIFT
        elif self.group in asker.groups:
            bits = self.mode >> _GROUP_SHIFT
        else:
            bits = self.mode
        return bits & wanted == wanted

    def allow_removal(self, asker: Asker, entry: "Permissions | None") -> bool:
        """Return whether an entry of this directory may be taken out of it, or replaced.

        In a sticky one only by who owns the entry or the directory; None is an entry that says
        nothing of itself, hence whose owner nobody is.
        """
        if not self.allow(asker, ALTER):
            return False
        if not self.mode & _STICKY or asker.user == self.owner:
            return True
        return entry is not None and asker.user == entry.owner

    def __str__(self) -> str:
        """Return `0640 alice:staff`, as logs tell it."""
        return f"{self.mode:04o} {self.owner}:{self.group}"


def ancestors(key: str) -> tuple[str, ...]:
    """Return the markers of the directories that a key lies in, the topmost first.

    The bucket's own directory, which has no marker, is not among them. An empty part makes no
    directory of its own beside the one that it stands in: `a//b` lies in `a/` and in `a//`.
    """
    parts = key.split("/")[:-1] if not key.endswith("/") else key.split("/")[:-2]
    return tuple("/".join(parts[: at + 1]) + "/" for at in range(len(parts)))


def effective(
    markers: tuple[str, ...], said: Mapping[str, Permissions | None], root: Permissions
) -> tuple[Permissions, ...]:
    """Return what directories are judged by, the bucket's own first.

    One whose marker says nothing, or that has none, is judged as the one that it lies in: who may
    write into a directory may write into those that came into being by that alone.
    """
    judged = [root]
    for marker in markers:
        judged.append(said.get(marker) or judged[-1])
    return tuple(judged)


def may_give(asker: Asker, owner: str | None, group: str | None) -> bool:
    """Return whether what somebody makes may have this owner and this group: their own."""
    return owner in (None, asker.user) and (group is None or group in asker.groups)


def may_change_owner(
    asker: Asker, before: Permissions, owner: str | None, group: str | None
) -> bool:
    """Return whether an owner and a group may be set: the group by the owner, to one of theirs."""
    if owner not in (None, before.owner):
        return False
    if group in (None, before.group):
        return True
    return asker.user == before.owner and group in asker.groups
