"""The machine of three doors in small; `conformance/run.py doors --steps N` runs it long."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.models.doors_by_webhdfs import DoorsMachine
from tests.models.doors_stage import DoorsStage
from tests.support.mount_process import why_not

pytestmark = pytest.mark.skipif(bool(why_not()), reason=why_not() or "it can be mounted here")
SMALL = settings(
    max_examples=4,
    stateful_step_count=12,
    deadline=None,
    database=None,
    # An example is in a directory of its own, and can be played again.
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[DoorsStage]:
    opened = DoorsStage(tmp_path)
    opened.open()
    yield opened
    opened.close()


def test_what_one_door_writes_all_doors_show_and_the_origin_has_one_copy(
    stage: DoorsStage,
) -> None:
    DoorsMachine.stage = stage
    try:
        run_state_machine_as_test(seed(7)(DoorsMachine), settings=SMALL)
    finally:
        assert stage.failures == [], stage.log
    assert stage.counts["steps"] > 30
    for door in ("S3", "WebHDFS", "mount", "origin"):
        assert stage.counts[f"looks by {door}"] > 30
    for door in ("S3", "WebHDFS", "mount"):
        assert any(name.startswith(f"step {door} ") for name in stage.counts)
