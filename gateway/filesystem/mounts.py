"""Which object a path is: the mount table, or every bucket under its own name (pure).

Without mounts `/` shows the buckets and `/bucket/a/b` is object `a/b` in it. With them `/` and
everything above a mount is a virtual directory, which nobody writes to. Mounts do not nest: what
lies under a mount is its bucket's.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from gateway.filesystem.paths import Part, join_path, read_part, shown_part, split_path
from gateway.model.failures import InvalidRequest, NotFound
from gateway.model.names import ObjectName
from gateway.protocol.s3.addressing import check_bucket, check_key

_SCHEME = "s3://"


@dataclass(frozen=True, slots=True)
class Mount:
    """What a path is mounted on: a bucket, and where in it."""

    bucket: str
    prefix: str
    """Empty, or it ends with `/`."""


@dataclass(frozen=True, slots=True)
class VirtualDirectory:
    """A directory that no bucket has: the root, or what lies above a mount."""

    path: str
    names: tuple[str, ...] | None
    """Its children, in order; None: every bucket."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a path lies in a bucket, whatever stands there."""

    path: str
    mount: Mount
    parts: tuple[Part, ...]
    """Below the mount; none for the mount itself."""

    @property
    def bucket(self) -> str:
        """Return its bucket."""
        return self.mount.bucket

    @property
    def is_root(self) -> bool:
        """Return whether it is a bucket's or a mount's own directory, which is always there."""
        return not self.parts

    @property
    def is_itself(self) -> bool:
        """Return whether the object alone is meant, and no directory of its name."""
        return bool(self.parts) and self.parts[-1].is_itself

    @property
    def prefix(self) -> str:
        """Return the prefix of all keys in it, if it is a directory: empty, or it ends with `/`."""
        return self.mount.prefix + "".join(f"{part.text}/" for part in self.parts)

    @property
    def key(self) -> str:
        """Return the key of the object that it is, if it is one; '' can be none."""
        return self.prefix[:-1]

    @property
    def name(self) -> ObjectName:
        """Return the object that it is, if it is one."""
        return ObjectName(self.bucket, self.key)

    @property
    def marker(self) -> ObjectName:
        """Return the marker of the directory that it is, if it is one; '' can be none."""
        return ObjectName(self.bucket, self.prefix)

    @property
    def parent(self) -> "Place":
        """Return the directory that it is in; of a root itself."""
        path = self.path.rpartition("/")[0] or "/"
        return replace(self, path=path, parts=self.parts[:-1]) if self.parts else self

    def child(self, text: str, *, is_itself: bool = False) -> "Place":
        """Return the place of the part `text` of keys in this directory."""
        part = Part(shown_part(text, is_itself=is_itself), text, is_itself=is_itself)
        path = f"{self.path.removesuffix('/')}/{part.shown}"
        return replace(self, path=path, parts=(*self.parts, part))


class MountTable:
    """Finds the place of a path."""

    def __init__(self, mounts: Mapping[str, Mount] | None = None) -> None:
        """Take mounts by their paths; none at all show every bucket.

        Raises ValueError for a path that is none, and for mounts that nest.
        """
        self._mounts: dict[tuple[str, ...], Mount] = {}
        for path, mount in (mounts or {}).items():
            try:
                self._mounts[split_path(path)] = mount
            except InvalidRequest as failure:
                raise ValueError(f"a mount's {failure.message}") from None
        self._above: dict[tuple[str, ...], set[str]] = {}
        for parts in self._mounts:
            for at in range(len(parts)):
                self._above.setdefault(parts[:at], set()).add(parts[at])
        for parts in self._mounts:
            if parts in self._above:
                raise ValueError(f"{join_path(parts)} is a mount, and there is another under it")

    def locate(self, path: str) -> Place | VirtualDirectory:
        """Return where a path lies.

        Raises InvalidRequest for what is no path, NotFound for what can be nowhere.
        """
        shown = split_path(path)
        if not self._mounts:
            return self._among_buckets(path, shown)
        for at in range(len(shown) + 1):
            mount = self._mounts.get(shown[:at])
            if mount is not None:
                return _place(path, mount, shown[at:])
        names = self._above.get(shown)
        if names is None:
            raise not_found(path)
        return VirtualDirectory(path, tuple(sorted(names, key=str.encode)))

    def is_named(self, path: str) -> bool:
        """Return whether a path is a mount, which is there whatever its bucket says."""
        return split_path(path) in self._mounts

    def _among_buckets(self, path: str, shown: tuple[str, ...]) -> Place | VirtualDirectory:
        if not shown:
            return VirtualDirectory(path, None)
        try:
            mount = Mount(check_bucket(shown[0]), "")
        except InvalidRequest:
            raise not_found(path) from None
        return _place(path, mount, shown[1:])


def read_mount(text: str) -> Mount:
    """Return the mount that `s3://bucket` or `s3://bucket/prefix` says; raises ValueError."""
    bucket, _, prefix = text.removeprefix(_SCHEME).partition("/")
    try:
        if not text.startswith(_SCHEME):
            raise ValueError(f'"{text}" is no place: write "s3://bucket" or "s3://bucket/prefix"')
        check_bucket(bucket)
        check_key(prefix)
    except InvalidRequest as failure:
        raise ValueError(f'"{text}" is no place: {failure.message}') from None
    return Mount(bucket, prefix if not prefix or prefix.endswith("/") else prefix + "/")


def refuse_directory(place: Place) -> None:
    """Raise InvalidRequest where a directory is to be made by the name of an object alone."""
    if place.is_itself:
        raise InvalidRequest(f"{place.path} is the name of a file beside a directory: drop its %-")


def not_found(path: str) -> NotFound:
    """Return the failure of a path where nothing is."""
    return NotFound(f"There is nothing at {path}", resource=path)


def _place(path: str, mount: Mount, shown: tuple[str, ...]) -> Place:
    parts: list[Part] = []
    for one in shown:
        part = read_part(one)
        # What is an object alone has nothing under it.
        if part is None or (parts and parts[-1].is_itself):
            raise not_found(path)
        parts.append(part)
    place = Place(path, mount, tuple(parts))
    check_key(place.key)
    return place
