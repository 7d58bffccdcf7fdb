"""The keys of flash come from a value, a file or a command; whatever fails is one sentence."""

import base64
import sys

import pytest

from gateway.settings import flash_keys
from gateway.settings.flash_keys import safeguards_of, with_keys
from gateway.settings.reading import SettingsError, read_settings

KEY = bytes(range(32))
TEXT = base64.b64encode(KEY).decode()


def flash_of(tmp_path, **environ):
    names = {f"FOREBAY_FLASH__{name.upper()}": value for name, value in environ.items()}
    path = tmp_path / "forebay.toml"
    path.write_text("")
    return read_settings(path, names).flash


def command(program):
    return f'["{sys.executable}", "-c", "{program}"]'


def test_without_a_key_nothing_is_sealed(tmp_path):
    flash = flash_of(tmp_path)
    assert safeguards_of(flash).keys == ()
    assert with_keys(flash) is flash
    assert not flash.is_sealed


def test_a_value(tmp_path):
    assert safeguards_of(flash_of(tmp_path, key=TEXT)).keys == (KEY,)


def test_a_file_with_two_keys(tmp_path):
    other = base64.b64encode(bytes(32)).decode()
    (tmp_path / "keys").write_text(f"{TEXT}\n{other}\n")
    flash = flash_of(tmp_path, key_file=str(tmp_path / "keys"))
    assert safeguards_of(flash).keys == (KEY, bytes(32))


def test_a_command(tmp_path):
    flash = flash_of(tmp_path, key_command=command(f"print('{TEXT}')"))
    assert safeguards_of(flash).keys == (KEY,)


def test_workers_get_the_keys_and_ask_nobody(tmp_path):
    flash = with_keys(flash_of(tmp_path, key_command=command(f"print('{TEXT}')")))
    assert flash.key_command == ()
    assert safeguards_of(flash).keys == (KEY,)
    assert TEXT not in repr(flash)
    assert TEXT not in repr(safeguards_of(flash))


@pytest.mark.parametrize(
    ("program", "words"),
    [
        ("print('short')", "flash.key_command gives no keys: a key is 32 random bytes"),
        ("", "there is no key in it"),
        ("raise SystemExit('no such key')", "ended with 1: no such key"),
    ],
)
def test_a_command_that_gives_no_key_is_told_in_a_sentence(tmp_path, program, words):
    flash = flash_of(tmp_path, key_command=command(program))
    for read in (safeguards_of, with_keys):
        with pytest.raises(SettingsError, match=words):
            read(flash)


def test_a_command_that_is_none_and_one_that_takes_for_ever(tmp_path, monkeypatch):
    with pytest.raises(SettingsError, match="cannot be run"):
        safeguards_of(flash_of(tmp_path, key_command=f'["{tmp_path}/none"]'))
    monkeypatch.setattr(flash_keys, "COMMAND_SECONDS_MAX", 0.05)
    with pytest.raises(SettingsError, match="took longer"):
        safeguards_of(flash_of(tmp_path, key_command='["sleep", "20"]'))


def test_a_file_that_is_not_there_or_holds_no_key(tmp_path):
    with pytest.raises(SettingsError, match=r"flash\.key_file names .* not a file"):
        flash_of(tmp_path, key_file=str(tmp_path / "none"))
    (tmp_path / "keys").write_text("nothing\n")
    with pytest.raises(SettingsError, match=r"flash\.key_file gives no keys"):
        safeguards_of(flash_of(tmp_path, key_file=str(tmp_path / "keys")))


def test_two_sources_are_refused(tmp_path):
    with pytest.raises(SettingsError, match="keep one"):
        flash_of(tmp_path, key=TEXT, key_command='["true"]')


def test_a_value_that_is_no_key_is_refused_and_not_shown(tmp_path):
    with pytest.raises(SettingsError, match="a key is 32 random bytes") as refused:
        flash_of(tmp_path, key="my-secret-text")
    assert "my-secret-text" not in str(refused.value)


def test_segments_without_room_for_a_sealed_chunk_are_refused(tmp_path):
    sizes = {"size": "64MiB", "chunk_size": "1MiB", "segment_size": "1MiB"}
    assert flash_of(tmp_path, **sizes).segment_bytes == 1 << 20
    with pytest.raises(SettingsError, match="no room for one sealed chunk"):
        flash_of(tmp_path, **sizes, key=TEXT)


def test_only_the_scrub_verifying_without_a_scrub_is_refused(tmp_path):
    with pytest.raises(SettingsError, match="nothing would ever be verified"):
        flash_of(tmp_path, verify="scrub", scrub_bytes_per_second="0")
