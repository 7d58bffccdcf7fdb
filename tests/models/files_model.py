"""The reference of the tree: objects by key, and what they are as files, by definition.

A directory is what keys begin with; a file is an object of that key. Nothing here asks how Forebay
does it: each operation says what becomes of the objects, or the code of the failure.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

OK = "ok"
ABSENT, EXISTS = "NoSuchKey", "FileExists"
IS_DIRECTORY, NO_DIRECTORY = "IsADirectory", "NotADirectory"
NOT_EMPTY, INVALID = "DirectoryNotEmpty", "InvalidRequest"
FILE, DIRECTORY, LINK = "FILE", "DIRECTORY", "SYMLINK"


@dataclass(frozen=True, slots=True)
class Thing:
    """An object as far as a reader of either kind can see it."""

    body: bytes = field(default=b"", repr=False)
    mode: int | None = None
    owner: str | None = None
    group: str | None = None
    modified_ns: int | None = None
    """None: whatever the origin says."""
    xattrs: Mapping[str, bytes] = field(default_factory=dict)
    colour: str | None = None
    """Metadata that is no attribute."""
    is_link: bool = False


def parent_of(path: str) -> str:
    return path.rpartition("/")[0]


def hidden(name: str) -> str:
    """Return how an object is shown beside a directory of its name."""
    return f"%-{name.replace('%', '%25')}"


class FilesModel:
    """Everything under one directory; paths are relative to it, and `''` is itself."""

    def __init__(self) -> None:
        self.things: dict[str, Thing] = {}

    def is_directory(self, path: str) -> bool:
        return not path or any(key.startswith(f"{path}/") for key in self.things)

    def stands(self, path: str) -> str | None:
        """Return what stands at a path: where an object and a directory do, the directory."""
        if self.is_directory(path):
            return DIRECTORY
        thing = self.things.get(path)
        return None if thing is None else LINK if thing.is_link else FILE

    def under(self, path: str) -> list[str]:
        """Return the keys of a directory and of all that is in it."""
        return [key for key in self.things if key.startswith(f"{path}/")]

    def children(self, path: str) -> dict[str, tuple[str, str]]:
        """Return what a listing shows, in the order of names: by the name shown, kind and name."""
        prefix = f"{path}/" if path else ""
        rests = [key[len(prefix) :] for key in self.things if key.startswith(prefix)]
        directories = {rest.partition("/")[0] for rest in rests if "/" in rest}
        shown = [((name, 1), name, DIRECTORY) for name in directories]
        for rest in rests:
            if rest and "/" not in rest:
                kind = LINK if self.things[prefix + rest].is_link else FILE
                shown.append(((rest, 0), rest, kind))
        return {
            hidden(name) if kind != DIRECTORY and name in directories else name: (kind, name)
            for _, name, kind in sorted(shown)
        }

    def directories(self) -> set[str]:
        """Return every directory."""
        found = {""}
        for key in self.things:
            parts = key.split("/")[:-1]
            found |= {"/".join(parts[:at]) for at in range(1, len(parts) + 1)}
        return found

    def parents_failure(self, path: str, *, makes: bool) -> str:
        """Return why nothing can be made at a path, for what is above it."""
        above = parent_of(path)
        if self.is_directory(above):
            return OK
        if above in self.things:
            return NO_DIRECTORY
        if not makes:
            return ABSENT
        while above:
            above = parent_of(above)
            if not self.is_directory(above) and above in self.things:
                return NO_DIRECTORY
        return OK

    def is_ambiguous(self, path: str) -> bool:
        """Return whether an object of that key would be beside a directory, or make one so."""
        above = path
        while above := parent_of(above):
            if above in self.things:
                return True
        return self.is_directory(path)

    def handed_down(self, path: str) -> str:
        """Return the group of what is made at a path: that which the marker above says."""
        above = parent_of(path)
        while not self.is_directory(above):
            above = parent_of(above)
        return self.things.get(f"{above}/", Thing()).group or "forebay"

    # Operations: each returns what the tree must say

    def create(self, path: str, thing: Thing, *, overwrite: bool) -> str:
        failure = self.parents_failure(path, makes=True)
        if failure != OK:
            return failure
        if self.is_directory(path):
            return IS_DIRECTORY
        if path in self.things and not overwrite:
            return EXISTS
        self.things[path] = thing
        return OK

    def rewrite(self, path: str, body: bytes, modified_ns: int | None) -> str:
        """Give a file another body: append and truncate."""
        if path not in self.things:
            return IS_DIRECTORY if self.is_directory(path) else ABSENT
        if self.things[path].is_link:
            return INVALID
        self.things[path] = replace(self.things[path], body=body, modified_ns=modified_ns)
        return OK

    def concat_failure(self, path: str, sources: list[str]) -> str:
        if not sources or len({path, *sources}) != len(sources) + 1:
            return INVALID
        if any(parent_of(source) != parent_of(path) for source in sources):
            return INVALID
        for one in (path, *sources):
            if one not in self.things:
                return IS_DIRECTORY if self.is_directory(one) else ABSENT
            if self.things[one].is_link:
                return INVALID
        return OK

    def concat(self, path: str, sources: list[str], modified_ns: int) -> None:
        bodies = [self.things[one].body for one in (path, *sources)]
        self.rewrite(path, b"".join(bodies), modified_ns)
        for source in sources:
            del self.things[source]

    def make_directory(self, path: str, marker: Thing, *, parents: bool, may_exist: bool) -> str:
        failure = self.parents_failure(path, makes=parents)
        if failure != OK:
            return failure
        if self.is_directory(path):
            return OK if may_exist else EXISTS
        if path in self.things:
            return EXISTS
        missing, above = [], path
        while above := parent_of(above):
            missing += [above] * (not self.is_directory(above))
        self.things |= {f"{one}/": replace(marker, mode=marker.mode | 0o300) for one in missing}
        self.things[f"{path}/"] = marker
        return OK

    def make_link(self, path: str, link: Thing) -> str:
        failure = self.parents_failure(path, makes=False)
        if failure != OK:
            return failure
        if self.stands(path) is not None:
            return EXISTS
        self.things[path] = link
        return OK

    def remove(self, path: str, *, recursive: bool) -> str:
        """Return also '' where nothing was there."""
        if self.is_directory(path):
            inside = self.under(path)
            if inside != [f"{path}/"] and not recursive:
                return NOT_EMPTY
            self._leave(path, inside)
            return OK
        if path not in self.things:
            return ""
        self._leave(path, [path])
        return OK

    def rename_failure(self, source: str, target: str, *, replaces: bool) -> str:
        found, stands = self.stands(source), self.stands(target)
        if found is None:
            return ABSENT
        if source == target and replaces:
            return OK
        is_below = found == DIRECTORY and target.startswith(f"{source}/")
        if source == target or is_below:
            return INVALID
        if not self.is_directory(parent_of(target)):
            return NO_DIRECTORY if parent_of(target) in self.things else ABSENT
        return OK if stands is None else self._replaced(found, stands, target, replaces=replaces)

    def _replaced(self, found: str, stands: str, target: str, *, replaces: bool) -> str:
        if not replaces:
            return EXISTS
        if (stands == DIRECTORY) != (found == DIRECTORY):
            return IS_DIRECTORY if stands == DIRECTORY else NO_DIRECTORY
        return NOT_EMPTY if stands == DIRECTORY and self.under(target) != [f"{target}/"] else OK

    def rename(self, source: str, target: str) -> None:
        if source == target:
            return
        if self.is_directory(source):
            moved = {target + key[len(source) :]: self.things[key] for key in self.under(source)}
            # Where only the empty directory at the target has a marker, its attributes stay.
            going = self.under(source)
        else:
            moved, going = {target: self.things[source]}, [source]
        self.things |= moved
        self._leave(source, going)

    def _leave(self, path: str, going: list[str]) -> None:
        """Take keys away; a parent that vanished with them has got a marker before."""
        above = parent_of(path)
        for key in going:
            del self.things[key]
        others = [key for key in self.under(above) if key != path] if above else [""]
        if not others:
            self.things[f"{above}/"] = Thing()
