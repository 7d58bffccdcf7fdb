"""Settings are shown as TOML that gives them again, whatever the keys of their tables."""

import tomllib

from gateway.cli.shown import as_toml, written
from gateway.settings.reading import read_settings

STATEMENT = {
    "Effect": "Allow",
    "Action": "s3:ListBucket",
    "Resource": "*",
    "Condition": {"StringLike": {"s3:prefix": "a/*"}},
}

ALLOWED = {"Version": "2012-10-17", "Statement": [STATEMENT]}


def test_a_key_that_is_more_than_letters_is_quoted():
    assert written({"a-b": {"s3:prefix": "x"}}) == '{ a-b = { "s3:prefix" = "x" } }'


def test_what_is_not_set_inside_a_table_is_left_out():
    assert tomllib.loads(f"value = {written({'a': 1, 'b': None})}") == {"value": {"a": 1}}


def test_a_policy_with_conditions_is_shown_as_it_was_read(tmp_path):
    path = tmp_path / "forebay.toml"
    identity = {"name": "one", "access_key": "key", "secret_key": "secret", "policy": ALLOWED}
    path.write_text(f'origin = {{ endpoint = "http://o" }}\nidentities = [{written(identity)}]\n')
    shown = tomllib.loads(as_toml(read_settings(path, {})))
    assert shown["identities"][0]["policy"] == ALLOWED
