"""What systemd and mount(8) are given to start a mount by is a command line that we accept."""

import shlex
import shutil
import subprocess
import sys
from argparse import Namespace
from pathlib import Path

import pytest

from gateway.cli.arguments import make_parser
from gateway.cli.mount_arguments import apply_options

DEPLOY = Path(__file__).parents[2] / "deploy"
UNIT = DEPLOY / "systemd" / "forebay-mount@.service"
HELPER = DEPLOY / "mount.fuse.forebay"


def setting(name: str) -> str:
    """Return the only value of a setting of the unit."""
    lines = [line for line in UNIT.read_text().splitlines() if line.startswith(f"{name}=")]
    assert len(lines) == 1
    return lines[0].partition("=")[2]


def example() -> dict[str, str]:
    """Return the variables that the unit's own comment has as its example."""
    words = [line.removeprefix("#").strip() for line in UNIT.read_text().splitlines()]
    pairs = [word.partition("=") for word in words if word[:1].isupper() and "=" in word]
    return {name: value for name, _, value in pairs if name.isupper()}


def started(variables: dict[str, str]) -> list[str]:
    """Return the words that systemd starts: `${NAME}` is one word, and an unset one is empty."""
    words = shlex.split(setting("ExecStart"))
    return [variables.get(one[2:-1], "") if one.startswith("${") else one for one in words]


def understood(words: list[str]) -> Namespace:
    arguments = make_parser().parse_args(words)
    apply_options(arguments)
    return arguments


def test_the_unit_starts_a_mount_as_its_own_example_says():
    program, *words = started(example())
    assert Path(program).name == "forebay"
    arguments = understood(words)
    assert arguments.foreground
    assert arguments.config == Path("/etc/forebay.toml")
    assert (arguments.source, str(arguments.mountpoint)) == ("s3://models/prod", "/mnt/models")
    assert (arguments.allow_other, arguments.identity) == (True, "models")


def test_the_unit_starts_a_mount_without_options():
    arguments = understood(started({**example(), "OPTIONS": ""})[1:])
    assert arguments.source == "s3://models/prod"
    assert not arguments.allow_other


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not installed here")
def test_systemd_finds_nothing_amiss_with_the_unit(tmp_path):
    # The program itself is looked for, too, and lies elsewhere here.
    text = UNIT.read_text().replace("/usr/local/bin/forebay", sys.executable)
    copy = tmp_path / "forebay-mount@models.service"
    copy.write_text(text)
    done = subprocess.run(
        ["systemd-analyze", "verify", str(copy)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_what_mount_8_runs_is_a_command_line_that_we_accept(tmp_path):
    told = tmp_path / "told"
    told.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    told.chmod(0o755)
    line = "s3://bucket/prefix /mnt -o config=/etc/forebay.toml,allow_other,_netdev,nofail,rw"
    done = subprocess.run(
        ["sh", str(HELPER), *line.split()],
        env={"FOREBAY": str(told), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    arguments = understood(done.stdout.splitlines())
    assert (arguments.source, str(arguments.mountpoint)) == ("s3://bucket/prefix", "/mnt")
    assert (arguments.config, arguments.allow_other) == (Path("/etc/forebay.toml"), True)
