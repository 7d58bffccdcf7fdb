"""The tree machine in small; `conformance/run.py files --steps N` runs it long."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.models.files_machine import FilesMachine
from tests.models.files_stage import FilesStage

SMALL = settings(
    max_examples=8,
    stateful_step_count=20,
    deadline=None,
    derandomize=True,
    database=None,
    # An example is in a directory of its own, and can be played again.
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[FilesStage]:
    opened = FilesStage(tmp_path)
    opened.open()
    yield opened
    opened.close()


def test_files_and_objects_are_one_copy_that_both_doors_show(stage: FilesStage) -> None:
    FilesMachine.stage = stage
    run_state_machine_as_test(FilesMachine, settings=SMALL)
    assert stage.counts["steps"] > 60
    assert stage.counts["reads checked"] > 60
    assert stage.counts["came to ok"] > 20
