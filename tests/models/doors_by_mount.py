"""The machine's rules at a mount: system calls, and the death of its process."""

import os
from dataclasses import replace

from hypothesis import strategies as st
from hypothesis.stateful import rule

from tests.models import doors_posix as posix
from tests.models.doors_machine import MODES, MOMENTS, NOW, PATHS, SIZES, DoorsMachineBase
from tests.models.doors_seen import GROUPS, USERS, name_of
from tests.models.files_model import DIRECTORY, OK, Thing

LINK_TARGET = "/nowhere/x"
XATTR_NAMES = st.sampled_from(["user.a", "user.ü"])
_UMASK = 0o022
_WRITING = os.O_WRONLY | os.O_CREAT | os.O_TRUNC


class ByMount(DoorsMachineBase):
    """Files, by system calls of root."""

    def called(self, name: str, paths: list[str], wanted: str, call, *arguments, **more) -> None:
        """Make a call on the first path."""
        mount = self.stage.mount

        def work() -> None:
            call(mount.root / self.at(paths[0]), *arguments, **more)

        self.step(f"mount {name}", paths, lambda: mount.act(work), wanted)

    def written(self, name: str, path: str, wanted: str, *arguments) -> None:
        mount = self.stage.mount
        self.called(name, [path], wanted, lambda _: mount.write(self.at(path), *arguments))

    def new(self, path: str, body: bytes, mode: int) -> Thing:
        """Return a file that root makes."""
        group = posix.inherited_group(self.model, path) or "root"
        return Thing(body, mode & ~_UMASK, "root", group, NOW)

    @rule(path=PATHS, size=SIZES, mode=MODES, is_exclusive=st.booleans())
    def mount_create(self, path, size, mode, is_exclusive) -> None:
        """Make a file, or empty one and write it: then it stays what it was but for its bytes."""
        body = self.bytes_of(size)
        wanted = posix.at(self.model, path, posix.MADE if is_exclusive else posix.CREATED)
        if wanted == OK:
            self.model.things[path] = (
                replace(self.said(path), body=body, modified_ns=NOW, colour=None)
                if path in self.model.things
                else self.new(path, body, mode)
            )
        flags = _WRITING | os.O_EXCL * is_exclusive
        self.written("create", path, wanted, body, flags, mode)

    @rule(path=PATHS, size=SIZES)
    def mount_append(self, path, size) -> None:
        added = self.bytes_of(size)
        wanted = posix.at(self.model, path, posix.OPENED)
        if wanted == OK and added:
            thing = self.said(path)
            self.model.things[path] = replace(thing, body=thing.body + added, modified_ns=NOW)
        self.written("append", path, wanted, added, os.O_WRONLY | os.O_APPEND)

    @rule(path=PATHS, size=SIZES, at=SIZES)
    def mount_patch(self, path, size, at) -> None:
        """Write from a place on, within the file or beyond its end."""
        piece = self.bytes_of(size)
        wanted = posix.at(self.model, path, posix.OPENED)
        if wanted == OK and piece:
            thing = self.said(path)
            body = thing.body[:at].ljust(at, b"\0") + piece + thing.body[at + size :]
            self.model.things[path] = replace(thing, body=body, modified_ns=NOW)
        self.written("patch", path, wanted, piece, os.O_RDWR, 0, at)

    @rule(path=PATHS, size=SIZES)
    def mount_truncate(self, path, size) -> None:
        wanted = posix.at(self.model, path, posix.CUT)
        if wanted == OK:
            thing = self.said(path)
            body = thing.body[:size].ljust(size, b"\0")
            # What is emptied begins anew, and keeps its attributes alone.
            colour = thing.colour if size else None
            self.model.things[path] = replace(thing, body=body, modified_ns=NOW, colour=colour)
        self.called("truncate", [path], wanted, os.truncate, size)

    @rule(source=PATHS, there=PATHS)
    def mount_rename(self, source, there) -> None:
        wanted = posix.rename(self.model, source, there)
        if wanted == OK:
            self.model.rename(source, there)
        target = self.stage.mount.root / self.at(there)
        self.called("rename", [source, there], wanted, os.rename, target)

    @rule(path=PATHS)
    def mount_unlink(self, path) -> None:
        wanted = posix.at(self.model, path, posix.UNLINKED)
        if wanted == OK:
            self.model.remove(path, recursive=False)
        self.called("unlink", [path], wanted, os.unlink)

    @rule(path=PATHS)
    def mount_rmdir(self, path) -> None:
        wanted = posix.rmdir(self.model, path)
        if wanted == OK:
            self.model.remove(path, recursive=False)
        self.called("rmdir", [path], wanted, os.rmdir)

    @rule(path=PATHS, mode=MODES)
    def mount_mkdir(self, path, mode) -> None:
        wanted = posix.at(self.model, path, posix.MADE)
        if wanted == OK:
            made = self.new(path, b"", mode)
            is_handed_down = posix.inherited_group(self.model, path) is not None
            bits = 0o2000 if is_handed_down else 0
            self.model.things[f"{path}/"] = replace(made, mode=(made.mode or 0) | bits)
        self.called("mkdir", [path], wanted, os.mkdir, mode)

    @rule(path=PATHS)
    def mount_symlink(self, path) -> None:
        wanted = posix.at(self.model, path, posix.MADE)
        if wanted == OK:
            group = posix.link_group(self.model, path)
            link = Thing(LINK_TARGET.encode(), 0o777, "root", group, NOW, is_link=True)
            self.model.things[path] = link
        self.called("symlink", [path], wanted, lambda at: at.symlink_to(LINK_TARGET))

    # Attributes

    @rule(path=PATHS, mode=MODES, is_set_group=st.booleans())
    def mount_chmod(self, path, mode, is_set_group) -> None:
        if is_set_group and self.model.stands(path) == DIRECTORY:
            mode = 0o2775
        self._set_by_call("chmod", path, {"mode": mode}, posix.FOLLOWED, os.chmod, mode)

    @rule(path=PATHS, uid=st.sampled_from([-1, 0, 4001, 12345]), gid=st.sampled_from([0, 5001]))
    def mount_chown(self, path, uid, gid) -> None:
        changes = {"owner": _named(uid, USERS), "group": _named(gid, GROUPS)}
        kept = {name: one for name, one in changes.items() if one != "-1"}
        self._set_by_call("chown", path, kept, posix.SET, os.chown, uid, gid, follow_symlinks=False)

    @rule(path=PATHS, moment=MOMENTS)
    def mount_utime(self, path, moment) -> None:
        times = (moment + 5, moment)
        changes = {"modified_ns": moment}
        self._set_by_call(
            "utime", path, changes, posix.SET, os.utime, ns=times, follow_symlinks=False
        )

    @rule(path=PATHS, name=XATTR_NAMES, value=st.binary(max_size=5))
    def mount_setxattr(self, path, name, value) -> None:
        xattrs = {**self._xattrs(path), name: value}
        self._set_by_call(
            "setxattr",
            path,
            {"xattrs": xattrs},
            posix.ATTRIBUTED,
            os.setxattr,
            name,
            value,
            follow_symlinks=False,
        )

    @rule(path=PATHS, name=XATTR_NAMES)
    def mount_removexattr(self, path, name) -> None:
        xattrs = self._xattrs(path)
        outcomes = dict(posix.ATTRIBUTED)
        if name not in xattrs:
            outcomes |= {"FILE": "ENODATA", DIRECTORY: "ENODATA"}
        left = {one: value for one, value in xattrs.items() if one != name}
        self._set_by_call(
            "removexattr",
            path,
            {"xattrs": left},
            outcomes,
            os.removexattr,
            name,
            follow_symlinks=False,
        )

    def _xattrs(self, path: str) -> dict[str, bytes]:
        seen = self.seen(path)
        return {} if seen is None else dict(seen.xattrs)

    def _set_by_call(self, name, path, changes, outcomes, call, *arguments, **more) -> None:
        wanted = posix.at(self.model, path, outcomes)
        if wanted == OK:
            self.alter(path, **changes)
        self.called(name, [path], wanted, call, *arguments, **more)

    # The end of its process

    @rule(path=PATHS, size=SIZES, is_killed=st.booleans())
    def mount_ends(self, path, size, is_killed) -> None:
        """End it while a file is written: killed, nothing of it is there; asked to end, all is."""
        body, at = self.bytes_of(size), self.stage.mount.root / self.at(path)
        is_written = posix.at(self.model, path, posix.CREATED) == OK
        if is_written and not is_killed:
            self.model.things[path] = (
                replace(self.said(path), body=body, modified_ns=NOW, colour=None)
                if path in self.model.things
                else self.new(path, body, 0o644)
            )

        def act() -> str:
            left_open = [os.open(at, _WRITING, 0o644)] if is_written else []
            for opened in left_open:
                os.write(opened, body)
            self.stage.end_mount(is_killed=is_killed, left_open=left_open)
            self.stage.remount()
            return OK

        self.step("mount killed" if is_killed else "mount ended", [path], act, OK)

    @rule(number=st.integers(0, 1))
    def kill_worker(self, number) -> None:
        def act() -> str:
            self.stage.kill_worker(number)
            return OK

        self.step("worker killed", [], act, OK)


def _named(number: int, table: dict[str, int]) -> str:
    return "root" if number == 0 else name_of(number, table)
