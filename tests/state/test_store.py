"""The state store: whole or not at all, seen by every process at once, and never wedged."""

import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

from gateway.state.store import StateError, Store, has_state

ROOT = Path(__file__).parents[2]


@contextmanager
def writer(path, *words):
    """Run a process that works on the state; it is killed at the end."""
    command = [sys.executable, "-m", "tests.state.writer", str(path), *words]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def put(store, key=b"k", row=b"row"):
    store.write(lambda writing: writing.put("identities", key, row))


def find(store, key=b"k"):
    with store.read() as reading:
        return reading.find("identities", key)


def test_rows_are_there_after_a_reopening(tmp_path):
    path = tmp_path / "deep" / "state"
    assert not has_state(path)
    with Store(path) as store:
        put(store)
    assert has_state(path)
    with Store(path) as store:
        assert find(store) == b"row"
        store.write(lambda writing: writing.delete("identities", b"k"))
        assert find(store) is None


def test_only_its_user_may_read_it(tmp_path):
    with Store(tmp_path / "state") as store:
        put(store)
    assert (tmp_path / "state").stat().st_mode & 0o777 == 0o700
    assert {file.stat().st_mode & 0o777 for file in (tmp_path / "state").iterdir()} == {0o600}


def test_a_change_that_fails_changes_nothing(tmp_path):
    def change(writing):
        writing.put("identities", b"k", b"row")
        raise LookupError("no")

    with Store(tmp_path) as store:
        moment = store.moment()
        with pytest.raises(LookupError):
            store.write(change)
        assert find(store) is None
        assert store.moment() == moment


def test_the_moment_tells_a_change(tmp_path):
    with Store(tmp_path) as store:
        before = store.moment()
        assert store.moment() == before
        put(store)
        after = store.moment()
        assert after > before
        with store.read() as reading:
            assert reading.moment == after
            assert reading.count("identities") == 1
            assert list(reading.rows("identities")) == [(b"k", b"row")]


def test_a_change_by_another_process_is_seen_at_once(tmp_path):
    with Store(tmp_path) as store:
        moment = store.moment()
        with writer(tmp_path, "count", "50") as process:
            for line in process.stdout:
                assert find(store, b"row %06d" % int(line)) is not None
                assert store.moment() >= moment
                moment = store.moment()


def test_a_map_that_another_process_grew_is_taken_over(tmp_path):
    with Store(tmp_path, map_bytes=1 << 20) as store:
        with writer(tmp_path, "count", "3000") as process:
            lines = process.stdout.read().splitlines()
        assert len(lines) == 3000
        with store.read() as reading:
            assert reading.count("identities") == 3000
        put(store)
        assert find(store) == b"row"


def test_a_map_that_is_full_grows(tmp_path):
    with Store(tmp_path, map_bytes=1 << 18) as store:
        for number in range(200):
            put(store, b"%d" % number, bytes(10_000))
        with store.read() as reading:
            assert reading.count("identities") == 200


def test_a_killed_writer_leaves_the_lock_and_nothing_else(tmp_path):
    with Store(tmp_path) as store, writer(tmp_path, "hold") as process:
        assert process.stdout.readline() == "held\n"
        process.kill()
        process.wait()
        put(store)
        assert find(store) == b"row"
        assert find(store, b"row 999999") is None


def test_a_killed_reader_does_not_make_the_file_grow(tmp_path):
    with Store(tmp_path) as store, writer(tmp_path, "read") as process:
        assert process.stdout.readline() == "held\n"
        process.kill()
        process.wait()
        for _ in range(100):
            put(store, row=bytes(100_000))
    assert (tmp_path / "data.mdb").stat().st_size < 2_000_000


def test_what_was_acknowledged_is_there_after_a_kill(tmp_path):
    with writer(tmp_path, "count", "100000") as process:
        seen = [process.stdout.readline() for _ in range(100)]
        process.kill()
        seen += process.stdout.read().splitlines()
    with Store(tmp_path) as store:
        for number in range(len(seen)):
            assert find(store, b"row %06d" % number) is not None


def test_a_newer_format_is_refused_in_words(tmp_path):
    with Store(tmp_path) as store:
        store.write(lambda writing: writing.put("meta", b"format", b"2"))
    with pytest.raises(StateError, match=r"has format 2.*run the version that wrote it"):
        Store(tmp_path)


def test_a_file_that_is_none_is_refused_in_words(tmp_path):
    (tmp_path / "data.mdb").write_bytes(b"not a database" * 1000)
    with pytest.raises(StateError, match="restore it from a backup"):
        Store(tmp_path)


def test_a_file_that_is_cut_short_is_refused_in_words(tmp_path):
    with Store(tmp_path) as store:
        put(store, row=bytes(100_000))
    file = tmp_path / "data.mdb"
    with file.open("r+b") as handle:
        handle.truncate(file.stat().st_size // 2)
    with pytest.raises(StateError, match="cut short"):
        Store(tmp_path)


def test_a_folder_that_cannot_be_made_is_refused_in_words(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StateError, match="cannot be used"):
        Store(tmp_path / "file" / "state")


def test_a_moment_that_cannot_be_told_is_a_failure_in_words(tmp_path):
    store = Store(tmp_path)
    store.close()
    with pytest.raises(StateError, match="cannot be used"):
        store.moment()
