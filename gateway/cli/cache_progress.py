"""How far a job on the cache is: a line that moves on a terminal, as JSON an event a second."""

import asyncio
from collections.abc import Callable
from typing import Final

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from gateway.cli.cache_shown import Shown, print_event

_TICK_SECONDS: Final = 1.0
_REDRAW_SECONDS: Final = 0.25


async def watch(counted: Callable[[], Shown], line: Callable[[], str], *, is_json: bool) -> None:
    """Show how far it is until cancelled: what `counted` or `line` say now."""
    if is_json:
        while True:
            await asyncio.sleep(_TICK_SECONDS)
            print_event({"event": "progress", **counted()})
    console = Console(stderr=True)
    if not console.is_terminal:
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        shown = progress.add_task("looking")
        while True:
            progress.update(shown, description=line())
            await asyncio.sleep(_REDRAW_SECONDS)
