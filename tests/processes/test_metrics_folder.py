"""The folder that workers count in: removed at the end, and by the next gateway after a kill."""

import os
import time

import pytest

from gateway.processes import metrics_folder as room


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.setattr(room, "_place", lambda: tmp_path)
    return tmp_path


def make_old(folder):
    past = time.time() - 2 * room.YOUNG_SECONDS
    os.utime(folder, (past, past))


def test_it_is_removed_with_what_is_in_it(place):
    with room.metrics_folder() as folder:
        (folder / "worker-0").write_bytes(b"x")
        assert folder.parent == place
        assert folder.stat().st_mode & 0o777 == 0o700
    assert list(place.iterdir()) == []


def test_what_a_killed_gateway_left_is_removed_and_what_is_held_stays(place):
    left = place / f"{room.PREFIX}left"
    left.mkdir()
    (left / "worker-0").write_bytes(b"x")
    make_old(left)
    foreign = place / "others"
    foreign.mkdir()
    make_old(foreign)
    with room.metrics_folder() as held:
        assert not left.exists()
        make_old(held)
        with room.metrics_folder():
            assert held.exists()
    assert list(place.iterdir()) == [foreign]


def test_one_that_may_not_be_locked_yet_stays(place):
    young = place / f"{room.PREFIX}young"
    young.mkdir()
    room.sweep(place)
    assert young.exists()
