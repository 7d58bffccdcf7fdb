"""The door on a tree in memory, for the tests of its own words."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.webhdfs_door import RunningDoor, running_door


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[RunningDoor]:
    async with running_door(tmp_path) as running:
        running.tree.make("/d")
        running.tree.put("/d/one", b"0123456789")
        yield running
