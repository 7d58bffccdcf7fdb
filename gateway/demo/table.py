"""The demo's table."""

from collections.abc import Iterable

from rich import box
from rich.table import Table
from rich.text import Text

from gateway.demo.measures import WAYS, Measure, Row, Task, Way

_WHOLE_FROM = 10.0


def as_table(rows: Iterable[Row], shape: str) -> Table:
    """Return the table; `shape` says how far away the origin is."""
    table = Table(
        title=f"The same reads of a bucket {shape}",
        title_style="bold",
        box=box.SIMPLE_HEAD,
        show_lines=True,
    )
    table.add_column("read, and how fresh")
    for way in WAYS:
        table.add_column(way, justify="right")
    table.add_column("warm is", justify="right", style="bold")
    table.add_column("bucket sent\ncold / warm", justify="right")
    for row in rows:
        table.add_row(
            Text.assemble(row.task.name, "\n", (row.task.freshness, "italic")),
            *(_cell(row.task, row.measures[way]) for way in WAYS),
            f"{_number(row.speedup('warm'))}x",
            f"{_sent(row, 'cold')} / {_sent(row, 'warm')}",
        )
    return table


def _cell(task: Task, measure: Measure) -> Text:
    rate = f"{_number(task.amount / measure.seconds)} {task.unit}"
    verdict = "" if measure.is_exact else "\nWRONG BYTES"
    return Text.assemble(f"{measure.seconds:.2f} s\n{rate}", (verdict, "bold red"))


def _sent(row: Row, way: Way) -> str:
    return f"{row.measures[way].origin_body_bytes / row.task.bytes_read:.2f}x"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= _WHOLE_FROM else f"{value:.1f}"
