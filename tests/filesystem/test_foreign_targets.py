"""What strangers write to the target of a rename meanwhile stays, at origins of every kind."""

import pytest

from gateway.demo.origin_faults import Fault
from gateway.filesystem.journal import Phase
from gateway.model.failures import FileConflict
from tests.support.moves import BUCKET, attributes, fill, room_at, shown
from tests.support.origin_hooks import before, once


@pytest.fixture
async def room(origin, tmp_path):
    async with room_at(origin.endpoint, tmp_path / "moves") as made:
        yield made
        assert made.journal.moves() == []


def is_committed(room):
    return lambda _call: any(move.phase is Phase.COMMITTED for move in room.journal.moves())


def ignoring(call):
    """Copy as versitygw and MinIO do: whatever stands at the target."""
    if call.operation == "CopyObject":
        for name in ("if-none-match", "if-match"):
            call.headers.pop(name, None)


def refusing(call):
    is_asked = call.operation == "CopyObject" and {"if-none-match", "if-match"} & {*call.headers}
    return Fault(code="NotImplemented") if is_asked else None


@pytest.fixture(params=[None, ignoring, refusing], ids=["judging", "ignoring", "refusing"])
def copies(request, origin):
    """Have copies answered by an origin of each kind."""
    if request.param is not None:
        origin.faults.append(request.param)


def arrives_at(key):
    return lambda call: (
        call.key == key
        and call.method in {"PUT", "POST"}
        and "uploads" not in call.query
        and "partNumber" not in call.query
    )


@pytest.mark.usefixtures("copies")
@pytest.mark.parametrize("size", [0, 3, 2 << 20])
async def test_a_foreign_file_that_comes_to_the_target_meanwhile_is_not_copied_over(
    origin, room, size
):
    for name in ("known", "f"):
        origin.put(BUCKET, name, b"x" * size, headers=attributes("me"))
    await room.rename("known", "known-now")
    foreign = lambda: origin.put(BUCKET, "g", b"foreign")  # noqa: E731
    origin.faults.insert(0, before(arrives_at("g"), foreign))
    with pytest.raises(FileConflict, match="g was written to meanwhile"):
        await room.rename("f", "g")
    assert origin.read(BUCKET, "g") == b"foreign"
    assert shown(origin, "f") == {"": (b"x" * size, "me")}
    assert shown(origin, "known-now") == {"": (b"x" * size, "me")}


@pytest.mark.usefixtures("copies")
async def test_a_foreign_file_that_comes_into_the_target_meanwhile_undoes_all(origin, room):
    there = fill(origin, "a/", 40)
    foreign = lambda: origin.put(BUCKET, "b/f0007", b"foreign")  # noqa: E731
    origin.faults.insert(0, before(arrives_at("b/f0007"), foreign))
    with pytest.raises(FileConflict, match="b/f0007 was written to meanwhile"):
        await room.rename("a/", "b/")
    assert shown(origin, "b/") == {"f0007": (b"foreign", "")}
    assert shown(origin, "a/") == there


@pytest.mark.usefixtures("copies")
async def test_a_copy_that_somebody_else_overwrote_is_not_copied_over_once_more(origin, room):
    there = fill(origin, "a/", 3)

    def meddle():
        origin.put(BUCKET, "a/f0000", b"anew", headers=attributes("new"))
        origin.put(BUCKET, "b/f0000", b"foreign")

    origin.faults.insert(0, before(arrives_at("b/"), meddle))
    with pytest.raises(FileConflict):
        await room.rename("a/", "b/")
    assert shown(origin, "b/") == {"f0000": (b"foreign", "")}
    assert shown(origin, "a/") == {**there, "f0000": (b"anew", "new")}


@pytest.mark.usefixtures("copies")
async def test_what_appears_late_stays_where_somebody_else_has_taken_its_place(
    origin, room, caplog
):
    fill(origin, "a/", 3)
    late = lambda: origin.put(BUCKET, "a/added", b"added", headers=attributes("new"))  # noqa: E731
    foreign = lambda: origin.put(BUCKET, "b/added", b"foreign")  # noqa: E731
    origin.faults[:0] = [
        before(is_committed(room), late),
        before(arrives_at("b/added"), foreign),
    ]
    await room.rename("a/", "b/")
    assert shown(origin, "a/") == {"added": (b"added", "new")}
    assert shown(origin, "b/")["added"] == (b"foreign", "")
    assert "a/added for one" in caplog.text


@pytest.mark.usefixtures("copies")
async def test_a_copy_whose_answer_was_lost_is_known_as_the_move_s_own(origin, room):
    there = fill(origin, "a/", 3)
    lost = [once("PUT", Fault(is_answer_lost=True), key=f"b/f000{number}") for number in range(3)]
    origin.faults += lost
    await room.rename("a/", "b/")
    assert shown(origin, "b/") == there
    assert shown(origin, "a/") == {}


async def test_an_origin_that_judges_copies_is_found_out_once_and_then_asked_for_copies(
    origin, room
):
    fill(origin, "a/", 100)
    await room.rename("a/", "b/")
    origin.counters.reset()
    await room.rename("b/", "c/")
    assert origin.counters.operations["CopyObject"] == 101
    assert origin.counters.operations["PutObject"] == 0
