"""Which processes live: each holds a locked file, and whose lock is free is dead.

What a process begins and must end bears its owner's name. flock(2) locks go with the process,
whatever ends it, so that nobody has to guess by clocks or process numbers. Whoever takes a dead
owner's lock is the only one who may end what that one began, until the lock is given back: a
second one finds it held, and where the first is killed in the middle, finds it free again.
"""

import fcntl
import os
import secrets
from pathlib import Path
from typing import Final

_SUFFIX: Final = ".owner"
_NAME_BYTES: Final = 8


class Taken:
    """The lock of an owner who is dead, held."""

    def __init__(self, path: Path, descriptor: int) -> None:
        """Hold the locked descriptor of the file at `path`."""
        self._path = path
        self._descriptor = descriptor

    def release(self, *, is_over: bool) -> None:
        """Give the lock back; `is_over`: the owner left nothing, so that its file goes."""
        if is_over:
            self._path.unlink(missing_ok=True)
        os.close(self._descriptor)


class Owners:
    """This process among those that own something."""

    def __init__(self, folder: Path) -> None:
        """Become an owner in `folder`, which is made where it is absent; raises OSError."""
        self._folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        while True:
            self.name: str = secrets.token_hex(_NAME_BYTES)
            path = self._path(self.name)
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
            fcntl.flock(self._descriptor, fcntl.LOCK_EX)
            if _is_at(path, self._descriptor):  # else it was swept before it was locked
                return
            os.close(self._descriptor)

    def dead(self) -> list[str]:
        """Return the names of owners who do not live and whose files are still there."""
        names = [path.name.removesuffix(_SUFFIX) for path in self._folder.glob(f"*{_SUFFIX}")]
        found = []
        for name in sorted(names):
            taken = self.take_over(name) if name != self.name else None
            if taken is not None:
                taken.release(is_over=False)
                found.append(name)
        return found

    def take_over(self, name: str) -> Taken | None:
        """Return the lock of the owner `name`; None while it lives or another has taken it.

        Raises OSError.
        """
        path = self._path(name)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        if not _is_at(path, descriptor):
            os.close(descriptor)
            return None
        return Taken(path, descriptor)

    def leave(self, *, is_over: bool) -> None:
        """Own nothing any more; `is_over`: nothing is left that another has to end."""
        Taken(self._path(self.name), self._descriptor).release(is_over=is_over)

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}{_SUFFIX}"


def _is_at(path: Path, descriptor: int) -> bool:
    """Return whether the open file is still the one at `path`."""
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False
