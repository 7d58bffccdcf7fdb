"""Staged files, plain and sealed, against a bytearray; and their common bound."""

import errno
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.doors.fuse.staging import StagedFile, StagingBudget

PLACES = st.integers(0, 300_000)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("write"), PLACES, st.integers(1, 140_000)),
        st.tuples(st.just("truncate"), PLACES, st.just(0)),
        st.tuples(st.just("read"), PLACES, st.integers(1, 200_000)),
    ),
    max_size=25,
)


@pytest.mark.parametrize("is_sealed", [False, True])
@given(steps=STEPS)
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_a_staged_file_is_what_was_written(tmp_path: Path, steps, *, is_sealed: bool):
    budget = StagingBudget(1 << 30)
    staged, model = StagedFile(tmp_path, budget, is_sealed=is_sealed), bytearray()
    for at, (step, place, count) in enumerate(steps):
        if step == "write":
            piece = bytes([at % 251 + 1]) * count
            if place > len(model):
                model.extend(bytes(place - len(model)))
            model[place : place + count] = piece
            staged.write(place, piece)
        elif step == "truncate":
            del model[place:]
            model.extend(bytes(place - len(model)))
            staged.truncate(place)
        else:
            assert staged.read(place, count) == model[place : place + count]
        assert staged.length == len(model) == budget.used
    assert staged.read(0, len(model) + 1) == model
    staged.close()
    assert budget.used == 0


def test_all_staged_files_share_one_bound(tmp_path: Path):
    budget = StagingBudget(100)
    first, second = (StagedFile(tmp_path, budget, is_sealed=False) for _ in range(2))
    first.write(0, b"x" * 60)
    with pytest.raises(OSError, match="staged_bytes_max") as raised:
        second.write(0, b"x" * 41)
    assert raised.value.errno == errno.ENOSPC
    assert second.length == 0
    first.truncate(10)
    second.write(0, b"x" * 90)
    first.close()
    second.close()
    assert budget.used == 0


@pytest.mark.parametrize("is_sealed", [False, True])
def test_what_was_let_go_is_refused_and_what_follows_is_taken(tmp_path: Path, *, is_sealed: bool):
    budget = StagingBudget(100)
    staged = StagedFile(tmp_path, budget, is_sealed=is_sealed)
    staged.write(0, b"a" * 80)
    staged.let_go()
    assert budget.used == 0
    staged.write(80, b"b" * 90)
    assert staged.length == 170
    assert staged.read(80, 100) == b"b" * 90
    for call in (lambda: staged.read(10, 5), lambda: staged.write(79, b"x")):
        with pytest.raises(OSError, match="in order only") as raised:
            call()
        assert raised.value.errno == errno.EFBIG
    staged.close()
    assert budget.used == 0


def test_a_sealed_file_holds_nothing_in_the_clear_and_finds_out_what_was_changed(tmp_path: Path):
    staged = StagedFile(tmp_path, StagingBudget(1 << 20), is_sealed=True)
    staged.write(0, b"the secret of the house" * 1000)
    file = staged._store._file
    file.seek(0)
    raw = file.read()
    assert b"secret" not in raw
    file.seek(100)
    file.write(b"\0" if raw[100:101] != b"\0" else b"\1")
    with pytest.raises(OSError, match="not what was written"):
        staged.read(0, 10)
    staged.close()


def test_no_number_seals_twice(tmp_path: Path):
    staged = StagedFile(tmp_path, StagingBudget(1 << 20), is_sealed=True)
    stored = set()
    for _ in range(3):
        staged.write(0, b"the very same")
        staged._store._file.seek(0)
        stored.add(staged._store._file.read())
    assert len(stored) == 3
    staged.close()


def test_nothing_of_a_staged_file_has_a_name(tmp_path: Path):
    staged = StagedFile(tmp_path, StagingBudget(1 << 20), is_sealed=False)
    staged.write(0, b"x")
    assert list(tmp_path.iterdir()) == []
    staged.close()


@pytest.mark.parametrize("is_sealed", [False, True])
def test_what_the_disk_does_not_take_makes_a_file_no_longer(
    tmp_path: Path, monkeypatch, *, is_sealed: bool
):
    budget = StagingBudget(1 << 30)
    staged = StagedFile(tmp_path, budget, is_sealed=is_sealed)
    staged.write(0, b"kept")
    written = os.pwrite

    def half_full(descriptor: int, piece: bytes | memoryview, offset: int) -> int:
        if offset + len(piece) > 150_000:
            raise OSError(errno.ENOSPC, "No space left on device")
        return written(descriptor, piece, offset)

    with monkeypatch.context() as full:
        full.setattr(os, "pwrite", half_full)
        with pytest.raises(OSError, match="No space"):
            staged.write(4, b"x" * 300_000)
    assert (staged.length, budget.used) == (4, 4)
    staged.write(8, b"more")
    assert staged.read(0, 100) == b"kept\0\0\0\0more"
    staged.close()
    assert budget.used == 0
