"""Reloading: rules and identities at once, the rest named and left."""

import logging

from gateway.processes.reloading import apply_reload, waiting_keys
from gateway.settings.tree import Settings

RULE = {"match": "b/*", "freshness": "immutable"}
IDENTITY = {"name": "a", "access_key": "k", "secret_key": "s", "policy": "admin"}


def test_rules_and_identities_are_taken_and_nothing_else(caplog):
    running = Settings.model_validate({"workers": {"count": 2}})
    reread = Settings.model_validate(
        {"workers": {"count": 3}, "rules": [RULE], "identities": [IDENTITY]}
    )
    with caplog.at_level(logging.INFO):
        applied = apply_reload(running, reread)
    assert applied.rules == reread.rules
    assert applied.identities == reread.identities
    assert applied.workers.count == 2
    assert "workers.count" in caplog.text


def test_equal_settings_wait_for_nothing():
    assert waiting_keys(Settings(), Settings.model_validate({"rules": [RULE]})) == []


def test_every_differing_key_is_named():
    other = Settings.model_validate({"flash": {"chunk_size": "2MiB"}, "origin": {"region": "x"}})
    assert waiting_keys(Settings(), other) == ["origin.region", "flash.chunk_size"]


def test_the_size_of_flash_is_taken_where_it_fits_what_runs(caplog):
    running = Settings.model_validate({"flash": {"chunk_size": "8MiB", "fill_memory": "8MiB"}})
    reread = Settings.model_validate({"flash": {"size": "2GiB"}})
    assert apply_reload(running, reread).flash.size == 2 << 30
    assert apply_reload(running, reread).flash.chunk_size == 8 << 20
    small = Settings.model_validate({"flash": {"size": "9MiB"}})
    assert apply_reload(running, small).flash == running.flash
    assert "does not fit what runs" in caplog.text
