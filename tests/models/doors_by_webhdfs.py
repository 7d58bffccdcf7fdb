"""The machine's rules at the WebHDFS door, and the whole machine."""

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import rule

from tests.models.doors_by_mount import LINK_TARGET, XATTR_NAMES, ByMount
from tests.models.doors_hands import BUCKET
from tests.models.doors_machine import MODES, NOW, PATHS, SIZES, ByS3, DoorsMachineBase
from tests.models.files_model import (
    ABSENT,
    DIRECTORY,
    EXISTS,
    FILE,
    INVALID,
    IS_DIRECTORY,
    LINK,
    NO_DIRECTORY,
    NOT_EMPTY,
    OK,
    Thing,
    parent_of,
)

_WORDS = {
    OK: OK,
    "": "false",
    ABSENT: "FileNotFoundException",
    EXISTS: "FileAlreadyExistsException",
    INVALID: "IllegalArgumentException",
    IS_DIRECTORY: "FileNotFoundException",
    NO_DIRECTORY: "ParentNotDirectoryException",
    NOT_EMPTY: "PathIsNotEmptyDirectoryException",
}
_WORDS_OF = {
    ("CREATE", IS_DIRECTORY): "FileAlreadyExistsException",
    ("APPEND", IS_DIRECTORY): "FileAlreadyExistsException",
    ("RENAME", IS_DIRECTORY): "IOException",
    ("RENAME", NO_DIRECTORY): "IOException",
    ("RENAME", NOT_EMPTY): "IOException",
}


class ByWebHdfs(DoorsMachineBase):
    """Files, as HDFS has them."""

    def asked(
        self,
        method: str,
        operation: str,
        paths: list[str],
        code: str,
        body: bytes | None = None,
        **given: Any,
    ) -> None:
        """Ask about the first path; `code` is the reference's."""
        stage = self.stage
        wanted = _WORDS_OF.get((operation, code)) or _WORDS.get(code, code)

        def act() -> str:
            return stage.run(stage.webhdfs.act(method, self.at(paths[0]), operation, body, **given))

        self.step(f"WebHDFS {operation}", paths, act, wanted)

    def full(self, path: str) -> str:
        return f"/{BUCKET}/{self.at(path)}"

    def is_ambiguous(self, path: str) -> bool:
        """Return whether an object stands beside a directory of its name: nobody says of which."""
        return path in self.model.things and self.model.is_directory(path)

    @rule(path=PATHS, size=SIZES, mode=MODES, overwrite=st.booleans(), parents=st.booleans())
    def hdfs_create(self, path, size, mode, overwrite, parents) -> None:
        thing = Thing(self.bytes_of(size), mode, "admin", self.model.handed_down(path), NOW)
        code = OK if parents else self.model.parents_failure(path, makes=False)
        if code == OK:
            code = self.model.create(path, thing, overwrite=overwrite)
        given = {"overwrite": str(overwrite).lower(), "createparent": str(parents).lower()}
        permission = f"{mode:o}"
        self.asked("PUT", "CREATE", [path], code, thing.body, permission=permission, **given)

    @rule(path=PATHS, size=SIZES)
    def hdfs_append(self, path, size) -> None:
        if self.is_ambiguous(path):
            return
        added, thing = self.bytes_of(size), self.model.things.get(path, Thing())
        moment = NOW if added else thing.modified_ns
        code = self.model.rewrite(path, thing.body + added, moment)
        self.asked("POST", "APPEND", [path], code, added)

    @rule(path=PATHS, size=SIZES)
    def hdfs_truncate(self, path, size) -> None:
        if self.is_ambiguous(path):
            return
        thing = self.model.things.get(path, Thing())
        if self.model.stands(path) in (FILE, LINK) and size > len(thing.body):
            code = "HadoopIllegalArgumentException"
        else:
            moment = thing.modified_ns if size == len(thing.body) else NOW
            code = self.model.rewrite(path, thing.body[:size], moment)
        self.asked("POST", "TRUNCATE", [path], code, newlength=size)

    @rule(path=PATHS, sources=st.lists(PATHS, min_size=1, max_size=3))
    def hdfs_concat(self, path, sources) -> None:
        folder = parent_of(path)
        sources = [f"{folder}/{one}".lstrip("/") if "/" not in one else one for one in sources]
        if any(self.is_ambiguous(one) for one in (path, *sources)):
            return
        code = self.model.concat_failure(path, sources)
        if code == OK:
            self.model.concat(path, sources, NOW)
        if len({path, *sources}) != len(sources) + 1:
            code = "HadoopIllegalArgumentException"
        named = ",".join(self.full(one) for one in sources)
        self.asked("POST", "CONCAT", [path, *sources], code, sources=named)

    @rule(path=PATHS, mode=MODES)
    def hdfs_mkdirs(self, path, mode) -> None:
        marker = Thing(b"", mode, "admin", self.model.handed_down(path), NOW)
        code = self.model.make_directory(path, marker, parents=True, may_exist=True)
        self.asked("PUT", "MKDIRS", [path], code, permission=f"{mode:o}")

    @rule(path=PATHS)
    def hdfs_symlink(self, path) -> None:
        group = self.model.handed_down(path)
        link = Thing(LINK_TARGET.encode(), 0o777, "admin", group, NOW, is_link=True)
        code = self.model.make_link(path, link)
        self.asked("PUT", "CREATESYMLINK", [path], code, destination=LINK_TARGET)

    @rule(path=PATHS, recursive=st.booleans())
    def hdfs_delete(self, path, recursive) -> None:
        code = self.model.remove(path, recursive=recursive)
        self.asked("DELETE", "DELETE", [path], code, recursive=str(recursive).lower())

    @rule(source=PATHS, there=PATHS, replaces=st.booleans())
    def hdfs_rename(self, source, there, replaces) -> None:
        code = self._rename_failure(source, there, replaces=replaces)
        if code == OK:
            self.model.rename(source, there)
        options = "OVERWRITE" if replaces else "NONE"
        self.asked(
            "PUT",
            "RENAME",
            [source, there],
            code,
            destination=self.full(there),
            renameoptions=options,
        )

    def _rename_failure(self, source: str, there: str, *, replaces: bool) -> str:
        if source == there:
            return EXISTS
        if there.startswith(f"{source}/"):
            return "IOException"
        above = self.model.stands(parent_of(there))
        if above != DIRECTORY:
            return ABSENT if above is None else "ParentNotDirectoryException"
        return self.model.rename_failure(source, there, replaces=replaces)

    # Attributes

    def _set_by_hdfs(
        self, operation: str, path: str, changes: dict[str, Any], **given: Any
    ) -> None:
        code = OK if self.model.stands(path) is not None else ABSENT
        if code == OK:
            self.alter(path, **changes)
        self.asked("PUT", operation, [path], code, **given)

    @rule(path=PATHS, mode=MODES)
    def hdfs_set_permission(self, path, mode) -> None:
        self._set_by_hdfs("SETPERMISSION", path, {"mode": mode}, permission=f"{mode:o}")

    @rule(path=PATHS, owner=st.sampled_from(["alice", "bob", "1234"]))
    def hdfs_set_owner(self, path, owner) -> None:
        changes = {"owner": owner, "group": "staff"}
        self._set_by_hdfs("SETOWNER", path, changes, **changes)

    @rule(path=PATHS, moment=st.sampled_from([0, 1, 1_600_000_000_123]))
    def hdfs_set_times(self, path, moment) -> None:
        changes = {"modified_ns": moment * 10**6}
        self._set_by_hdfs("SETTIMES", path, changes, modificationtime=moment)

    @rule(path=PATHS, name=XATTR_NAMES, value=st.binary(max_size=5))
    def hdfs_set_xattr(self, path, name, value) -> None:
        seen = self.seen(path)
        xattrs = {**(seen.xattrs if seen else {}), name: value}
        given = {"xattr.name": name, "xattr.value": f"0x{value.hex()}"}
        self._set_by_hdfs("SETXATTR", path, {"xattrs": xattrs}, **given)

    @rule(path=PATHS, name=XATTR_NAMES)
    def hdfs_remove_xattr(self, path, name) -> None:
        seen = self.seen(path)
        xattrs = dict(seen.xattrs if seen else {})
        code = ABSENT if seen is None else OK if name in xattrs else "IOException"
        if code == OK:
            xattrs.pop(name)
            self.alter(path, xattrs=xattrs)
        self.asked("PUT", "REMOVEXATTR", [path], code, **{"xattr.name": name})


class DoorsMachine(ByS3, ByWebHdfs, ByMount):
    """All doors."""
