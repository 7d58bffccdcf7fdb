"""The tree machine: files by the tree, objects by S3, and strangers at the origin, step by step.

Hypothesis chooses the steps; the reference says what each must come to, and after each the whole
view is held against it, at both doors and at the origin: one copy.
"""

import random
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from gateway.filesystem.status import Changes, NewAttributes
from tests.models.files_model import DIRECTORY, OK, FilesModel, Thing
from tests.models.files_stage import META, PART_BYTES, FilesStage, now_ns

PATHS = st.sampled_from(["a", "b", "é +%", "a/a", "a/b", "a/é +%", "b/a", "é +%/b.c", "a/b/a"])
SIZES = st.sampled_from(
    [0, 1, 1000, PART_BYTES - 1, PART_BYTES, PART_BYTES + 1, 3 * PART_BYTES + 7]
)
MODES = st.sampled_from([None, 0o600, 0o1777])
OWNERS = st.sampled_from([None, "alice", "bob"])
XATTRS = st.dictionaries(st.sampled_from(["user.a", "user.ü"]), st.binary(max_size=5), max_size=2)

ABORTED = st.sampled_from([False, False, False, True])
LOOKS = st.tuples(MODES, OWNERS, XATTRS)


class FilesMachine(RuleBasedStateMachine):
    """One example, in a directory of its own."""

    stage: ClassVar[FilesStage]
    examples: ClassVar[int] = 0

    def __init__(self) -> None:
        super().__init__()
        # Of this class, whatever is derived of it: no two examples have one directory.
        FilesMachine.examples += 1
        self.base = f"e{FilesMachine.examples}"
        self.chance = random.Random(0)
        self.model = FilesModel()

    @property
    def tree(self):
        return self.stage.tree

    def at(self, path: str) -> str:
        return f"/bucket/{self.base}/{path}"

    def bytes_of(self, size: int) -> bytes:
        return self.chance.randbytes(size)

    def step(self, name: str, act: Coroutine[Any, Any, Any], expected: str) -> Any:
        """Carry a step of the tree out; its outcome must be the expected one."""
        self.stage.counts["steps"] += 1
        self.stage.counts[f"step {name}"] += 1
        self.stage.counts[f"came to {expected or 'nothing there'}"] += 1
        code, result = self.stage.run(self.stage.told(act))
        assert code == (expected or OK), (name, code, expected)
        self.check()
        return result

    def check(self) -> None:
        self.stage.run(self.stage.check(self.base, self.model))

    @initialize(is_exclusive=st.booleans())
    def begin(self, is_exclusive) -> None:
        """Have a directory; under `exclusive` no stranger writes, and nobody asks who reads."""
        self.base = f"exclusive/{self.base}" if is_exclusive else self.base
        self.stage.origin.put("bucket", f"{self.base}/", b"")

    # Files by the tree

    @rule(path=PATHS, size=SIZES, overwrite=st.booleans(), look=LOOKS, is_aborted=ABORTED)
    def create(self, path, size, overwrite, look, is_aborted) -> None:
        mode, owner, xattrs = look
        body, moment = self.bytes_of(size), self.chance.randrange(2**60)
        thing = Thing(
            body,
            0o644 if mode is None else mode,
            owner or "maker",
            self.model.handed_down(path),
            moment,
            xattrs,
        )
        wanted = NewAttributes(mode, owner, None, moment, None, xattrs)

        async def act() -> None:
            writer = await self.tree.create(
                self.stage.caller(), self.at(path), wanted, overwrite=overwrite
            )
            await self._written(writer, body, is_aborted=is_aborted)

        before = dict(self.model.things)
        expected = self.model.create(path, thing, overwrite=overwrite)
        if is_aborted:
            self.model.things = before
        self.step("abort" if is_aborted else "create", act(), expected)

    async def _written(self, writer, body: bytes, *, is_aborted: bool = False) -> None:
        for start in range(0, len(body), 50_000):
            await writer.write(body[start : start + 50_000])
        await (writer.abort() if is_aborted else writer.close())

    @rule(path=PATHS, size=SIZES)
    def append(self, path, size) -> None:
        added = self.bytes_of(size)

        async def act() -> None:
            writer = await self.tree.append(self.stage.caller(), self.at(path))
            await self._written(writer, added)

        thing = self.model.things.get(path, Thing())
        expected = self.model.rewrite(path, thing.body + added, thing.modified_ns)
        self._timed("append", path, act(), expected, is_changed=bool(added))

    @rule(path=PATHS, size=SIZES)
    def truncate(self, path, size) -> None:
        thing = self.model.things.get(path, Thing())
        body = thing.body[:size].ljust(size, b"\0")
        act = self.tree.truncate(self.stage.caller(), self.at(path), size)
        expected = self.model.rewrite(path, body, thing.modified_ns)
        self._timed("truncate", path, act, expected, is_changed=size != len(thing.body))

    @rule(path=PATHS, sources=st.lists(PATHS, min_size=0, max_size=3))
    def concat(self, path, sources) -> None:
        folder = path.rpartition("/")[0]
        sources = [f"{folder}/{one}".lstrip("/") if "/" not in one else one for one in sources]
        expected = self.model.concat_failure(path, sources)
        act = self.tree.concat(
            self.stage.caller(), self.at(path), [self.at(source) for source in sources]
        )
        if expected == OK:
            self.model.concat(path, sources, 0)
        self._timed("concat", path, act, expected, is_changed=True)

    def _timed(
        self,
        name: str,
        path: str,
        act: Coroutine[Any, Any, Any],
        expected: str,
        *,
        is_changed: bool,
    ) -> None:
        """Carry out what sets the moment of writing, which is read back from the object itself."""
        begun = now_ns()

        async def timed() -> None:
            await act
            if is_changed:
                there = self.stage.origin.store.buckets["bucket"].find(f"{self.base}/{path}")
                moment = int(there.headers[f"{META}file-mtime"].removesuffix("ns"))
                assert begun <= moment <= now_ns()
                thing = replace(self.model.things[path], modified_ns=moment)
                self.model.things[path] = thing

        self.step(name, timed(), expected)

    @rule(path=PATHS, parents=st.booleans(), may_exist=st.booleans(), mode=MODES)
    def make_directory(self, path, parents, may_exist, mode) -> None:
        moment = self.chance.randrange(2**60)
        shown = 0o755 if mode is None else mode
        marker = Thing(b"", shown, "alice", "staff", moment)
        act = self.tree.make_directory(
            self.stage.caller(),
            self.at(path),
            NewAttributes(mode, "alice", "staff", moment),
            makes_parents=parents,
            may_exist=may_exist,
        )
        expected = self.model.make_directory(path, marker, parents=parents, may_exist=may_exist)
        self.step("mkdir", act, expected)

    @rule(path=PATHS, said=st.sampled_from(["x", "../é/y"]))
    def make_link(self, path, said) -> None:
        group = self.model.handed_down(path)
        link = Thing(said.encode(), 0o777, "maker", group, is_link=True)
        act = self.tree.make_symlink(self.stage.caller(), self.at(path), said)
        self.step("symlink", act, self.model.make_link(path, link))

    @rule(path=PATHS, mode=MODES, owner=OWNERS, xattrs=XATTRS)
    def set_attributes(self, path, mode, owner, xattrs) -> None:
        moment = self.chance.randrange(2**60)
        changes = Changes(mode, owner, None, moment, None, xattrs, frozenset({"user.gone"}))
        stands = self.model.stands(path)
        key = f"{path}/" if stands == DIRECTORY else path
        thing = self.model.things.get(key, Thing())
        if stands is not None:
            self.model.things[key] = replace(
                thing,
                mode=thing.mode if mode is None else mode,
                owner=owner or thing.owner,
                modified_ns=moment,
                xattrs={**thing.xattrs, **xattrs},
            )
        act = self.tree.set_attributes(self.stage.caller(), self.at(path), changes)
        self.step("set attributes", act, OK if stands is not None else "NoSuchKey")

    @rule(path=PATHS, recursive=st.booleans())
    def remove(self, path, recursive) -> None:
        expected = self.model.remove(path, recursive=recursive)
        act = self.tree.remove(self.stage.caller(), self.at(path), recursive=recursive)
        was_there = self.step("remove", act, expected)
        assert was_there in (None, bool(expected))

    @rule(source=PATHS, there=PATHS, replaces=st.booleans())
    def rename(self, source, there, replaces) -> None:
        expected = self.model.rename_failure(source, there, replaces=replaces)
        if expected == OK:
            self.model.rename(source, there)
        act = self.tree.rename(
            self.stage.caller(), self.at(source), self.at(there), replaces=replaces
        )
        self.step("rename", act, expected)

    # Objects by S3, through the gateway and past it

    @rule(
        path=PATHS,
        size=SIZES,
        mode=MODES,
        colour=st.sampled_from([None, "red"]),
        is_foreign=st.booleans(),
    )
    def put(self, path, size, mode, colour, is_foreign) -> None:
        # Of an object at hand nobody is asked, so that nobody learns that a directory hides it.
        if self.base.startswith("exclusive/") and self.model.is_ambiguous(path):
            return
        thing = Thing(self.bytes_of(size), mode, colour=colour)
        headers = {f"{META}colour": colour} if colour else {}
        if mode is not None:
            headers[f"{META}file-permissions"] = f"{mode | 0o100000:07o}"
        self.model.things[path] = thing
        self._by_s3("put", path, thing.body, headers, is_foreign=is_foreign)

    @rule(path=PATHS, is_foreign=st.booleans())
    def delete(self, path, is_foreign) -> None:
        self.model.things.pop(path, None)
        self._by_s3("delete", path, None, {}, is_foreign=is_foreign)

    def _by_s3(
        self, name: str, path: str, body: bytes | None, headers: dict[str, str], *, is_foreign: bool
    ) -> None:
        key = f"{self.base}/{path}"
        is_foreign = is_foreign and not self.base.startswith("exclusive/")
        origin, client = self.stage.origin, self.stage.client

        async def act() -> None:
            if is_foreign and body is None:
                origin.delete("bucket", key)
            elif is_foreign:
                origin.put("bucket", key, body, headers=headers)
            elif body is None:
                assert (await client.delete("bucket", key)).status == 204
            else:
                assert (await client.put("bucket", key, body, headers=headers)).status == 200

        self.step(f"{'foreign' if is_foreign else 'S3'} {name}", act(), OK)
