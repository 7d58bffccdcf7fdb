"""A tree of files in memory: what `filesystem/interface.Tree` promises, without objects."""

# ruff: noqa: ARG002 - the interface has arguments that nothing in memory needs

import time
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field, replace

from gateway.filesystem.caller import Caller
from gateway.filesystem.interface import PAGE_ENTRIES_MAX
from gateway.filesystem.status import Changes, Kind, NewAttributes, Page, Status, Summary
from gateway.model.failures import FileConflict, InvalidRequest, NotFound, VersionChanged
from gateway.model.names import ObjectName
from gateway.model.ranges import ByteRange
from gateway.model.versions import Version


def parent_of(path: str) -> str:
    return path.rpartition("/")[0] or "/"


@dataclass
class Entry:
    """One thing in the tree."""

    status: Status
    body: bytes = b""


class MemoryFile:
    """A version opened for reading."""

    def __init__(self, tree: "MemoryTree", entry: Entry) -> None:
        self.status = entry.status
        self._tree = tree
        self._body = entry.body

    def _refuse_gone(self) -> None:
        entry = self._tree.entries.get(self.status.path)
        if self._tree.keeps_nothing and (entry is None or entry.body != self._body):
            raise VersionChanged("that version is gone")

    async def pieces(self, wanted: ByteRange) -> AsyncGenerator[bytes]:
        self._refuse_gone()
        at = wanted.start
        while at < min(wanted.stop, len(self._body)):
            stop = min(at + 64 * 1024, wanted.stop)
            yield self._body[at:stop]
            at = stop

    async def read(self, wanted: ByteRange) -> bytes:
        self._refuse_gone()
        return self._body[wanted.start : wanted.stop]


@dataclass
class MemoryWriter:
    """A body on its way."""

    tree: "MemoryTree"
    caller: Caller
    path: str
    attributes: NewAttributes
    overwrite: bool
    replacing: str = ""
    body: bytearray = field(default_factory=bytearray)

    async def write(self, piece: bytes | memoryview) -> None:
        self.body += piece

    async def close(self) -> Status:
        self.tree.asked.append(("close", self.path))
        if self.tree.refuses_writes is not None:
            raise self.tree.refuses_writes
        if not self.overwrite and self.path in self.tree.entries:
            raise FileConflict("it exists", code="FileExists")
        self.tree.refuse_other(self.path, self.replacing)
        return self.tree.put(self.path, bytes(self.body), self.attributes, self.caller.user)

    async def abort(self) -> None:
        self.tree.asked.append(("abort", self.path))
        self.body.clear()


class MemoryTree:
    """The tree; `asked` are the calls so far, and `put` is a foreign writer."""

    def __init__(self) -> None:
        self.entries = {"/": Entry(Status("/", Kind.DIRECTORY, mode=0o755))}
        self.asked: list[tuple[str, str]] = []
        self.refuses_writes: Exception | None = None
        self.keeps_nothing = False
        """Whether a version that is gone cannot be read: it is not on flash."""
        self._count = 0

    def put(
        self, path: str, body: bytes, attributes: NewAttributes | None = None, owner: str = ""
    ) -> Status:
        """Write a file as anybody may."""
        chosen = attributes or NewAttributes()
        self._count += 1
        now_ns = time.time_ns()
        status = Status(
            path,
            Kind.FILE,
            len(body),
            modified_ns=now_ns if chosen.modified_ns is None else chosen.modified_ns,
            accessed_ns=chosen.accessed_ns or 0,
            mode=0o644 if chosen.mode is None else chosen.mode,
            owner=owner if chosen.owner is None else chosen.owner,
            group=chosen.group or "",
            xattrs=dict(chosen.xattrs),
            special=chosen.special,
            name=ObjectName("memory", path[1:]),
            version=Version(f'"{self._count}"', len(body), "then"),
            etag=f'"{self._count}"',
        )
        self.entries[path] = Entry(status, body)
        return status

    def refuse_other(self, path: str, etag: str) -> None:
        """Raise VersionChanged where a version is named and another, or nothing, is there."""
        entry = self.entries.get(path)
        if etag and (entry is None or entry.status.etag != etag):
            raise VersionChanged(f"{path} was changed by somebody else meanwhile")

    def make(self, path: str, mode: int = 0o755) -> Status:
        status = Status(path, Kind.DIRECTORY, modified_ns=time.time_ns(), mode=mode)
        self.entries[path] = Entry(status)
        return status

    def _get(self, path: str) -> Entry:
        if not path.startswith("/") or (path != "/" and path.endswith("/")):
            raise InvalidRequest(f"{path} is no path")
        entry = self.entries.get(path)
        if entry is None:
            raise NotFound(f"{path} is not there")
        return entry

    def _file(self, path: str) -> Entry:
        entry = self._get(path)
        if entry.status.is_directory:
            raise FileConflict(f"{path} is a directory", code="IsADirectory")
        return entry

    def _below(self, path: str) -> list[str]:
        start = path.rstrip("/") + "/"
        return [one for one in self.entries if one.startswith(start) and one != "/"]

    def _check_parent(self, path: str, *, makes: bool) -> None:
        parent = parent_of(path)
        if parent not in self.entries and makes:
            self._check_parent(parent, makes=True)
            self.make(parent)
        if not self._get(parent).status.is_directory:
            raise FileConflict(f"{parent} is a file", code="NotADirectory")

    async def status(self, caller: Caller, path: str) -> Status:
        self.asked.append(("status", path))
        return self._get(path).status

    async def check_access(
        self, caller: Caller, path: str, *, reads: bool, writes: bool, executes: bool
    ) -> None:
        self.asked.append(("check_access", path))
        self._get(path)

    async def children(
        self, caller: Caller, path: str, after: str = "", count_max: int = PAGE_ENTRIES_MAX
    ) -> Page:
        self.asked.append(("children", path))
        entry = self._get(path)
        if not entry.status.is_directory:
            return Page((entry.status,), None)
        names = sorted(
            (one for one in self._below(path) if parent_of(one) == path),
            key=lambda one: one.rpartition("/")[2].encode(),
        )
        rest = [one for one in names if one.rpartition("/")[2].encode() > after.encode()]
        page = tuple(self.entries[one].status for one in rest[:count_max])
        return Page(page, page[-1].base_name if len(rest) > count_max else None)

    async def summary(self, caller: Caller, path: str) -> Summary:
        self._get(path)
        statuses = [self.entries[one].status for one in [path, *self._below(path)]]
        files = [one for one in statuses if not one.is_directory]
        return Summary(len(files), len(statuses) - len(files), sum(one.length for one in files))

    async def open(self, caller: Caller, path: str, first: ByteRange | None = None) -> MemoryFile:
        self.asked.append(("open", path))
        return MemoryFile(self, self._file(path))

    async def create(
        self,
        caller: Caller,
        path: str,
        attributes: NewAttributes,
        *,
        overwrite: bool,
        replacing: str = "",
        makes_parents: bool = True,
        is_looked_up: bool = False,
    ) -> MemoryWriter:
        del is_looked_up
        self.asked.append(("create", path))
        self._check_parent(path, makes=makes_parents)
        if path in self.entries:
            self._file(path)
            if not overwrite:
                raise FileConflict("it exists", code="FileExists")
        return MemoryWriter(self, caller, path, attributes, overwrite, replacing)

    async def append(self, caller: Caller, path: str, *, replacing: str = "") -> MemoryWriter:
        self.asked.append(("append", path))
        self.refuse_other(path, replacing)
        entry = self._file(path)
        attributes = replace(_attributes(entry.status), modified_ns=None)
        writer = MemoryWriter(
            self, caller, path, attributes, overwrite=True, replacing=entry.status.etag
        )
        writer.body += entry.body
        return writer

    async def concat(self, caller: Caller, path: str, sources: Sequence[str]) -> Status:
        body = b"".join(self._file(one).body for one in [path, *sources])
        for one in sources:
            del self.entries[one]
        return self.put(path, body, _attributes(self.entries[path].status))

    async def truncate(self, caller: Caller, path: str, length: int) -> Status:
        self.asked.append(("truncate", path))
        entry = self._file(path)
        body = entry.body[:length].ljust(length, b"\0")
        return self.put(path, body, replace(_attributes(entry.status), modified_ns=None))

    async def make_directory(
        self,
        caller: Caller,
        path: str,
        attributes: NewAttributes,
        *,
        makes_parents: bool,
        may_exist: bool,
    ) -> Status:
        known = self.entries.get(path)
        if known is not None:
            if may_exist and known.status.is_directory:
                return known.status
            raise FileConflict("it exists", code="FileExists")
        self._check_parent(path, makes=makes_parents)
        status = self.make(path, attributes.mode or 0o755)
        owner = caller.user if attributes.owner is None else attributes.owner
        status = replace(status, owner=owner, group=attributes.group or "")
        self.entries[path].status = status
        return status

    async def make_symlink(self, caller: Caller, path: str, target: str) -> Status:
        if path in self.entries:
            raise FileConflict("it exists", code="FileExists")
        self._check_parent(path, makes=False)
        status = Status(
            path,
            Kind.SYMLINK,
            len(target.encode()),
            modified_ns=time.time_ns(),
            mode=0o777,
            owner=caller.user,
            symlink=target,
            name=ObjectName("memory", path[1:]),
        )
        self.entries[path] = Entry(status)
        return status

    async def remove(self, caller: Caller, path: str, *, recursive: bool) -> bool:
        self.asked.append(("remove", path))
        if path not in self.entries:
            return False
        below = self._below(path)
        if below and not recursive:
            raise FileConflict(f"{path} has children", code="DirectoryNotEmpty")
        for one in [path, *below]:
            del self.entries[one]
        return True

    async def rename(self, caller: Caller, source: str, target: str, *, replaces: bool) -> None:
        self.asked.append(("rename", source))
        moved = self._get(source)
        self._check_parent(target, makes=False)
        self._refuse_target(moved.status, target, replaces=replaces)
        for one in [source, *self._below(source)]:
            entry = self.entries.pop(one)
            path = target + one.removeprefix(source)
            name = ObjectName("memory", path[1:]) if entry.status.name else None
            self.entries[path] = Entry(replace(entry.status, path=path, name=name), entry.body)

    def _refuse_target(self, moved: Status, target: str, *, replaces: bool) -> None:
        standing = self.entries.get(target)
        if standing is None:
            return
        if not replaces:
            raise FileConflict("it exists", code="FileExists")
        if moved.is_directory and not standing.status.is_directory:
            raise FileConflict("it is a file", code="NotADirectory")
        if not moved.is_directory and standing.status.is_directory:
            raise FileConflict("it is a directory", code="IsADirectory")
        if self._below(target):
            raise FileConflict("it has children", code="DirectoryNotEmpty")

    async def set_attributes(
        self, caller: Caller, path: str, changes: Changes, *, etag: str = ""
    ) -> Status:
        self.asked.append(("set_attributes", path))
        self.refuse_other(path, etag)
        entry = self._get(path)
        words = {
            name: value
            for name in ("mode", "owner", "group", "modified_ns", "accessed_ns")
            if (value := getattr(changes, name)) is not None
        }
        xattrs = {**entry.status.xattrs, **changes.set_xattrs}
        kept = {name: value for name, value in xattrs.items() if name not in changes.removed_xattrs}
        entry.status = replace(entry.status, **words, xattrs=kept)
        return entry.status


def _attributes(status: Status) -> NewAttributes:
    return NewAttributes(
        status.mode,
        status.owner,
        status.group,
        status.modified_ns,
        status.accessed_ns,
        dict(status.xattrs),
        status.special,
    )
