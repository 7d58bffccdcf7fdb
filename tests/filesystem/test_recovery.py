"""Whatever step a process dies at: after recovery all is here or all is there, nothing lost."""

import asyncio
import contextlib

import pytest

from gateway.filesystem.copying import Copying
from gateway.filesystem.journal import Move, MoveKind, Phase
from gateway.filesystem.move_progress import Progress
from gateway.filesystem.moving import Moves
from gateway.filesystem.recovery import Recovery
from gateway.model.names import ObjectName
from gateway.model.voices import FOREBAY
from tests.support.dying import Dying, Killed, Steps
from tests.support.moves import BUCKET, attributes, fill, room_at, shown, wish

STEPS_MAX = 400


@pytest.fixture(autouse=True)
def _small_pages(monkeypatch):
    monkeypatch.setattr("gateway.filesystem.origin_objects.PAGE_KEYS_MAX", 2)


async def die(origin, folder, act, step, *, is_after):
    """Act in a process that dies at `step`; return whether it came so far."""
    steps = Steps(step, is_after)
    with contextlib.suppress(BaseExceptionGroup):
        async with room_at(origin.endpoint, folder) as room:
            journal, objects = Dying(room.journal, steps), Dying(room.objects, steps)
            moves = Moves(journal, objects, room.moves.tasks, settle_seconds=0.0)
            recovery = Recovery(journal, objects, lambda _: FOREBAY, settle_seconds=0.0)
            await act(moves, recovery)
            return False
    return True


async def recover(origin, folder):
    async with room_at(origin.endpoint, folder) as room:
        assert await room.recovery.run() == 0
        assert room.journal.moves() == []
        assert room.journal.owners.dead() == []


def rename(source, target, **more):
    async def act(moves, _recovery):
        await moves.rename(wish(source, target, **more))

    return act


async def recovery_alone(_moves, recovery):
    await recovery.run()


async def each_step(origin, folder, prepare, act, verify):
    """Die at each step there is, before and after it; recover; verify."""
    for step in range(1, STEPS_MAX):
        for is_after in (False, True):
            there = prepare()
            has_died = await die(origin, folder, act, step, is_after=is_after)
            await recover(origin, folder)
            verify(there, f"step {step}, {'after' if is_after else 'before'} it")
        if not has_died:
            return step
    raise AssertionError("it never ends")


def wipe(origin):
    for key in list(origin.store.get_bucket(BUCKET).keys):
        origin.delete(BUCKET, key)


async def test_a_rename_of_a_directory_is_whole_or_not_at_all_at_every_step(origin, tmp_path):
    seen = set()

    def prepare():
        wipe(origin)
        origin.put(BUCKET, "b/", b"", headers=attributes("before"))
        return fill(origin, "a/", 3)

    def verify(there, when):
        source, target = shown(origin, "a/"), shown(origin, "b/")
        is_undone = source == there and target == {"": (b"", "before")}
        is_completed = source == {} and target == there
        assert is_undone != is_completed, (when, source, target)
        seen.add(is_completed)

    act = rename("a/", "b/", replaced=attributes("before"), replaces=True)
    assert await each_step(origin, tmp_path / "moves", prepare, act, verify) > 20
    assert seen == {False, True}


async def test_a_file_that_replaces_another_is_there_once_at_every_step(origin, tmp_path):
    seen = set()

    def prepare():
        wipe(origin)
        origin.put(BUCKET, "old", b"old")
        origin.put(BUCKET, "new", b"new", headers=attributes("me"))

    def verify(_, when):
        found = shown(origin, "old"), shown(origin, "new")
        undone = {"": (b"old", "")}, {"": (b"new", "me")}
        completed = {"": (b"new", "me")}, {}
        assert found in (undone, completed), (when, found)
        seen.add(found == completed)

    act = rename("new", "old", replaces=True)
    assert await each_step(origin, tmp_path / "moves", prepare, act, verify) > 8
    assert seen == {False, True}


async def test_a_recursive_deletion_is_complete_at_every_step(origin, tmp_path):
    seen = set()

    async def act(moves, _recovery):
        await moves.remove(wish("a/", "a/"))

    def prepare():
        wipe(origin)
        return fill(origin, "a/", 4)

    def verify(there, when):
        left = shown(origin, "a/")
        assert left in ({}, there), (when, len(left))
        seen.add(not left)

    await each_step(origin, tmp_path / "moves", prepare, act, verify)
    assert seen == {False, True}


async def leave_in(origin, folder, phase):
    """Leave a move in a phase, half of its copies made or half of its source deleted."""
    async with room_at(origin.endpoint, folder) as room:
        begun = room.journal.begin(new_move())
        copying = Copying(room.journal, room.objects, begun, FOREBAY, lambda _: None, Progress(4))
        await copying.run()
        if phase is Phase.COPYING:
            origin.delete(BUCKET, "b/f0001")
            return
        begun = room.journal.advance(begun, Phase.COMMITTED)
        origin.delete(BUCKET, "a/f0001")
        if phase is Phase.RETURNING:
            room.journal.advance(begun, phase)


def new_move():
    source, target = ObjectName(BUCKET, "a/"), ObjectName(BUCKET, "b/")
    return Move("", MoveKind.RENAME, source, target, Phase.COPYING, "", 0)


@pytest.mark.parametrize("phase", [Phase.COPYING, Phase.COMMITTED, Phase.RETURNING])
async def test_recovery_that_dies_itself_is_recovered_from(origin, tmp_path, phase):
    folder = tmp_path / "moves"
    for step in range(1, STEPS_MAX):
        wipe(origin)
        there = fill(origin, "a/", 3)
        await leave_in(origin, folder, phase)
        has_died = await die(origin, folder, recovery_alone, step, is_after=step % 2 == 0)
        await recover(origin, folder)
        wanted = ({}, there) if phase is Phase.COMMITTED else (there, {})
        assert (shown(origin, "a/"), shown(origin, "b/")) == wanted, step
        if not has_died:
            assert step > 5
            return


async def test_who_lives_is_left_alone(origin, tmp_path):
    there = fill(origin, "a/", 3)
    async with room_at(origin.endpoint, tmp_path / "moves") as room:
        begun = room.journal.begin(new_move())
        assert await room.recovery.run() == 0
        assert room.journal.moves() == [begun]
        room.journal.in_hand.clear()
        assert await room.recovery.run() == 0
        assert room.journal.moves() == []
    assert shown(origin, "a/") == there


async def test_who_is_not_known_any_more_is_not_spoken_for(origin, tmp_path, caplog):
    folder = tmp_path / "moves"
    fill(origin, "a/", 3)
    await die(origin, folder, rename("a/", "b/", speaker="key:GONE"), 12, is_after=True)
    async with room_at(origin.endpoint, folder) as room:
        speakers = []
        room.recovery.voice_of = speakers.append
        assert await room.recovery.run() == 1
        assert speakers == ["key:GONE"]
        assert len(room.journal.moves()) == 1
        room.recovery.voice_of = lambda _: FOREBAY
        assert await room.recovery.run() == 0
    assert "key:GONE) is not known any more" in caplog.text


async def test_a_copy_of_unknown_outcome_is_proven_by_its_bytes(origin, tmp_path):
    """Another ETag and no checksum, as of an upload in parts or under SSE-KMS."""
    folder = tmp_path / "moves"
    origin.put(BUCKET, "a/f", b"bytes", headers=attributes("me"), algorithm="")
    # note begun (step 3 after the listings and the row), copy carried out, dead before its note
    for step in range(1, 12):
        await die(origin, folder, rename("a/", "b/"), step, is_after=True)
        if shown(origin, "b/"):
            break
        await recover(origin, folder)
    origin.put(BUCKET, "b/f", b"bytes", headers=attributes("me"), algorithm="", etag='"other"')
    await recover(origin, folder)
    assert shown(origin, "b/") == {}
    assert shown(origin, "a/") == {"f": (b"bytes", "me")}


@pytest.mark.parametrize(
    ("body", "owner"), [(b"other", "me"), (b"bytes", "you"), (b"longer bytes", "me")]
)
async def test_what_is_not_provably_the_moves_own_stays(origin, tmp_path, body, owner, caplog):
    folder = tmp_path / "moves"
    origin.put(BUCKET, "a/f", b"bytes", headers=attributes("me"))
    for step in range(1, 12):
        await die(origin, folder, rename("a/", "b/"), step, is_after=True)
        if shown(origin, "b/"):
            break
        await recover(origin, folder)
    origin.put(BUCKET, "b/f", body, headers=attributes(owner))
    await recover(origin, folder)
    assert shown(origin, "b/") == {"f": (body, owner)}
    assert shown(origin, "a/") == {"f": (b"bytes", "me")}
    assert "others wrote there are left" in caplog.text


async def test_what_nobody_thought_of_ends_no_process(origin, tmp_path, monkeypatch, caplog):
    async with room_at(origin.endpoint, tmp_path / "moves") as room:
        times = []

        async def run(_self):
            times.append(len(times))
            if len(times) == 2:
                raise asyncio.CancelledError
            raise LookupError("a defect")

        monkeypatch.setattr(Recovery, "run", run)
        monkeypatch.setattr("gateway.filesystem.recovery.EVERY_SECONDS", 0)
        with pytest.raises(asyncio.CancelledError):
            await room.recovery.keep()
    assert len(times) == 2
    assert "cannot be ended" in caplog.text


def test_a_dead_process_is_no_failure():
    assert not issubclass(Killed, Exception)
