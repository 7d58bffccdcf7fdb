"""Mountpoints: the mount table as the kernel writes it."""

from pathlib import Path

import pytest

from gateway.doors.fuse import mountpoints
from gateway.doors.fuse.mountpoints import MountpointError, find_mounted, mounted, prepare

_TABLE = (
    "22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw\n"
    "90 22 0:45 / /mnt/a\\040b rw - fuse.forebay s3://bucket/x\\040y rw,user_id=0\n"
    "91 22 0:46 / /mnt/a\\040b rw - tmpfs tmpfs rw\n"
)


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "mountinfo"
    path.write_text(_TABLE)
    monkeypatch.setattr(mountpoints, "_TABLE", path)
    return path


def test_the_mount_table_is_read_with_its_escapes(table):
    assert [one.path for one in mounted()] == ["/", "/mnt/a b", "/mnt/a b"]
    assert mounted()[1].source == "s3://bucket/x y"
    assert mounted()[1].device == "0:45"


def test_the_topmost_mount_counts(table):
    found = find_mounted(Path("/mnt/a b"))
    assert found is not None
    assert found.kind == "tmpfs"
    assert find_mounted(Path("/mnt")) is None


def test_a_place_that_is_no_directory_is_refused_in_words(tmp_path: Path):
    with pytest.raises(MountpointError, match="no directory"):
        prepare(tmp_path / "none")


def test_a_place_that_is_mounted_already_is_refused(tmp_path: Path, table):
    table.write_text(f"9 1 0:45 / {tmp_path} rw - fuse.forebay s3://bucket rw\n")
    with pytest.raises(MountpointError, match="s3://bucket is mounted on"):
        prepare(tmp_path)
