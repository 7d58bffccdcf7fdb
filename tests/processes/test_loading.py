"""What a process loads before it serves: each module costs its start."""

import subprocess
import sys

import pytest

from tests.support.bytecode import PACKAGE

LATER = {
    "gateway.processes.worker": ("gateway.doors.webhdfs", "gateway.doors.fuse", "botocore.session"),
    "gateway.processes.mounting": ("aiohttp.web", "gateway.doors.s3", "jwt", "botocore.session"),
}
"""Where a process begins, and what it does without unless its settings or a request want it."""


@pytest.mark.parametrize("process", LATER)
def test_a_process_does_not_load_what_it_may_never_need(process: str):
    script = f"import sys, {process}; print(*sys.modules)"
    said = subprocess.run(
        [sys.executable, "-c", script], cwd=PACKAGE.parent, capture_output=True, check=True
    )
    loaded = said.stdout.decode().split()
    assert process in loaded
    assert [name for name in loaded if name.startswith(LATER[process])] == []
