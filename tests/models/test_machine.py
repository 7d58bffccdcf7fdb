"""The machine in small, for every run of the tests; `conformance/run.py machine` runs it long."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.models.machine import GatewayMachine
from tests.models.stage import Stage

SMALL = settings(
    max_examples=12,
    stateful_step_count=30,
    deadline=None,
    derandomize=True,
    database=None,
    # An example cannot be replayed on a cache that has moved on, so none is shrunk.
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    opened = Stage(tmp_path)
    opened.open()
    yield opened
    opened.close()


def test_no_step_makes_a_read_stale_mixed_or_resurrected(stage: Stage) -> None:
    GatewayMachine.stage = stage
    run_state_machine_as_test(GatewayMachine, settings=SMALL)
    assert stage.counts["reads checked"] > 100
    assert stage.counts["pages"] > 10
    assert stage.counts["batched"] > 50
    for kind in ("stale", "mixed", "resurrected", "lost", "odd"):
        assert stage.counts[kind] == 0
