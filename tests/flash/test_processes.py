"""Several processes on one flash directory: killed at named points, or all at work at once."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.flash.faults import VARIABLE
from tests.flash.rooms import CHUNK_BYTES, MIB, checked_flash, data_of, read, row_of
from tests.flash.worker import CHUNKS_MAX

SIZE_BYTES = 16 * MIB
ROOT = Path(__file__).parents[2]


def start(path, seed, operations, fault_file=None):
    environment = dict(os.environ)
    if fault_file is not None:
        environment[VARIABLE] = str(fault_file)
    arguments = [str(path), str(SIZE_BYTES), str(seed), str(operations)]
    return subprocess.Popen(
        [sys.executable, "-m", "tests.flash.worker", *arguments],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def done(process):
    output, errors = process.communicate(timeout=100)
    assert process.returncode == 0, errors
    return json.loads(output.splitlines()[-1].removeprefix("done "))


def kept(output):
    words = [line.split() for line in output.splitlines() if line.startswith("kept ")]
    return {(int(number), int(chunk)) for _, number, chunk in words}


async def assert_sound(path, expected=frozenset()):
    """Assert that flash is clean, and that of `expected` no byte is wrong; return what is there."""
    there = set()
    async with checked_flash(path, size_bytes=SIZE_BYTES) as flash:
        assert flash.is_healthy, flash.trouble
        for number, chunk in expected:
            length = 100 if number % 3 == 0 else CHUNK_BYTES
            row = row_of(f"object {number}", CHUNKS_MAX * length)
            data = await read(flash, row, chunk)
            if data is not None:
                assert data == data_of(row, chunk, length)
                there.add((number, chunk))
    return there


@pytest.mark.parametrize(
    ("point", "nth"),
    [
        ("segment.create", 1),
        ("segment.create", 3),
        ("segment.write", 2),
        ("record.append", 2),
        ("record.appended", 2),
        ("index.commit", 1),
        ("index.commit", 9),
        ("index.committed", 2),
        ("index.committed", 9),
        ("segment.seal", 1),
        ("evict.carried", 1),
        ("evict.carried", 4),
        ("evict.forgotten", 1),
        ("evict.forgotten", 4),
        ("evict.unlinked", 1),
        ("evict.unlinked", 4),
    ],
)
async def test_killed_at_any_point_flash_is_clean_and_keeps_what_was_there(tmp_path, point, nth):
    path, fault_file = tmp_path / "flash", tmp_path / "faults"
    first = start(path, 1, 120)
    output, errors = first.communicate(timeout=60)
    assert first.returncode == 0, errors
    before = await assert_sound(path, kept(output))
    assert before
    fault_file.write_text(f"{point}=kill:{nth}\n")
    second = start(path, 2, 1000, fault_file)
    second.communicate(timeout=60)
    assert second.returncode == -9
    after = await assert_sound(path, before)
    # A kill loses nothing that was committed, but for the segments that were evicted before it.
    evicted = nth if point.startswith(("segment.", "evict.")) else 1
    assert len(after) >= len(before) - (evicted + 1) * MIB // CHUNK_BYTES
    if nth == 1 and point in ("segment.create", "index.commit"):
        assert after == before


async def test_processes_at_work_at_once_never_exceed_the_size_nor_read_wrong_bytes(tmp_path):
    workers = [start(tmp_path, seed, 300) for seed in range(3)]
    counts = [done(worker) for worker in workers]
    assert all(count["bypassed"] == 0 for count in counts)
    assert all(count["written"] > 50 for count in counts)
    assert sum(count["hits"] for count in counts) > 50
    await assert_sound(tmp_path)


async def test_a_killed_process_disturbs_no_other(tmp_path):
    victim, witness = start(tmp_path, 1, 100_000), start(tmp_path, 2, 300)
    assert victim.stdout is not None
    for line in victim.stdout:
        if line.startswith("kept"):
            break
    victim.kill()
    victim.communicate()
    assert done(witness)["bypassed"] == 0
    await assert_sound(tmp_path)


def lines_of(process, prefix, count):
    """Wait for that many lines of a process."""
    assert process.stdout is not None
    for line in process.stdout:
        count -= line.startswith(prefix)
        if count <= 0:
            return
    raise AssertionError(process.stderr.read())


@pytest.mark.parametrize(
    "fault",
    ["segment.create=ENOSPC", "segment.write=EIO", "index.commit=EROFS", "segment.read=EIO"],
)
async def test_a_fault_under_load_fails_nobody_and_passes(tmp_path, fault):
    path, fault_file = tmp_path / "flash", tmp_path / "faults"
    workers = [start(path, seed, 100_000, fault_file) for seed in range(2)]
    for worker in workers:
        lines_of(worker, "kept", 20)
    fault_file.write_text(fault + "\n")
    for worker in workers:
        lines_of(worker, "bypass", 1)
    fault_file.unlink()
    for worker in workers:
        lines_of(worker, "healthy", 1)
        lines_of(worker, "kept", 20)
        worker.kill()
        worker.communicate()
    await assert_sound(path)


@pytest.mark.parametrize("is_moved", [True, False])
async def test_a_directory_deleted_under_live_processes_is_made_anew_by_one(tmp_path, is_moved):
    path = tmp_path / "flash"
    workers = [start(path, seed, 100_000) for seed in range(2)]
    for worker in workers:
        lines_of(worker, "kept", 20)
    if is_moved:
        path.rename(tmp_path / "elsewhere")
    else:
        shutil.rmtree(path, ignore_errors=True)
    for worker in workers:
        lines_of(worker, "bypass", 1)
        lines_of(worker, "healthy", 1)
        lines_of(worker, "kept", 20)
        worker.kill()
        worker.communicate()
    await assert_sound(path)


async def test_all_killed_at_once_under_load_keep_their_warm_hits(tmp_path):
    workers = [start(tmp_path, seed, 100_000) for seed in range(2)]
    acknowledged = set()
    for worker in workers:
        assert worker.stdout is not None
        for line in worker.stdout:
            acknowledged |= kept(line)
            if len(acknowledged) > 30:
                break
    for worker in workers:
        worker.kill()
    for worker in workers:
        output, _ = worker.communicate()
        acknowledged |= kept(output)
    assert await assert_sound(tmp_path, acknowledged)
