"""What the demo prints: rates, speedups, what the bucket sent, and bytes that were wrong."""

from dataclasses import replace
from io import StringIO
from pathlib import Path

from rich.console import Console

from gateway.demo.commands import commands
from gateway.demo.load import Endpoint
from gateway.demo.measures import Measure, Row, Task
from gateway.demo.table import as_table

TASK = Task("model", "strict", "MB/s", 268.0, lambda *_: [], "", 1000)
ROW = Row(
    TASK,
    {
        "direct": Measure(8.0, 1000, is_exact=True),
        "cold": Measure(1.0, 1010, is_exact=True),
        "warm": Measure(0.25, 0, is_exact=True),
    },
)


def printed(row: Row) -> str:
    said = StringIO()
    Console(file=said, width=120).print(as_table([row], "far away"))
    return said.getvalue()


def test_a_row_says_seconds_rates_and_the_speedup() -> None:
    said = printed(ROW)
    for words in ("far away", "model", "strict", "8.00 s", "34 MB/s", "1,072 MB/s", "32x"):
        assert words in said
    assert "1.01x / 0.00x" in said
    assert "WRONG" not in said


def test_wrong_bytes_are_seen() -> None:
    wrong = Row(TASK, {**ROW.measures, "warm": replace(ROW.measures["warm"], is_exact=False)})
    assert not wrong.is_exact
    assert "WRONG BYTES" in printed(wrong)


def test_commands_carry_what_they_need() -> None:
    config = Path("/tmp/demo/forebay.toml")  # noqa: S108 - shown, not written
    said = commands(Endpoint(9123, "demo-key", "demo-secret"), 9191, config)
    for name in ("aws s3 ls", "curl ", "boto3.client", "duckdb -c", "127.0.0.1:9191/metrics"):
        assert name in said
    assert f"--config {config}" in said
    assert said.count("127.0.0.1:9123") == 4
    assert said.count("demo-secret") == 4
