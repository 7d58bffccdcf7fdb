"""Snapshots' records: made unseen, there whole or not at all, seen by every process, in order."""

import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model.failures import InvalidRequest
from gateway.model.snapshots import Recorded, Snapshot, is_snapshot_name
from gateway.state.snapshot_record import Record, RecordMaking, is_abandoned, key_bytes
from gateway.state.snapshots import Snapshots
from gateway.state.store import StateError

ROOT = Path(__file__).parents[2]
KEYS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1)
MAKER = """
import os, signal, sys
from pathlib import Path
from gateway.model.snapshots import Recorded
from gateway.state.snapshots import Snapshots
snapshots = Snapshots(Path(sys.argv[1]), lambda: 0.0)
with snapshots.making("half") as making:
    making.add([Recorded("key", '"e"', 1, "2026-11-28T00:00:00.000Z")])
    os.kill(os.getpid(), signal.SIGKILL)
"""


class Clock:
    now = 1000.0


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def opened(tmp_path, clock):
    """Open the folder as another process would."""
    made = []

    def another():
        made.append(Snapshots(tmp_path / "snapshots", lambda: clock.now))
        return made[-1]

    yield another
    for one in made:
        one.close()


def recorded(key, size=1):
    return Recorded(key, f'"{size}"', size, "2026-11-28T00:00:00.000Z", None, "<A>a</A>", "")


def snapshot(name="snap", *, expires_at=None):
    return Snapshot(
        name, "mark", "bucket", "p/", "2026-11-28T00:00:00Z", expires_at, 1, 1,
        has_versions=False, by="me",
    )  # fmt: skip


def take(snapshots, name="snap", keys=("a", "b"), *, expires_at=None):
    with snapshots.making(name) as making:
        making.add([recorded(key) for key in keys])
        snapshots.publish(making, snapshot(name, expires_at=expires_at))


def files(tmp_path):
    return sorted(path.name for path in (tmp_path / "snapshots").iterdir())


@given(keys=st.sets(KEYS, max_size=30), bounds=st.tuples(KEYS, KEYS))
def test_a_record_finds_and_scans_in_the_order_of_the_bytes(tmp_path_factory, keys, bounds):
    path = tmp_path_factory.mktemp("record") / "record"
    start, stop = sorted(map(key_bytes, bounds))
    with closing(RecordMaking(path)) as making:
        rows = [recorded(key, number) for number, key in enumerate(keys)]
        making.add(rows)
        assert making.counted() == (len(rows), sum(row.size for row in rows))
        making.finish({"name": "x"})
        with closing(Record(path)) as record:
            assert record.about == {"name": "x"}
            assert all(record.find(row.key) == row for row in rows)
            assert record.find("absent\n" * 9) is None
            ordered = sorted(rows, key=lambda row: key_bytes(row.key))
            assert record.read(lambda scan: list(scan(b"", None))) == ordered
            between = [row for row in ordered if start <= key_bytes(row.key) < stop]
            assert record.read(lambda scan: list(scan(start, stop))) == between


def test_a_key_that_comes_twice_is_there_once(tmp_path):
    with closing(RecordMaking(tmp_path / "record")) as making:
        making.add([recorded("a", 1), recorded("a", 2)])
        making.add([recorded("a", 3)])
        assert making.counted() == (1, 3)


def test_a_snapshot_is_there_for_every_process_at_once_and_gone_at_once(opened):
    one, other = opened(), opened()
    assert other.find("snap") is None
    take(one)
    held = other.find("snap")
    assert held.snapshot == snapshot()
    assert held.record.find("a") == recorded("a")
    assert opened().find("snap").snapshot == snapshot()
    assert one.remove("snap")
    assert not one.remove("snap")
    assert other.find("snap") is None


def test_what_is_not_published_is_never_seen_and_leaves_nothing(opened, tmp_path):
    one, other = opened(), opened()
    with one.making("snap") as making:
        making.add([recorded("a")])
        assert other.find("snap") is None
        assert other.sweep() == []
        assert making.path.exists()
    assert files(tmp_path) == ["moment"]


def test_what_a_kill_left_half_made_is_not_seen_and_swept(opened, tmp_path):
    snapshots = opened()
    killed = subprocess.run(
        [sys.executable, "-c", MAKER, str(tmp_path / "snapshots")], cwd=ROOT, check=False
    )
    assert killed.returncode == -9
    assert snapshots.all() == []
    left = [name for name in files(tmp_path) if name.endswith(".making")]
    assert len(left) == 1
    assert is_abandoned(tmp_path / "snapshots" / left[0])
    snapshots.sweep()
    assert files(tmp_path) == ["moment"]


def test_there_are_so_many_and_no_more(opened, monkeypatch):
    monkeypatch.setattr("gateway.state.snapshots.SNAPSHOTS_MAX", 2)
    snapshots = opened()
    take(snapshots, "one")
    take(snapshots, "two")
    with pytest.raises(InvalidRequest, match="there are 2 snapshots"):
        take(snapshots, "three")
    snapshots.remove("one")
    take(snapshots, "three")


def test_a_name_is_taken_once(opened):
    one, other = opened(), opened()
    with one.making("snap") as making:
        making.add([recorded("late")])
        take(other)
        with pytest.raises(InvalidRequest, match="already"):
            one.publish(making, snapshot())
    assert one.find("snap").record.find("late") is None


def test_a_name_that_was_removed_and_taken_again_is_the_new_one(opened):
    one, other = opened(), opened()
    take(one, keys=["old"])
    assert other.find("snap").record.find("old")
    other.remove("snap")
    take(one, keys=["new"])
    record = other.find("snap").record
    assert (record.find("old"), record.find("new")) == (None, recorded("new"))


def test_what_has_expired_is_swept_with_its_files(opened, clock, tmp_path):
    one, other = opened(), opened()
    take(one, expires_at=2000.0)
    take(one, "stays")
    assert one.sweep() == []
    clock.now = 2000.0
    assert other.find("snap").snapshot.is_over(clock.now)
    assert other.sweep() == ["snap"]
    assert one.find("snap") is None
    assert files(tmp_path) == ["moment", "stays.snapshot"]


def test_a_sweep_takes_none_that_was_taken_again_meanwhile(opened, clock, monkeypatch):
    one, other = opened(), opened()
    take(one, expires_at=clock.now + 1)
    clock.now += 2
    expired = one.all()
    other.remove("snap")
    take(other)
    monkeypatch.setattr(one, "all", lambda: expired)
    assert one.sweep() == []
    assert other.find("snap").snapshot.expires_at is None


def test_a_damaged_record_is_left_out_and_takes_no_other_with_it(opened, tmp_path, caplog):
    one = opened()
    take(one)
    take(one, "other")
    (tmp_path / "snapshots" / "snap.snapshot").write_bytes(b"no record" * 1000)
    fresh = opened()
    assert [held.snapshot.name for held in fresh.all()] == ["other"]
    assert "the snapshot snap is left out" in caplog.text
    assert fresh.find("other") is not None


def test_the_name_of_a_damaged_record_is_nobody_elses(opened, tmp_path):
    take(opened(), "snap")
    path = tmp_path / "snapshots" / "snap.snapshot"
    whole = path.read_bytes()
    path.write_bytes(b"no record" * 1000)
    fresh = opened()
    for _ in range(2):
        with pytest.raises(StateError, match=r'The snapshot "snap" cannot be read'):
            fresh.find("snap")
    path.write_bytes(whole)
    assert fresh.find("snap") is not None
    path.write_bytes(b"no record" * 1000)
    other = opened()
    with pytest.raises(StateError):
        other.find("snap")
    assert other.remove("snap")
    assert other.find("snap") is None


def test_a_record_that_was_closed_says_so(tmp_path):
    with closing(RecordMaking(tmp_path / "record")) as making:
        making.finish({})
        record = Record(tmp_path / "record")
        record.close()
        with pytest.raises(StateError, match="cannot be used"):
            record.find("a")


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path, clock):
    (tmp_path / "file").write_text("")
    with pytest.raises(StateError, match=r"snapshots at .* cannot be used"):
        Snapshots(tmp_path / "file" / "snapshots", lambda: clock.now)


@pytest.mark.parametrize(
    ("name", "fits"),
    [
        ("imagenet-2026.11", True),
        ("abc", True),
        ("ab", False),
        ("a" * 63, True),
        ("a" * 64, False),
        ("Upper", False),
        ("a_b", False),
        ("-ab", False),
        ("a..b", False),
        ("10.0.0.1", False),
        ("xn--abc", False),
        ("a@b", False),
        ("../etc", False),
    ],
)
def test_a_name_is_one_that_a_bucket_may_have(name, fits):
    assert is_snapshot_name(name) is fits
