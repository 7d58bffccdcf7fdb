"""Plays all scenes at real HDFS and writes the golden files; run again where scenes change.

.venv/bin/python -m conformance.webhdfs.record_golden [SCENE ...]
"""

import sys
import tempfile
from pathlib import Path

from conformance.webhdfs.golden import SCENES, golden_path, write_golden
from conformance.webhdfs.minicluster import running_hdfs
from conformance.webhdfs.playing import play


def main(names: list[str]) -> None:
    """Record the scenes named, or all."""
    with tempfile.TemporaryDirectory() as folder, running_hdfs(Path(folder)) as target:
        for name in names or SCENES:
            write_golden(name, play(target.door, name, SCENES[name]))
            print(golden_path(name), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
