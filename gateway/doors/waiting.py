"""Connections by what they wait for, oldest first: one clock for all in place of a timer for each.

All members of a queue may wait equally long, so whoever is overdue stands at its front, and a look
costs what is overdue and no more. Ten thousand idle connections cost nothing while they are idle.
"""

from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

Member = TypeVar("Member")


class Waiting(Generic[Member]):
    """Members in the order in which they began to wait."""

    __slots__ = ("_expire", "_since", "seconds_max")

    def __init__(self, seconds_max: float, expire: Callable[[Member], None]) -> None:
        """Let each wait `seconds_max`; `expire` is told of one that waited longer."""
        self.seconds_max = seconds_max
        self._expire = expire
        self._since: OrderedDict[Member, float] = OrderedDict()

    def __len__(self) -> int:
        """Return how many wait."""
        return len(self._since)

    def __contains__(self, member: Member) -> bool:
        return member in self._since

    def add(self, member: Member, now: float) -> None:
        """Let `member` wait from now on, whether or not it did."""
        self._since.pop(member, None)
        self._since[member] = now

    def discard(self, member: Member) -> None:
        """Forget `member`, if it waits."""
        self._since.pop(member, None)

    def find_oldest(self, now: float, *, seconds_min: float = 0.0) -> Member | None:
        """Return who waits longest; None where nobody does for `seconds_min`."""
        for member, since in self._since.items():
            return member if now - since >= seconds_min else None
        return None

    def expire(self, now: float, count_max: int) -> int:
        """Expire who is overdue, at most `count_max`, and return how many were."""
        for count in range(count_max):
            member = self.find_oldest(now, seconds_min=self.seconds_max)
            if member is None:
                return count
            del self._since[member]
            self._expire(member)
        return count_max
