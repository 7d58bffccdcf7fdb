"""A real mount beside strangers, who write to the same objects: nothing of theirs is lost."""

import errno
import os
import random
from pathlib import Path

import pytest

from tests.doors.fuse.test_mount import BODY, put, refused
from tests.doors.fuse.test_mount_writes import body
from tests.support.mount_process import AS_ADMIN, mount_process, why_not
from tests.support.waiting import wait_until

pytestmark = pytest.mark.skipif(bool(why_not()), reason=why_not() or "it can be mounted here")


def test_who_changed_a_file_beside_a_stranger_is_told_by_close_and_fsync(mount, s3):
    for act in ("fsync", "close"):
        put(s3, "lost/a", b"0123456789")
        number = os.open(mount.path / "lost" / "a", os.O_RDWR)
        os.pwrite(number, b"mine", 3)
        put(s3, "lost/a", b"theirs")
        if act == "fsync":
            assert refused(lambda: os.fsync(number)) == errno.ESTALE  # noqa: B023 - called here
        assert refused(lambda: os.close(number)) == errno.ESTALE  # noqa: B023 - called here
        assert body(s3, "lost/a") == b"theirs"
        assert (mount.path / "lost" / "a").read_bytes() == b"theirs"


def test_of_two_mounts_that_change_a_file_the_second_to_close_is_told(
    mount, tables, s3, tmp_path: Path
):
    put(s3, "lost/b", b"one\n")
    with mount_process(tables, tmp_path, *AS_ADMIN) as other:
        numbers = [os.open(one.path / "lost" / "b", os.O_RDWR) for one in (mount, other)]
        for at, number in enumerate(numbers):
            os.pwrite(number, b"12"[at : at + 1], 4)
        os.close(numbers[0])
        assert refused(lambda: os.close(numbers[1])) == errno.ESTALE
        for one in (mount, other):
            assert (one.path / "lost" / "b").read_bytes() == b"one\n1"


def test_a_file_that_is_written_anew_is_the_last_closes(mount, s3):
    put(s3, "lost/c", b"old")
    with (mount.path / "lost" / "c").open("wb", buffering=0) as file:
        file.write(b"anew")
        put(s3, "lost/c", b"theirs")
        os.fsync(file.fileno())
        assert body(s3, "lost/c") == b"anew"
        file.write(b" and on")
    assert body(s3, "lost/c") == b"anew and on"


def test_a_mode_is_set_of_what_a_stranger_wrote(mount, s3):
    put(s3, "lost/d", b"old")
    path = mount.path / "lost" / "d"
    with path.open("rb"):
        put(s3, "lost/d", b"theirs")
        path.chmod(0o604)
    assert (path.read_bytes(), path.stat().st_mode & 0o777) == (b"theirs", 0o604)


def test_a_file_too_large_to_be_kept_is_removed_and_read_on_as_far_as_flash_has_it(
    tables, s3, tmp_path: Path
):
    whole = random.Random(4).randbytes(3 << 20)
    small = {**tables, "mount": {"staged_bytes_max": "1MiB"}}
    with mount_process(small, tmp_path, *AS_ADMIN) as mount:
        for name in ("cold", "warm"):
            put(s3, f"lost/{name}", whole)
        cold, warm = (mount.path / "lost" / name for name in ("cold", "warm"))
        with cold.open("rb", buffering=0) as first, warm.open("rb", buffering=0) as second:
            assert first.read(4096) == whole[:4096]
            assert second.readall() == whole
            for path in (cold, warm):
                path.unlink()
            os.posix_fadvise(second.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
            assert os.pread(second.fileno(), len(whole), 0) == whole
            assert refused(lambda: os.pread(first.fileno(), 9, 2 << 20)) == errno.ESTALE
    assert (body(s3, "lost/cold"), body(s3, "lost/warm")) == (None, None)


def test_what_a_mount_learns_of_a_stranger_its_kernel_learns_at_once(mount, s3):
    for act in ("close", "read"):
        key = f"bounded/{act}"  # believed for 30 s
        put(s3, key, BODY)
        path = mount.path / key
        number = os.open(path, os.O_RDWR)
        assert path.stat().st_size == len(BODY)
        put(s3, key, b"theirs")
        assert path.stat().st_size == len(BODY)
        if act == "close":
            os.ftruncate(number, 0)
            assert refused(lambda: os.close(number)) == errno.ESTALE  # noqa: B023 - called here
        else:
            assert refused(lambda: os.pread(number, 9, 4 << 20)) == errno.ESTALE  # noqa: B023
        wait_until(lambda: path.stat().st_size == 6)  # noqa: B023 - called here
        assert path.read_bytes() == b"theirs"
        if act == "read":
            os.close(number)


def test_a_mode_is_set_of_what_a_stranger_wrote_although_the_name_is_believed(mount, s3):
    put(s3, "bounded/mode", b"old")
    path = mount.path / "bounded" / "mode"
    assert path.read_bytes() == b"old"
    put(s3, "bounded/mode", b"theirs")
    path.chmod(0o604)
    assert (path.read_bytes(), path.stat().st_mode & 0o777) == (b"theirs", 0o604)
