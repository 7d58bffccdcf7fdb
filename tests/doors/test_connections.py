"""How many connections there may be: what open files allow, and what is left for requests."""

import logging
import resource

import pytest

from gateway.doors.connections import connections_bound


@pytest.fixture
def files(monkeypatch: pytest.MonkeyPatch) -> dict[str, tuple[int, int]]:
    """The limits of open files, as the process would see and set them."""
    limits = {"now": (1024, 20_000)}
    monkeypatch.setattr(resource, "getrlimit", lambda _: limits["now"])
    monkeypatch.setattr(resource, "setrlimit", lambda _, pair: limits.update(now=pair))
    return limits


def test_the_soft_limit_is_raised_and_requests_keep_their_files(files):
    assert connections_bound(0, 1280) == 20_000 - 1280 - 256
    assert files["now"] == (20_000, 20_000)


def test_half_of_few_files_are_for_connections(files):
    files["now"] = (1024, 1024)
    assert connections_bound(0, 1280) == 512


def test_what_is_wanted_is_kept_where_files_allow_it(files):
    assert connections_bound(300, 1280) == 300


def test_what_files_do_not_allow_is_said(files, caplog):
    with caplog.at_level(logging.WARNING):
        assert connections_bound(50_000, 1280) == 20_000 - 1280 - 256
    assert "raise LimitNOFILE" in caplog.text


def test_without_a_limit_of_files_the_wish_holds(files):
    files["now"] = (1024, resource.RLIM_INFINITY)
    assert connections_bound(5_000, 1280) == 5_000
