"""A tree in which modes judge: each call against POSIX, by the matrix of the S3 door."""

from collections.abc import Awaitable, Callable
from contextlib import closing
from dataclasses import dataclass

import pytest

from gateway.filesystem.caller import Caller
from gateway.filesystem.paths import shown_part
from gateway.filesystem.status import Changes, NewAttributes
from gateway.model.failures import AccessDenied, NotSupported
from gateway.model.ranges import ByteRange
from tests.support.mode_matrix import CASES, SECRET_BODY, USERS, Case
from tests.support.snapshot_taker import Taker
from tests.support.trees import Stage, running_stage

MODES = {"permissions": "modes", "directory_mode": "0777"}


@dataclass(frozen=True)
class Call:
    """One way to ask the tree, and what POSIX says of it."""

    name: str
    expected: Callable[[Case], bool]
    ask: Callable[[Stage, Caller, Case], Awaitable[object]]


async def _read(stage, who, case):
    opened = await stage.tree.open(who, f"/bucket/{case.key}")
    return await opened.read(ByteRange(0, len(SECRET_BODY)))


async def _append(stage, who, case):
    writer = await stage.tree.append(who, f"/bucket/{case.key}")
    await writer.write(b"more")
    await writer.close()


def _create(name: str):
    async def ask(stage, who, case):
        path = f"/bucket/{case.place}/{name}"
        writer = await stage.tree.create(who, path, NewAttributes(), overwrite=True)
        await writer.write(b"new")
        await writer.close()

    return ask


def _change(changes: Changes):
    return lambda stage, who, case: stage.tree.set_attributes(who, f"/bucket/{case.key}", changes)


def _directory(stage, who, case):
    path = f"/bucket/{case.place}/sub"
    attributes = NewAttributes()
    return stage.tree.make_directory(who, path, attributes, makes_parents=True, may_exist=True)


def owns(case: Case) -> bool:
    return case.has("x", case.directory_mode) and case.user in ("alice", "root")


def _access(reads=False, writes=False):
    return lambda stage, who, case: stage.tree.check_access(
        who, f"/bucket/{case.key}", reads=reads, writes=writes, executes=False
    )


CALLS = (
    Call("open", lambda c: c.reaches("r"), _read),
    Call(
        "status",
        lambda c: c.has("x", c.directory_mode),
        lambda s, w, c: s.tree.status(w, f"/bucket/{c.key}"),
    ),
    Call(
        "children",
        lambda c: c.has("rx", c.directory_mode),
        lambda s, w, c: s.tree.children(w, f"/bucket/{c.place}"),
    ),
    Call(
        "summary",
        lambda c: c.has("rx", c.directory_mode),
        lambda s, w, c: s.tree.summary(w, f"/bucket/{c.place}"),
    ),
    Call("check_access r", lambda c: c.reaches("r"), _access(reads=True)),
    Call("check_access w", lambda c: c.reaches("w"), _access(writes=True)),
    Call("append", lambda c: c.reaches("w"), _append),
    Call("create over it", lambda c: c.reaches("w"), _create("file")),
    Call("create a new one", lambda c: c.alters(is_own_entry=True), _create("new")),
    Call(
        "truncate",
        lambda c: c.reaches("w"),
        lambda s, w, c: s.tree.truncate(w, f"/bucket/{c.key}", 1),
    ),
    Call("make_directory", lambda c: c.alters(is_own_entry=True), _directory),
    Call("chmod", owns, _change(Changes(mode=0o640))),
    Call("utimens", owns, _change(Changes(modified_ns=1_700_000_000_000_000_000))),
    Call("chown", lambda c: c.user == "root", _change(Changes(owner="bob.allow"))),
    Call("setxattr", lambda c: c.reaches("w"), _change(Changes(set_xattrs={"user.a": b"b"}))),
    Call(
        "rename out",
        lambda c: c.alters(),
        lambda s, w, c: s.tree.rename(
            w, f"/bucket/{c.key}", f"/bucket/out-{c.place}", replaces=False
        ),
    ),
    Call(
        "rename in",
        lambda c: c.alters(is_own_entry=True),
        lambda s, w, c: s.tree.rename(
            w, f"/bucket/loose-{c.place}", f"/bucket/{c.place}/in", replaces=False
        ),
    ),
    Call(
        "remove",
        lambda c: c.alters(),
        lambda s, w, c: s.tree.remove(w, f"/bucket/{c.key}", recursive=False),
    ),
    Call(
        "remove all",
        lambda c: c.alters() and c.has("r", c.directory_mode),
        lambda s, w, c: s.tree.remove(w, f"/bucket/{c.place}", recursive=True),
    ),
)


def seed(stage: Stage, case: Case) -> None:
    ours = {"owner": case.owner, "group": "staff"}
    stage.put(f"{case.place}/", mode=f"{0o040000 | case.directory_mode:07o}", **ours)
    stage.put(case.key, SECRET_BODY, mode=f"{0o100000 | case.file_mode:07o}", **ours)
    stage.put(f"loose-{case.place}", b"anybody's", mode="0100666", **ours)


async def is_denied(stage: Stage, call: Call, case: Case) -> bool:
    who = stage.caller(user=f"{case.user}.allow", groups=USERS[case.user])
    try:
        await call.ask(stage, who, case)
    except AccessDenied:
        return True
    except NotSupported as failure:  # what no tree can do yet is not denied
        return "built" not in failure.message
    return False


@pytest.mark.timeout(300)
@pytest.mark.parametrize("user", USERS)
async def test_a_tree_denies_what_modes_deny_and_nothing_else(tmp_path, user):
    wrong = []
    async with running_stage(tmp_path, filesystem=MODES) as stage:
        for number, (directory, file) in enumerate(CASES):
            for at, call in enumerate(CALLS):
                case = Case(directory, file, user, "allow", f"{user}-{number}-{at}")
                seed(stage, case)
                denied = await is_denied(stage, call, case)
                if denied is call.expected(case):
                    words = "denied" if denied else "not denied"
                    wrong.append(f"{call.name} of {directory:04o}/{file:04o}: {words}")
    assert wrong == []


async def test_a_file_that_is_written_over_stays_its_owners(tmp_path):
    async with running_stage(tmp_path, filesystem=MODES) as stage:
        stage.put("f", b"old", mode="0100666", owner="alice", group="staff")
        bob = stage.caller(user="bob", groups=("guests",))
        attributes = NewAttributes(mode=0o777, owner="bob")
        writer = await stage.tree.create(bob, "/bucket/f", attributes, overwrite=True)
        await writer.close()
        status = await stage.tree.status(bob, "/bucket/f")
        assert (status.owner, status.group, status.mode) == ("alice", "staff", 0o666)


async def test_what_lies_under_a_mount_is_judged_by_all_directories_of_its_bucket(tmp_path):
    mounts = {"/models": "s3://bucket/private/prod"}
    async with running_stage(tmp_path, filesystem=MODES, mounts=mounts) as stage:
        stage.put("private/", mode="0040700", owner="alice", group="staff")
        stage.put("private/prod/f", b"x", mode="0100644", owner="alice", group="staff")
        bob, alice = stage.caller(user="bob"), stage.caller(user="alice")
        assert (await stage.tree.status(alice, "/models/f")).length == 1
        assert (await stage.tree.children(bob, "/")).entries[0].path == "/models"
        for path in ("/models", "/models/f", "/models/absent"):
            with pytest.raises(AccessDenied):
                await stage.tree.status(bob, path)
        with pytest.raises(AccessDenied):
            await stage.tree.children(bob, "/models")


async def test_a_directory_with_one_that_is_closed_in_it_is_neither_summed_up_nor_removed(tmp_path):
    async with running_stage(tmp_path, filesystem=MODES) as stage:
        stage.put("d/", mode="0040777", owner="bob", group="g")
        stage.put("d/open/f", b"x")
        bob = stage.caller(user="bob")
        assert (await stage.tree.summary(bob, "/bucket/d")).length == 1
        stage.put("d/closed/", mode="0040700", owner="alice", group="g")
        stage.put("d/closed/f", b"x")
        with pytest.raises(AccessDenied):
            await stage.tree.summary(bob, "/bucket/d")
        with pytest.raises(AccessDenied):
            await stage.tree.remove(bob, "/bucket/d", recursive=True)


async def test_nobody_is_asked_for_a_superuser_and_all_at_a_time_for_others(tmp_path):
    async with running_stage(tmp_path, filesystem=MODES) as stage:
        stage.put("a/b/c/f", b"x")
        root = stage.caller(user="root", groups=("supergroup",))
        stage.reset()
        await stage.tree.status(root, "/bucket/a/b/c/f")
        plain = stage.asked()
        stage.reset()
        await stage.tree.status(stage.caller(user="bob"), "/bucket/a/b/c/f")
        assert stage.asked()["HeadObject"] == plain["HeadObject"] + 3


async def test_the_version_that_is_opened_is_judged_and_not_the_one_before(tmp_path, monkeypatch):
    async with running_stage(tmp_path, filesystem=MODES) as stage:
        stage.put("f", b"anybody's", mode="0100644", owner="alice")
        judged = stage.tree.judge.read

        async def closed_after_it_was_judged(*asked):
            await judged(*asked)
            stage.put("f", SECRET_BODY, mode="0100600", owner="alice")

        monkeypatch.setattr(stage.tree.judge, "read", closed_after_it_was_judged)
        with pytest.raises(AccessDenied):
            await stage.tree.open(stage.caller(user="bob"), "/bucket/f")


@pytest.mark.parametrize(
    "ask",
    [
        lambda tree, who, path: tree.set_attributes(who, path, Changes(mode=0o666)),
        lambda tree, who, path: tree.set_attributes(who, path, Changes(set_xattrs={"user.a": b""})),
        lambda tree, who, path: tree.remove(who, path, recursive=False),
        lambda tree, who, path: tree.rename(who, path, "/bucket/tmp/b", replaces=False),
    ],
)
async def test_a_directory_of_its_name_does_not_answer_for_a_file(tmp_path, ask):
    async with running_stage(tmp_path, filesystem=MODES) as stage:
        stage.put("tmp/", mode="0041777", owner="root")
        stage.put("tmp/a", SECRET_BODY, mode="0100600", owner="alice")
        stage.put("tmp/a/", mode="0040777", owner="bob")
        with pytest.raises(AccessDenied):
            await ask(stage.tree, stage.caller(user="bob"), "/bucket/tmp/%-a")
        await ask(stage.tree, stage.caller(user="alice"), "/bucket/tmp/%-a")


@pytest.mark.parametrize(
    "ask",
    [
        lambda tree, who, path: tree.set_attributes(who, path, Changes(mode=0o777)),
        lambda tree, who, path: tree.set_attributes(who, path, Changes(set_xattrs={"user.a": b""})),
        lambda tree, who, path: tree.check_access(
            who, path, reads=False, writes=True, executes=False
        ),
        lambda tree, who, path: tree.rename(who, path, "/bucket/tmp/b", replaces=False),
        lambda tree, who, path: tree.remove(who, path, recursive=True),
    ],
)
async def test_a_file_of_its_name_does_not_answer_for_a_directory_without_a_marker(tmp_path, ask):
    async with running_stage(tmp_path, filesystem=MODES) as stage:
        stage.put("tmp/", mode="0041755", owner="alice")
        stage.put("tmp/a", b"bob's", mode="0100666", owner="bob")
        stage.put("tmp/a/f", SECRET_BODY, mode="0100600", owner="alice")
        with pytest.raises(AccessDenied):
            await ask(stage.tree, stage.caller(user="bob"), "/bucket/tmp/a")
        await ask(stage.tree, stage.caller(user="alice"), "/bucket/tmp/a")


async def test_what_is_too_long_to_be_shown_is_judged_as_what_it_is(tmp_path):
    async with running_stage(tmp_path, filesystem=MODES) as stage:
        name = "x" * 300
        stage.put(f"{name}/", mode="0040700", owner="alice")
        stage.put(f"{name}/f", SECRET_BODY, mode="0100644", owner="alice")
        path = f"/bucket/{shown_part(name)}/f"
        with pytest.raises(AccessDenied):
            await stage.tree.open(stage.caller(user="bob"), path)
        opened = await stage.tree.open(stage.caller(user="alice"), path)
        assert opened.status.length == len(SECRET_BODY)


async def test_a_snapshot_is_the_superusers_as_at_the_s3_door(tmp_path):
    async with running_stage(tmp_path, filesystem=MODES) as stage:
        stage.put("d/", mode="0040700", owner="alice")
        stage.put("d/f", b"x", mode="0100644", owner="alice")
        with closing(Taker(stage).snapshots):
            name = await Taker(stage).take("")
            for user in ("alice", "bob"):
                with pytest.raises(AccessDenied):
                    await stage.tree.children(stage.caller(user=user), f"/{name}/d")
            root = stage.caller(user="root", groups=("supergroup",))
            assert len((await stage.tree.children(root, f"/{name}/d")).entries) == 1
