"""What is remembered of the index is what it says now, whoever has changed it meanwhile."""

import subprocess
import sys
from pathlib import Path

import pytest

from gateway.flash import remembered
from gateway.flash.index import Index
from gateway.flash.remembered import Remembered
from gateway.flash.rows import Extent
from tests.flash.rooms import MIB, row_of

ROW = row_of("a", 5)
EXTENT = Extent(1, 0, 5, 0)
MOVED = Extent(2, 8, 5, 0)

_OTHER_PROCESS = """
from pathlib import Path
from gateway.flash.index import Index
from tests.flash.test_remembered import EXTENT, MOVED, ROW
with Index(Path({path!r}), {bytes_max}).write() as writing:
    writing.forget(ROW.name, ROW.confirmed_ns)
    writing.move_chunk(ROW.body, 0, EXTENT, MOVED)
"""


@pytest.fixture
def index(tmp_path: Path) -> Index:
    """An index with one row and one chunk."""
    opened = Index(tmp_path, MIB)
    with opened.write() as writing:
        writing.put_row(ROW)
        writing.put_chunk(ROW.body, 0, EXTENT)
    return opened


def looks(index: Index, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list that grows by what is really looked up in the index."""
    seen: list[str] = []
    for name in ("find_row", "extents"):
        really = getattr(index, name)
        monkeypatch.setattr(
            index,
            name,
            lambda *asked, name=name, really=really: (seen.append(name), really(*asked))[1],
        )
    return seen


def test_it_is_read_once_while_nothing_is_committed(index, monkeypatch):
    seen = looks(index, monkeypatch)
    memory = Remembered(index)
    for _ in range(3):
        assert memory.find_row(ROW.name) == ROW
        assert memory.extents(ROW.body, range(1)) == {0: EXTENT}
        assert memory.extents(ROW.body, range(1, 2)) == {}
    assert sorted(seen) == ["extents", "extents", "find_row"]


def test_absence_is_remembered_no_longer_than_it_lasts(index):
    memory = Remembered(index)
    other = row_of("b", 5)
    assert memory.find_row(other.name) is None
    with index.write() as writing:
        writing.put_row(other)
    assert memory.find_row(other.name) == other


def test_what_is_committed_counts_at_once(index):
    memory = Remembered(index)
    assert memory.find_row(ROW.name) == ROW
    assert memory.extents(ROW.body, range(1)) == {0: EXTENT}
    with index.write() as writing:
        writing.forget(ROW.name, ROW.confirmed_ns)
        writing.delete_chunk(ROW.body, 0, EXTENT)
        assert memory.find_row(ROW.name) == ROW  # not before
    assert memory.find_row(ROW.name) is None
    assert memory.extents(ROW.body, range(1)) == {}


def test_what_another_process_commits_counts_at_once(index, tmp_path):
    memory = Remembered(index)
    assert memory.find_row(ROW.name) == ROW
    assert memory.extents(ROW.body, range(1)) == {0: EXTENT}
    code = _OTHER_PROCESS.format(path=str(tmp_path), bytes_max=MIB)
    subprocess.run([sys.executable, "-c", code], check=True)
    assert memory.find_row(ROW.name) is None
    assert memory.extents(ROW.body, range(1)) == {0: MOVED}


def test_the_memory_is_bounded(index, monkeypatch):
    monkeypatch.setattr(remembered, "_REMEMBERED_BYTES_MAX", 10 * 1024)
    memory = Remembered(index)
    for number in range(100):
        memory.find_row(row_of(f"other {number}", 1).name)
        memory.extents(ROW.body, range(number, number + 1))
        assert memory._bytes <= 12 * 1024
        assert len(memory._rows) + len(memory._extents) <= 16
    assert memory.find_row(ROW.name) == ROW


def test_notes_last_until_something_is_committed(index):
    memory = Remembered(index)
    memory.notes()[ROW.name] = "concluded"
    assert memory.notes() == {ROW.name: "concluded"}
    with index.write() as writing:
        writing.put_chunk(ROW.body, 1, MOVED)
    assert memory.notes() == {}


def test_no_note_outlives_a_commit_that_came_while_it_was_concluded(index):
    memory = Remembered(index)
    notes = memory.notes()
    assert memory.find_row(ROW.name) == ROW
    with index.write() as writing:
        writing.forget(ROW.name, ROW.confirmed_ns)
    assert memory.extents(ROW.body, range(1)) == {0: EXTENT}
    notes[ROW.name] = "concluded from what was forgotten"
    assert memory.notes() == {}
