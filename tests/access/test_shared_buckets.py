"""Buckets in one file: what one worker writes the other reads, in whatever order they met them."""

from contextlib import closing
from pathlib import Path

import pytest

from gateway.access import shared_buckets
from gateway.access.shared_buckets import SharedBuckets


def test_two_workers_see_one_bucket(tmp_path: Path):
    with (
        closing(SharedBuckets(tmp_path / "b")) as one,
        closing(SharedBuckets(tmp_path / "b")) as two,
    ):
        one.fill_at("a", 1.0)
        two.fill_at("b", 2.0)
        two.fill_at("a", 3.0)
        one.fill_at("c", 4.0)
        for worker in (one, two):
            assert [worker.full_at(name) for name in "abc"] == [3.0, 2.0, 4.0]
        assert two.full_at("never") == 0.0


def test_a_worker_that_comes_back_finds_the_buckets(tmp_path: Path):
    with closing(SharedBuckets(tmp_path / "b")) as before:
        before.fill_at("a", 7.0)
    with closing(SharedBuckets(tmp_path / "b")) as after:
        assert after.full_at("a") == 7.0


def test_without_a_file_the_buckets_are_this_process_alone():
    with closing(SharedBuckets(None)) as one, closing(SharedBuckets(None)) as two:
        one.fill_at("a", 1.0)
        assert (one.full_at("a"), two.full_at("a")) == (1.0, 0.0)


def test_beyond_the_bound_a_bucket_is_the_workers_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(shared_buckets, "BUCKETS_MAX", 2)
    with (
        closing(SharedBuckets(tmp_path / "b")) as one,
        closing(SharedBuckets(tmp_path / "b")) as two,
    ):
        for number, name in enumerate("abc"):
            one.fill_at(name, float(number + 1))
        assert [one.full_at(name) for name in "abc"] == [1.0, 2.0, 3.0]
        assert [two.full_at(name) for name in "abc"] == [1.0, 2.0, 0.0]
