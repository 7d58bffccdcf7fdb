"""What the long trials share: two workers before an embedded origin, and a scorecard."""

import json
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from gateway.demo.origin import EmbeddedOrigin, running_origin
from tests.simulation.trials import Result
from tests.support.gateway_run import GatewayRun
from tests.support.origins import new_origin

_RESULTS = Path(__file__).resolve().parents[1] / "results"
_FAILURES_SHOWN = 5


@asynccontextmanager
async def rig(**flash: Any) -> AsyncIterator[tuple[GatewayRun, EmbeddedOrigin]]:
    """Yield a running gateway with these flash settings, and its origin."""
    with tempfile.TemporaryDirectory(prefix="forebay-trial-") as folder:
        async with running_origin(new_origin()) as origin:
            gateway = GatewayRun(Path(folder), origin.endpoint, flash=flash, rules=[])
            gateway.start()
            try:
                yield gateway, origin
            finally:
                gateway.close()


def tell(suite: str, results: Sequence[Result], *, is_written: bool) -> int:
    """Print the scorecard, write it where wanted; return 1 where anything failed."""
    for result in results:
        verdict = "ok" if not result.failures else f"{len(result.failures)} FAILED"
        figures = ", ".join(f"{name} {value}" for name, value in result.figures.items())
        sys.stdout.write(f"{verdict:10} {result.name}: {result.requests} requests, {figures}\n")
        for words in result.failures[:_FAILURES_SHOWN]:
            sys.stdout.write(f"           {words}\n")
    if is_written:
        _RESULTS.mkdir(exist_ok=True)
        told = [asdict(result) for result in results]
        (_RESULTS / f"{suite}.json").write_text(json.dumps(told, indent=1) + "\n")
        (_RESULTS / f"{suite}.md").write_text(_table(suite, results))
    return int(any(result.failures for result in results))


def _table(suite: str, results: Sequence[Result]) -> str:
    rows = [
        f"| {result.name} | {result.requests} | {len(result.failures)} | "
        + ", ".join(f"{name} {value}" for name, value in result.figures.items())
        + " |"
        for result in results
    ]
    head = (f"# {suite}", "", "| trial | requests | failures | figures |", "|---|---|---|---|")
    return "\n".join([*head, *rows]) + "\n"
