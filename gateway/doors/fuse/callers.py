"""Who asks in a mount: one identity, whose policies judge, and the user of each call."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import uuid4

from multidict import CIMultiDict, CIMultiDictProxy

from gateway.access.authentication import Principal
from gateway.doors.fuse.users import Names
from gateway.filesystem.caller import Caller
from gateway.protocol.http.head import RequestHead

_HEAD: Final = RequestHead(
    "GET", "/", "", CIMultiDictProxy(CIMultiDict({"User-Agent": "forebay-mount"}))
)
REMOTE: Final = "127.0.0.1"
"""Where a mount's calls come from, for conditions and the audit log: this machine."""


@dataclass(frozen=True, slots=True)
class MountCall:
    """One call of the kernel, as the audit log and conditions of policies see it."""

    id: str
    head: RequestHead = _HEAD
    remote: str = REMOTE


@dataclass(frozen=True, slots=True)
class User:
    """Whose process called, by the numbers of this machine."""

    uid: int
    gid: int
    pid: int = 0


def user_of(ctx: Any) -> User:  # noqa: ANN401 - pyfuse3's RequestContext
    """Return whose process made a call."""
    return User(ctx.uid, ctx.gid, ctx.pid)


class Callers:
    """Makes the caller of each call, with the identity's rights as they are then."""

    def __init__(
        self,
        identify: Callable[[], Principal],
        now: Callable[[], datetime],
        users: Names,
        groups: Names,
    ) -> None:
        """`identify` raises AuthenticationFailed where the identity is no more."""
        self._identify = identify
        self._now = now
        self.users = users
        self.groups = groups

    def of(self, user: User) -> Caller:
        """Return who calls now; raises AuthenticationFailed."""
        return Caller(
            self._identify(),
            MountCall(uuid4().hex),
            self._now(),
            self.users.name_of(user.uid),
            (self.groups.name_of(user.gid),),
        )
