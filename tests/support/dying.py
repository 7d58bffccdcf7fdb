"""A process that dies at its n-th step: each call of a move to origin or journal is one.

`Killed` is raised in the middle, nothing is tidied up, and what was sent is carried out or not.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

STEPS: Final = frozenset(
    {"page", "copy", "delete", "find", "put_marker", "begin", "advance", "note", "noted", "end"}
)


class Killed(BaseException):
    """The process is no more."""


@dataclass
class Steps:
    """Counts down to the death; `after` is whether the call is carried out before it."""

    left: int
    is_after: bool
    taken: int = 0
    die: Callable[[], None] = lambda: None
    """Ends the process in earnest, where there is one of its own."""

    def take(self) -> bool:
        """Return whether this is the last step; a dead process takes none."""
        if self.left <= 0:
            raise Killed
        self.left -= 1
        self.taken += 1
        return self.left == 0

    def end(self) -> None:
        """Die."""
        self.die()
        raise Killed


class Dying:
    """Stands before an object whose calls are steps."""

    def __init__(self, inner: Any, steps: Steps) -> None:
        """Count the calls of `inner`."""
        self._inner = inner
        self._steps = steps

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if name not in STEPS:
            return found
        if name in {"begin", "advance", "note", "noted", "end"}:
            return lambda *given: self._die_in(found, *given)
        return lambda *given: self._die_in_async(found, *given)

    def _die_in(self, found: Any, *given: Any) -> Any:
        is_last = self._steps.take()
        if is_last and not self._steps.is_after:
            self._steps.end()
        answer = found(*given)
        if is_last:
            self._steps.end()
        return answer

    async def _die_in_async(self, found: Any, *given: Any) -> Any:
        is_last = self._steps.take()
        if is_last and not self._steps.is_after:
            self._steps.end()
        answer = await found(*given)
        if is_last:
            self._steps.end()
        return answer
