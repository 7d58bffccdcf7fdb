"""`forebay flash check`: clean, wrong, or not there."""

import asyncio

import pytest

from gateway.__main__ import main
from tests.flash.rooms import CHUNK_BYTES, MIB, checked_flash, fill, row_of

FLASH_BYTES = 32 * MIB


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "forebay.toml"
    path.write_text(
        f'[flash]\npath = "flash"\nsize = {FLASH_BYTES}\n'
        f"chunk_size = {CHUNK_BYTES}\nsegment_size = {MIB}\n"
    )
    return path


@pytest.fixture
def filled(tmp_path):
    async def make():
        async with checked_flash(tmp_path / "flash") as flash:
            row = row_of("key", 3 * CHUNK_BYTES)
            assert len(await fill(flash, row, range(3), CHUNK_BYTES)) == 3

    asyncio.run(make())
    return tmp_path / "flash"


def test_no_flash_is_said_and_none_is_made(config, capsys, tmp_path):
    assert main(["flash", "check", "--config", str(config)]) == 1
    assert "there is no flash at" in capsys.readouterr().err
    assert not (tmp_path / "flash").exists()


def test_a_good_flash_is_clean(config, filled, capsys):
    assert main(["flash", "check", "--config", str(config)]) == 0
    assert "clean; 3 chunks" in capsys.readouterr().out
    assert main(["flash", "check", "--config", str(config), str(filled)]) == 0


def test_a_byte_that_changed_is_found(config, filled, capsys):
    # The data files hold the chunks; in a flash that was just made there is one with bytes in it.
    data = max((filled / "segments").iterdir(), key=lambda path: path.stat().st_size)
    with data.open("r+b") as file:
        content = file.read()
        at = next(index for index, byte in enumerate(content) if byte)
        file.seek(at)
        file.write(bytes([content[at] ^ 1]))
    assert main(["flash", "check", "--config", str(config)]) == 1
    assert "1 problems" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("KEY", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", "in plaintext"),
        ("CHUNK_SIZE", "32KiB", "for chunks of another size"),
    ],
)
@pytest.mark.usefixtures("filled")
def test_a_command_with_other_settings_than_the_gateways_removes_nothing(
    config, capsys, name, value, words
):
    check = ["flash", "check", "--config", str(config)]
    with pytest.MonkeyPatch.context() as changed:
        changed.setenv(f"FOREBAY_FLASH__{name}", value)
        assert main(check) == 1
        assert f"it was written {words}: use the gateway's settings" in capsys.readouterr().out
        assert main(["cache", "status", "--config", str(config)]) == 2
        assert words in capsys.readouterr().err
    assert main(check) == 0
    assert "clean; 3 chunks" in capsys.readouterr().out
