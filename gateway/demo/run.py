"""`forebay demo`: sample data in a shaped bucket, read direct, cold and warm, and shown."""

import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeElapsedColumn

from gateway.demo.commands import commands
from gateway.demo.load import UnexpectedAnswer
from gateway.demo.measures import WAYS, Measure, Row, Task, Way, measure, tasks_of
from gateway.demo.samples import Samples, SampleSizes, bytes_to_write, make_samples
from gateway.demo.stage import MBPS, RTT_MS, Stage, running_stage
from gateway.demo.table import as_table

_PLAIN_WIDTH = 100
INTERRUPTED = 130
"""What a shell reports of a program that Ctrl-C ended."""
_SHAPE = f"{RTT_MS:.0f} ms away with {MBPS:.0f} MB/s a connection"
_NOTES = """\
direct: the bucket itself; cold: the gateway's first read; warm: its second.
bucket sent: the body bytes that the bucket sent for it, as a multiple of those read.
strict: every read asks the bucket, so it takes a round trip at least; bounded(60s): confirmed
at most 60 s ago; immutable: the name is the content, nothing is asked.
"""


def main(*, once: bool, port: int | None, sizes: SampleSizes | None = None) -> int:
    """Run the demo and return its exit code: 1 if a byte was wrong or something did not start.

    `port` is the gateway's, None for the default; a taken one is stepped over, 0 takes any.
    """
    console = Console(width=None if sys.stdout.isatty() else _PLAIN_WIDTH)
    try:
        with (
            _terminable(),
            tempfile.TemporaryDirectory(prefix="forebay-demo-") as folder,
        ):
            return _run(console, Path(folder), sizes or SampleSizes(), once=once, port=port)
    except KeyboardInterrupt:
        console.print("stopped; nothing of it is left")
        return INTERRUPTED if once else 0
    except (RuntimeError, OSError, UnexpectedAnswer) as error:
        console.print(f"the demo failed: {error}", markup=False, style="red")
        return 1


def _run(
    console: Console, folder: Path, sizes: SampleSizes, *, once: bool, port: int | None
) -> int:
    def say(line: str) -> None:
        console.print(line, markup=False, highlight=False)

    say(f"Starting a bucket {_SHAPE}, and a gateway before it ...")
    with running_stage(folder, port, say) as stage:
        samples = _make_samples(console, stage, sizes)
        rows = _measure_all(console, stage, samples)
        console.print(as_table(rows, _SHAPE))
        say(_NOTES)
        is_exact = all(row.is_exact for row in rows)
        say("Every byte read was right." if is_exact else "Bytes were WRONG, see the table.")
        if not once:
            say(f"\nThe gateway stays up at {stage.gateway.url} until Ctrl-C. To paste:\n")
            pasted = commands(stage.gateway, stage.admin_port, stage.config)
            console.out(pasted, highlight=False)
            signal.pause()
    return 0 if is_exact else 1


def _make_samples(console: Console, stage: Stage, sizes: SampleSizes) -> Samples:
    with _progress(console, "making sample data", bytes_to_write(sizes)) as progress:
        bar = progress.task_ids[0]
        return make_samples(stage.bare, sizes, lambda count: progress.advance(bar, count))


def _measure_all(console: Console, stage: Stage, samples: Samples) -> list[Row]:
    return [
        Row(task, {way: _measure(console, stage, task, way) for way in WAYS})
        for task in tasks_of(samples)
    ]


def _measure(console: Console, stage: Stage, task: Task, way: Way) -> Measure:
    endpoint = stage.direct if way == "direct" else stage.gateway
    with _progress(console, f"{task.name}, {task.freshness}: {way}", task.bytes_read) as progress:
        bar = progress.task_ids[0]
        return measure(task, endpoint, stage.shaped, lambda count: progress.advance(bar, count))


@contextmanager
def _progress(console: Console, description: str, total_bytes: int) -> Iterator[Progress]:
    """Show one bar while the block runs; where nobody watches, a line that it began."""
    if not console.is_terminal:
        console.print(f"{description} ...", markup=False, highlight=False)
    # Drawn seldom: the drawing shares the machine with what is measured.
    is_hidden = not console.is_terminal
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(binary_units=True),
        TimeElapsedColumn(),
    )
    with Progress(
        *columns, console=console, transient=True, refresh_per_second=4, disable=is_hidden
    ) as progress:
        progress.add_task(description, total=total_bytes)
        yield progress


@contextmanager
def _terminable() -> Iterator[None]:
    """Let SIGTERM end the block as Ctrl-C does, so that children and data are cleared away."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        del number, frame
        raise KeyboardInterrupt

    # A shell's background job starts with SIGINT ignored; the demo still ends when it is told.
    before = {
        number: signal.signal(number, interrupt) for number in (signal.SIGTERM, signal.SIGINT)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
