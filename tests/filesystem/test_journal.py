"""The journal of moves: on the disk before anything is done, and one process ends each row."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.filesystem.journal import Move, MoveKind, Note, Phase, note_key, open_journal
from gateway.model.failures import Overloaded
from gateway.model.names import ObjectName
from gateway.state.owners import Owners
from gateway.state.store import Store, has_state

ROOT = Path(__file__).parents[2]


@pytest.fixture
def journal(tmp_path):
    opened = open_journal(tmp_path / "moves", lambda: 7)
    yield opened
    opened.close()


def move(source="a/", target="b/", kind=MoveKind.RENAME, bucket="bucket"):
    return Move(
        "", kind, ObjectName(bucket, source), ObjectName(bucket, target), Phase.COPYING, "", 0
    )


def test_a_move_is_there_until_it_ends(journal):
    begun = journal.begin(replace(move(), replaced={"Content-Type": "x"}, speaker="key:AK"))
    assert journal.moves() == [begun]
    assert (begun.owner, begun.begun_ns, begun.phase) == (journal.owners.name, 7, Phase.COPYING)
    committed = journal.advance(begun, Phase.COMMITTED)
    assert journal.moves() == [committed]
    assert journal.in_hand == {begun.id}
    journal.end(committed)
    assert journal.moves() == []
    assert journal.in_hand == set()


def test_every_change_of_a_row_moves_the_mark_and_no_note_does(journal):
    seen = [journal.mark.value]
    begun = journal.begin(move())
    seen.append(journal.mark.value)
    journal.note(begun, [Note("x", "e", 1, "d")])
    assert journal.mark.value == seen[-1]
    begun = journal.advance(begun, Phase.COMMITTED)
    seen.append(journal.mark.value)
    journal.end(begun)
    seen.append(journal.mark.value)
    assert len(set(seen)) == 4


@pytest.mark.parametrize(
    ("source", "target"),
    [
        ("a/", "c/"),
        ("c/", "a/"),
        ("a/x/", "c/"),
        ("c", "b/x"),
        ("a/x", "c"),
        ("", "c/"),
        ("b/", "b/"),
    ],
)
def test_what_another_move_would_change_too_waits(journal, source, target):
    begun = journal.begin(move("a/", "b/"))
    with pytest.raises(Overloaded, match="is being moved"):
        journal.begin(move(source, target))
    assert journal.in_hand == {begun.id}
    journal.end(begun)
    journal.begin(move(source, target))


@pytest.mark.parametrize(("source", "target"), [("ab/", "ba/"), ("a", "b"), ("c/a/", "c/b")])
def test_what_it_does_not_touch_goes_on(journal, source, target):
    journal.begin(move("a/", "b/"))
    journal.begin(move(source, target))
    journal.begin(move("a/", "b/", bucket="another"))


def test_notes_are_found_by_any_key_and_go_with_their_move(journal):
    one, other = journal.begin(move()), journal.begin(move("c/", "d/"))
    rests = ["", "x" * 1023, "ä/\udc80//..", "b"]
    notes = [Note(rest, '"e"', 3, "today") for rest in rests]
    journal.note(one, notes)
    journal.note(other, [Note("b", '"f"', 4, "today")])
    assert journal.noted(one, [*rests, "absent"]) == dict(zip(rests, notes, strict=True))
    journal.note(one, [replace(notes[3], copied='"c"', round=2)])
    assert journal.noted(one, ["b"])["b"].copied == '"c"'
    assert sorted(note.rest for note in journal.notes(one)) == sorted(rests)
    journal.forget(one, ["b"])
    assert journal.noted(one, ["b"]) == {}
    journal.end(one)
    assert journal.notes(one) == []
    assert [note.etag for note in journal.notes(other)] == ['"f"']


@given(st.sets(st.text(max_size=8), max_size=12), st.integers(1, 5))
def test_notes_come_in_pages_each_once(tmp_path_factory, rests, count):
    journal = open_journal(tmp_path_factory.mktemp("journal"), lambda: 1)
    begun = journal.begin(move())
    journal.note(begun, [Note(rest, "e", 1, "d") for rest in rests])
    found, after = [], b""
    while page := journal.notes(begun, after, count):
        found += [note.rest for note in page]
        after = note_key(begun, page[-1].rest)
    assert sorted(found) == sorted(rests)
    journal.close()


def test_many_notes_go_in_several_writes_and_all_of_them(journal, monkeypatch):
    monkeypatch.setattr("gateway.filesystem.journal._PURGED_AT_ONCE", 3)
    begun = journal.begin(move())
    journal.note(begun, [Note(str(number), "e", 1, "d") for number in range(9)])
    journal.end(begun)
    assert journal.moves() == []
    assert journal.notes(begun) == []


def test_it_needs_no_key_and_is_not_the_state(tmp_path):
    with Store(tmp_path / "before") as before:
        before.write(lambda writing: writing.put("identities", b"k", b"row"))
        moment = before.moment()
        journal = open_journal(tmp_path / "before" / "moves", lambda: 1)
        journal.begin(move())
        assert before.moment() == moment
        journal.close()
    journal = open_journal(tmp_path / "new" / "moves", lambda: 1)
    journal.close()
    assert not has_state(tmp_path / "new")


def owner_process(path):
    command = [sys.executable, "-m", "tests.filesystem.mover", str(path)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def test_a_killed_process_leaves_its_rows_to_one_other(journal, tmp_path):
    with owner_process(tmp_path / "moves") as process:
        try:
            name = process.stdout.readline().strip()
            assert journal.owners.take_over(name) is None
            assert journal.owners.dead() == []
        finally:
            process.kill()
            process.wait()
    [left] = journal.moves()
    assert left.owner == name
    assert journal.owners.dead() == [name]
    another = Owners(tmp_path / "moves" / "owners")
    taken = journal.owners.take_over(name)
    assert taken is not None
    assert another.take_over(name) is None
    taken.release(is_over=False)
    again = another.take_over(name)
    assert again is not None
    journal.end(left)
    again.release(is_over=True)
    assert journal.owners.dead() == []
    another.leave(is_over=True)


def test_who_leaves_with_nothing_to_do_leaves_no_file(tmp_path):
    journal = open_journal(tmp_path, lambda: 1)
    journal.end(journal.begin(move()))
    journal.close()
    assert list((tmp_path / "owners").iterdir()) == []
    journal = open_journal(tmp_path, lambda: 1)
    journal.begin(move())
    journal.close()
    assert len(list((tmp_path / "owners").iterdir())) == 1
