"""All calls of the kernel in one object, as pyfuse3 wants them; what no file system here can do."""

import errno
from collections.abc import Callable
from typing import Any

from gateway.doors.fuse.answers import answered, refusal
from gateway.doors.fuse.changes import Changing
from gateway.doors.fuse.files import Files
from gateway.doors.fuse.lookups import Lookups
from gateway.doors.fuse.room import Room


class Operations(Lookups, Changing, Files):
    """One mount's answers."""

    supports_dot_lookup = True
    enable_writeback_cache = False
    enable_acl = False

    def __init__(self, room: Room, on_begun: Callable[[], None] = lambda: None) -> None:
        """Answer in `room`; `on_begun` is called when the kernel begins to ask."""
        Lookups.__init__(self, room)
        Changing.__init__(self, room)
        Files.__init__(self, room)
        self._on_begun = on_begun

    def init(self) -> None:
        """Note that the kernel has begun to ask."""
        self._on_begun()

    def stacktrace(self) -> None:
        """Tell nothing: it is pyfuse3's own way of debugging."""

    @answered
    async def poll(self, inode: int, fh: int, handle: Any, ctx: Any) -> int:  # noqa: ANN401, ARG002
        """Refuse: files are always ready, as the kernel says itself after this."""
        raise refusal(errno.ENOSYS)
