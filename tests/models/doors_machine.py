"""The machine of three doors: written by one, read by all, and one copy at the origin.

Hypothesis chooses the steps: objects by S3, files by WebHDFS and by system calls in a mount, a
stranger at the origin, and processes that are killed. The reference says what each must come to,
and after each all doors are held against it.
"""

import random
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from tests.models.doors_hands import BUCKET
from tests.models.doors_seen import META, Seen, expected, metadata_of
from tests.models.doors_stage import DoorsStage, now_ns
from tests.models.files_model import DIRECTORY, FILE, OK, FilesModel, Thing

PATHS = st.sampled_from(["a", "b", "é +%", "a/a", "a/b", "a/é +%", "b/a", "é +%/b.c", "a/b/a"])
SIZES = st.sampled_from([0, 1, 1000, 16_384, 16_385, 150_000, 1_048_577])
MODES = st.sampled_from([0o600, 0o644, 0o755, 0o1777])
OWNERS = st.sampled_from([None, "alice", "bob", "1234"])
GROUPS = st.sampled_from([None, "staff", "7777"])
MOMENTS = st.sampled_from([0, 10**18 + 123_456_789, 2**60 - 1])
XATTRS = st.dictionaries(st.sampled_from(["user.a", "user.ü"]), st.binary(max_size=5), max_size=2)
LOOKS = st.builds(
    Thing,
    mode=st.none() | MODES,
    owner=OWNERS,
    group=GROUPS,
    modified_ns=st.none() | MOMENTS,
    xattrs=XATTRS,
    colour=st.sampled_from([None, "red"]),
)
_FURNITURE = ("a/a", "a/b", "b", "é +%/b.c")
NOW = -(2**62)
"""In the reference until it was read from the object: the moment at which it was written."""


class DoorsMachineBase(RuleBasedStateMachine):
    """One example, in a directory of its own."""

    stage: ClassVar[DoorsStage]
    examples: ClassVar[int] = 0

    def __init__(self) -> None:
        super().__init__()
        # Of this class, whatever is derived of it: no two examples have one directory.
        DoorsMachineBase.examples += 1
        self.base = f"e{DoorsMachineBase.examples}"
        self.chance = random.Random(0)
        self.model = FilesModel()
        self.is_told = True
        """Whether the reference is as everything is: not after a step that failed."""

    def at(self, path: str) -> str:
        return f"{self.base}/{path}"

    def bytes_of(self, size: int) -> bytes:
        return self.chance.randbytes(size)

    def seen(self, path: str) -> Seen | None:
        """Return what the reference shows of a path now."""
        stored = self.stage.stored(self.base)
        return expected(
            self.model, path, {key: int(one.modified) * 10**9 for key, one in stored.items()}
        )

    def said(self, path: str) -> Thing:
        """Return what stands at a path, with everything said that is shown."""
        seen = self.seen(path)
        assert seen is not None
        key = f"{path}/" if seen.kind == DIRECTORY else path
        return replace(
            self.model.things.get(key, Thing()),
            mode=seen.mode,
            owner=str(seen.owner),
            group=str(seen.group),
            modified_ns=seen.modified_ns,
        )

    def alter(self, path: str, **changes: object) -> None:
        """Give what stands at a path other attributes."""
        key = f"{path}/" if self.model.stands(path) == DIRECTORY else path
        self.model.things[key] = replace(self.said(path), **changes)  # type: ignore[arg-type]

    def step(self, name: str, paths: Iterable[str], act: Callable[[], str], wanted: str) -> None:
        """Act at a door; the outcome must be the wanted one, and all doors show what there is.

        The reference is as it must be afterwards.
        """
        counts, begun = self.stage.counts, now_ns()
        counts["steps"] += 1
        counts[f"step {name}"] += 1
        counts[f"came to {wanted}"] += 1
        self.is_told = False
        try:
            outcome = act()
            assert outcome == wanted, f"{outcome}, and should be {wanted}"
            self._settle(begun)
            self.stage.check(self.base, self.model, self._near(paths), self.chance)
        except BaseException as failure:
            # Hypothesis plays it again, and what comes only once would be told as flaky alone.
            self.stage.failures.append(f"{name} {list(paths)}: {failure!r}")
            raise
        self.is_told = True

    def _settle(self, begun: int) -> None:
        """Read the moment of writing from what was written."""
        stored = self.stage.stored(self.base)
        for key, thing in self.model.things.items():
            if thing.modified_ns == NOW and key in stored:
                text = stored[key].headers[f"{META}file-mtime"]
                moment = int(text.removesuffix("ns"))
                assert begun <= moment <= now_ns(), (key, text)
                self.model.things[key] = replace(thing, modified_ns=moment)

    def _near(self, paths: Iterable[str]) -> set[str]:
        """Return paths, those above them and the files below."""
        parts = [path.split("/") for path in paths]
        above = {"/".join(one[:count]) for one in parts for count in range(1, len(one) + 1)}
        return above | {key.rstrip("/") for path in paths for key in self.model.under(path)}

    @initialize(seed=st.integers(0, 2**32), is_furnished=st.sampled_from([True, True, False]))
    def begin(self, seed, is_furnished) -> None:
        """Have a directory, and mostly things in it: what is nowhere teaches little."""
        self.chance, origin = random.Random(seed), self.stage.origin
        origin.put(BUCKET, f"{self.base}/", b"")
        for path in _FURNITURE if is_furnished else ():
            thing = Thing(self.bytes_of(self.chance.choice((1000, 20_000))), colour="red")
            self.model.things[path] = thing
            headers = metadata_of(FILE, thing)
            origin.put(BUCKET, self.at(path), thing.body, headers=headers)

    def teardown(self) -> None:
        if self.is_told:
            paths = self.model.directories() | {key.rstrip("/") for key in self.model.things}
            self.stage.check(self.base, self.model, paths - {""}, self.chance)


class ByS3(DoorsMachineBase):
    """Objects, through the gateway and past it."""

    @rule(path=PATHS, size=SIZES, look=LOOKS, is_foreign=st.booleans(), is_alike=st.booleans())
    def put(self, path, size, look, is_foreign, is_alike) -> None:
        """Put an object; one that is alike has all that the one before had but its bytes."""
        before = self.model.things.get(path)
        if is_alike and before is not None and not before.is_link:
            size, look = len(before.body), before
        thing = replace(look, body=self.bytes_of(size))
        self.model.things[path] = thing
        self._put(path, path, thing, FILE, is_foreign=is_foreign)

    @rule(path=PATHS, look=LOOKS, is_foreign=st.booleans())
    def put_marker(self, path, look, is_foreign) -> None:
        self.model.things[f"{path}/"] = look
        self._put(path, f"{path}/", look, DIRECTORY, is_foreign=is_foreign)

    def _put(self, path: str, key: str, thing: Thing, kind: str, *, is_foreign: bool) -> None:
        stage, headers = self.stage, metadata_of(kind, thing)

        def act() -> str:
            if not is_foreign:
                return stage.run(stage.s3.put(self.at(key), thing.body, headers))
            stage.origin.put(BUCKET, self.at(key), thing.body, headers=headers)
            return OK

        self.step(f"{'foreign' if is_foreign else 'S3'} put", [path], act, OK)

    @rule(path=PATHS, is_marker=st.booleans(), is_foreign=st.booleans())
    def delete(self, path, is_marker, is_foreign) -> None:
        stage, key = self.stage, f"{path}/" if is_marker else path
        self.model.things.pop(key, None)

        def act() -> str:
            if not is_foreign:
                return stage.run(stage.s3.delete(self.at(key)))
            stage.origin.delete(BUCKET, self.at(key))
            return OK

        self.step(f"{'foreign' if is_foreign else 'S3'} delete", [path], act, OK)

    @rule(source=PATHS, path=PATHS, look=st.none() | LOOKS)
    def copy(self, source, path, look) -> None:
        """Copy an object with what it says of itself, or with other words."""
        thing = self.model.things.get(source)
        headers = {} if look is None else metadata_of(FILE, look)
        if thing is not None and (source != path or headers):
            self.model.things[path] = replace(look, body=thing.body) if headers else thing
        wanted = "404" if thing is None else OK if source != path or headers else "400"
        stage = self.stage

        def act() -> str:
            return stage.run(stage.s3.copy(self.at(source), self.at(path), headers))

        self.step("S3 copy", [source, path], act, wanted)

    @rule(path=PATHS, look=LOOKS)
    def describe(self, path, look) -> None:
        """Have a stranger say something else of an object, whose ETag stays."""
        thing = self.model.things.get(path)
        if thing is None or thing.is_link:
            return
        self.model.things[path] = replace(look, body=thing.body)

        def act() -> str:
            self.stage.origin.describe(BUCKET, self.at(path), metadata_of(FILE, look))
            return OK

        self.step("foreign metadata", [path], act, OK)
