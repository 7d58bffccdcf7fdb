"""The demo as a whole, with little data: its table, its exit code, its end."""

import os
import re
import signal
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.demo import run
from gateway.demo.samples import Samples, SampleSizes, make_samples

ROOT = Path(__file__).parents[2]
SMALL = SampleSizes(
    model_bytes=3 << 20, images=8, image_bytes=4096, table_rows=2000, table_groups=2
)
STAYING = f"""
from gateway.demo.run import main
from gateway.demo.samples import SampleSizes
raise SystemExit(main(once=False, port=0, sizes={SMALL!r}))
"""


def test_once_prints_the_table_and_ends_well(capsys: pytest.CaptureFixture[str]) -> None:
    assert run.main(once=True, port=0, sizes=SMALL) == 0
    said = capsys.readouterr().out
    for words in ("model, 3 MiB", "8 images", "immutable", "Parquet", "Every byte read was right."):
        assert words in said
    assert "WRONG" not in said


def test_a_wrong_byte_is_a_failure(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def falsely(*parts: object) -> Samples:
        return replace(make_samples(*parts), model_sha256="0" * 64)

    monkeypatch.setattr(run, "make_samples", falsely)
    assert run.main(once=True, port=0, sizes=SMALL) == 1
    assert "WRONG BYTES" in capsys.readouterr().out


def test_what_does_not_start_is_said(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FOREBAY_FLASH__SIZE", "nonsense")
    assert run.main(once=True, port=0, sizes=SMALL) == 1
    said = capsys.readouterr().out
    assert "the gateway did not start" in said
    assert "nonsense" in said


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_stays_up_until_told_and_leaves_nothing(number: signal.Signals, tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", STAYING],
        env={**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        text=True,
    ) as demo:
        try:
            said = ""
            while "/metrics" not in said and (line := demo.stdout.readline()):
                said += line
            for words in re.findall(r"^\S+ -m gateway cache .+", said, re.MULTILINE):
                subprocess.run(words, shell=True, cwd=ROOT, check=True, capture_output=True)  # noqa: S602
            assert "gateway cache warm" in said
            port = int(re.search(r"stays up at http://127\.0\.0\.1:(\d+)", said)[1])
            socket.create_connection(("127.0.0.1", port)).close()
            demo.send_signal(number)
            rest, _ = demo.communicate(timeout=30)
        finally:
            demo.kill()
    assert demo.returncode == 0
    assert "nothing of it is left" in rest
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))
