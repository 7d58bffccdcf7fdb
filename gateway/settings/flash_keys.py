"""The keys that seal flash, from wherever the settings say: a value, a file, or a command."""

import subprocess
from typing import Final

from pydantic import SecretStr

from gateway.flash.safeguards import Safeguards
from gateway.settings.flash import FlashSettings
from gateway.settings.reading import SettingsError
from gateway.state.sealing import SealError, parse_keys

COMMAND_SECONDS_MAX: Final = 30.0
_WORDS_MAX: Final = 200


def safeguards_of(flash: FlashSettings) -> Safeguards:
    """Return how flash is to guard what it keeps, its keys read or asked for now.

    Raises SettingsError.
    """
    text = _keys_text(flash)
    keys = () if text is None else _parsed(text, flash)
    return Safeguards(flash.verify, flash.scrub_bytes_per_second, keys)


def with_keys(flash: FlashSettings) -> FlashSettings:
    """Return settings with the keys themselves in place of the file or command that gives them.

    For workers: one that is replaced later finds the keys of those beside it. Raises SettingsError.
    """
    text = _keys_text(flash)
    if text is None:
        return flash
    _parsed(text, flash)
    return flash.model_copy(update={"key": SecretStr(text), "key_file": None, "key_command": ()})


def _keys_text(flash: FlashSettings) -> str | None:
    if flash.key is not None:
        return flash.key.get_secret_value()
    if flash.key_command:
        return _printed(flash.key_command)
    if flash.key_file is None:
        return None
    try:
        return flash.key_file.read_text("ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"flash.key_file {flash.key_file} cannot be read: {error}") from None


def _printed(command: tuple[str, ...]) -> str:
    """Return what the command printed; what it says on stderr is told where it fails."""
    try:
        done = subprocess.run(  # noqa: S603 - the operator's own command, and no shell
            command, capture_output=True, check=False, timeout=COMMAND_SECONDS_MAX, text=True
        )
    except subprocess.TimeoutExpired:
        seconds = int(COMMAND_SECONDS_MAX)
        raise SettingsError(f"flash.key_command took longer than {seconds} seconds") from None
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"flash.key_command cannot be run: {error}") from None
    if done.returncode:
        said = " ".join(done.stderr.split())[:_WORDS_MAX]
        raise SettingsError(f"flash.key_command ended with {done.returncode}: {said}")
    return done.stdout


def _parsed(text: str, flash: FlashSettings) -> tuple[bytes, ...]:
    try:
        return parse_keys(text)
    except SealError as error:
        key = "key_command" if flash.key_command else "key_file" if flash.key_file else "key"
        raise SettingsError(f"flash.{key} gives no keys: {error}") from None
