"""fsx and fio on a mount: operations at random on one file, each byte that is read compared.

fsx is the crate of that name (`cargo install fsx`), the exerciser of FreeBSD and Linux anew; fio is
Debian's. Both know what they wrote and end at the first byte that is another.
"""

import json
import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import monotonic

from conformance.performance.tools import get_tool
from conformance.posix.mounts import Mount
from conformance.posix.results import Row

_SECONDS_MAX = 7200
_FSX_FILES = 4
_FSX = """\
flen = 262144
nomsyncafterwrite = false
[opsize]
max = 65536
[weights]
close_open = 1.0
invalidate = 1.0
truncate = 10.0
fsync = 1.0
fdatasync = 1.0
read = 10.0
write = 10.0
mapread = 10.0
mapwrite = 10.0
punch_hole = 0.0
copy_file_range = 0.0
"""
_FIO = (
    ("sequential, 1 MiB", "write", "1m", "64m"),
    ("random, 4 KiB", "randwrite", "4k", "16m"),
    ("random rewrites, 64 KiB", "randrw", "64k", "32m"),
)


def fsx(mount: Mount, folder: Path, operations: int, seed: int) -> Row:
    """Run fsx on some files at once, `operations` on all of them together, each by its own seed.

    The first mismatch on each, or its own failure, is the row's.
    """
    configuration = folder / "fsx.toml"
    configuration.write_text(_FSX)

    def run(at: int) -> str:
        words = [get_tool("fsx"), "-f", str(configuration), "-N", str(operations // _FSX_FILES)]
        said = last_words(
            [*words, "-S", str(seed + at), str(mount.path / f"fsx-file-{at}")], folder
        )
        return f"by the seed {seed + at}: {said}" if said else ""

    began = monotonic()
    with ThreadPoolExecutor(_FSX_FILES) as threads:
        failures = [said for said in threads.map(run, range(_FSX_FILES)) if said]
    figures = {
        "operations": operations // _FSX_FILES * _FSX_FILES,
        "files at once": _FSX_FILES,
        "first seed": seed,
        "seconds": round(monotonic() - began, 1),
    }
    return Row("exercisers", "fsx", figures, failures, mounter=mount.name)


def fio(mount: Mount, folder: Path) -> list[Row]:
    """Run the verify jobs: write, then read all of it again by crc32c.

    What fio notes of a job that ends early stands in `folder`.
    """
    rows = []
    for name, kind, block, size in _FIO:
        words = ["fio", "--name=verify", f"--directory={mount.path}", f"--rw={kind}"]
        words += [f"--bs={block}", f"--size={size}", "--verify=crc32c", "--verify_fatal=1"]
        words += ["--do_verify=1", "--ioengine=psync", "--fallocate=none", "--randseed=7"]
        began = monotonic()
        said = last_words([*words, "--output-format=json", "--end_fsync=1"], folder)
        figures = {"size": size, "seconds": round(monotonic() - began, 1)}
        rows.append(
            Row("exercisers", f"fio {name}", figures, [said] if said else [], mounter=mount.name)
        )
        (mount.path / "verify.0.0").unlink(missing_ok=True)
    return rows


def last_words(words: Sequence[str], folder: Path) -> str:
    """Return a program's last words where it failed; '' where all was well."""
    try:
        done = subprocess.run(
            words,
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=_SECONDS_MAX,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"no end after {_SECONDS_MAX} s"
    if done.returncode == 0 and words[0] == "fio":
        errors = sum(job["error"] for job in json.loads(_json_of(done.stdout))["jobs"])
        return f"{errors} errors" if errors else ""
    if done.returncode == 0:
        return ""
    return f"it ended with {done.returncode}: {(done.stdout + done.stderr)[-1500:]}"


def _json_of(said: str) -> str:
    """Return fio's JSON without the notes that it prints before it."""
    return said[said.index("{") :]
