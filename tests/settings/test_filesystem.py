"""The settings of files: names with numbers, modes in octal, and what is refused."""

import pytest

from gateway.settings.reading import SettingsError, from_json, read_settings, to_json


@pytest.fixture
def read(tmp_path):
    def read_text(text, environ=None):
        path = tmp_path / "forebay.toml"
        path.write_text(text)
        return read_settings(path, environ or {})

    return read_text


def test_names_have_numbers(read):
    settings = read(
        '[filesystem]\nusers = {alice = 1001, "b@x" = 0}\n[filesystem.groups]\nstaff = 50'
    )
    assert settings.filesystem.users == {"alice": 1001, "b@x": 0}
    assert settings.filesystem.groups == {"staff": 50}
    assert from_json(to_json(settings)) == settings


def test_the_environment_names_them_as_the_file_does(read):
    settings = read("", {"FOREBAY_FILESYSTEM__USERS": '{alice = 1, "b@x" = 2}'})
    assert settings.filesystem.users == {"alice": 1, "b@x": 2}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('file_mode = "0999"', "octal"),
        ('directory_mode = "rwxr-xr-x"', "octal"),
        ("users = {alice = -1}", "alice"),
        ('groups = {"" = 1}', "number"),
        ("groups = {staff = 4294967296}", "staff"),
        ('permissions = "acl"', "policy"),
        ('umask = "022"', "not a setting"),
    ],
)
def test_what_cannot_be_is_refused(read, text, sentence):
    with pytest.raises(SettingsError, match=sentence):
        read(f"[filesystem]\n{text}")
