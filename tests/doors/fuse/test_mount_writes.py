"""A real mount that is written to: what other doors see, and when; what a killed mount leaves."""

import errno
import fcntl
import os
import random
import socket
import stat
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.support.mount_process import AS_ADMIN, BUCKET, mount_process, why_not

pytestmark = pytest.mark.skipif(bool(why_not()), reason=why_not() or "it can be mounted here")
MIB = 1 << 20


def body(s3: Any, key: str) -> bytes | None:
    """Return what the origin has; None: nothing."""
    try:
        return s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
    except s3.exceptions.NoSuchKey:
        return None


def test_a_file_is_at_the_origin_when_close_has_returned_and_not_before(mount, s3):
    path = mount.path / "close-a"
    with path.open("wb", buffering=0) as file:
        file.write(b"hello")
        assert body(s3, "close-a") is None
        assert path.stat().st_size == 5
        assert path.read_bytes() == b"hello"
    assert body(s3, "close-a") == b"hello"
    assert path.read_bytes() == b"hello"


def test_fsync_returns_when_the_origin_has_it(mount, s3):
    with (mount.path / "fsync-a").open("wb", buffering=0) as file:
        file.write(b"one")
        os.fsync(file.fileno())
        assert body(s3, "fsync-a") == b"one"
        file.write(b"two")
    assert body(s3, "fsync-a") == b"onetwo"


def test_appending_changing_and_cutting_do_what_they_do_on_a_disk(mount, s3):
    path = mount.path / "change-a"
    model = bytearray(random.Random(2).randbytes(3 * MIB))
    path.write_bytes(model)
    with path.open("r+b") as file:
        file.seek(MIB)
        file.write(b"in the middle")
        model[MIB : MIB + 13] = b"in the middle"
    assert body(s3, "change-a") == model
    with path.open("ab") as file:
        file.write(b"at the end")
        model += b"at the end"
    assert body(s3, "change-a") == model
    os.truncate(path, 2 * MIB)
    del model[2 * MIB :]
    assert body(s3, "change-a") == model
    os.truncate(path, 2 * MIB + 10)
    model += bytes(10)
    assert body(s3, "change-a") == model
    assert path.read_bytes() == model


def test_a_large_file_goes_up_while_it_is_written(mount, s3, origin):
    path, whole = mount.path / "large-a", random.Random(3).randbytes(40 * MIB)
    with path.open("wb", buffering=0) as file:
        for at in range(0, len(whole), MIB):
            file.write(whole[at : at + MIB])
        uploads = s3.list_multipart_uploads(Bucket=BUCKET).get("Uploads", [])
        assert [one["Key"] for one in uploads] == ["large-a"]
    assert body(s3, "large-a") == whole
    assert s3.list_multipart_uploads(Bucket=BUCKET).get("Uploads", []) == []


def test_an_fsync_of_a_large_file_that_grows_costs_what_was_added(mount, s3, origin):
    path, whole = mount.path / "log-a", random.Random(5).randbytes(20 * MIB)
    s3.put_object(Bucket=BUCKET, Key="log-a", Body=whole)
    origin.counters.reset()
    with path.open("ab", buffering=0) as file:
        for line in (b"one\n", b"two\n", b"three\n"):
            file.write(line)
            os.fsync(file.fileno())
            whole += line
            assert path.stat().st_size == len(whole)
            with path.open("rb", buffering=0) as reading:
                assert os.pread(reading.fileno(), 100, len(whole) - 20) == whole[-20:]
    counters = origin.counters
    assert counters.operations["UploadPartCopy"] == 3
    assert counters.body_bytes_received + counters.body_bytes_sent < 2 * MIB
    assert path.read_bytes() == whole
    assert body(s3, "log-a") == whole


def test_what_a_mount_wrote_another_mount_sees_at_its_next_open(mount, tables, s3, tmp_path: Path):
    with mount_process(tables, tmp_path, *AS_ADMIN) as other:
        (mount.path / "two-a").write_bytes(b"first")
        assert (other.path / "two-a").read_bytes() == b"first"
        (other.path / "two-a").write_bytes(b"second!")
        assert (mount.path / "two-a").read_bytes() == b"second!"
        (other.path / "two-a").chmod(0o600)
        assert (mount.path / "two-a").stat().st_mode & 0o777 == 0o600


def test_modes_owners_times_and_xattrs_travel_in_the_metadata(mount, s3):
    path = mount.path / "meta-a"
    path.write_bytes(b"1")
    path.chmod(0o751)
    os.chown(path, 1234, 2345)
    os.utime(path, ns=(1_600_000_000_123_456_789, 1_500_000_000_987_654_321))
    os.setxattr(path, "user.colour", b"red")
    metadata = s3.head_object(Bucket=BUCKET, Key="meta-a")["Metadata"]
    assert metadata["file-permissions"] == "0100751"
    assert metadata["file-owner"] == "1234"
    assert metadata["file-mtime"] == "1500000000987654321ns"
    found = path.stat()
    assert (found.st_uid, found.st_gid, found.st_mtime_ns) == (1234, 2345, 1500000000987654321)
    assert os.getxattr(path, "user.colour") == b"red"
    os.removexattr(path, "user.colour")
    assert os.listxattr(path) == []


def test_directories_and_links_are_made(mount, s3):
    folder = mount.path / "made"
    folder.mkdir(mode=0o750)
    assert folder.stat().st_mode & 0o777 == 0o750
    assert list(folder.iterdir()) == []
    (folder / "link").symlink_to("../close-a")
    assert (folder / "link").readlink() == Path("../close-a")
    with pytest.raises(FileExistsError):
        folder.mkdir()
    with pytest.raises(PermissionError) as raised:
        os.link(folder / "link", folder / "hard")
    assert raised.value.errno == errno.EPERM


def test_pipes_sockets_and_devices_are_made_and_moved_and_are_empty_objects(mount, s3):
    folder = mount.path / "special"
    folder.mkdir()
    os.mkfifo(folder / "pipe", 0o640)
    with socket.socket(socket.AF_UNIX) as listening, socket.socket(socket.AF_UNIX) as asking:
        listening.bind(str(folder / "socket"))
        listening.listen()
        asking.connect(str(folder / "socket"))
    (folder / "pipe").chmod(0o600)
    (folder / "pipe").rename(folder / "moved")
    kinds = {one.name: stat.S_IFMT(one.lstat().st_mode) for one in folder.iterdir()}
    assert kinds == {"moved": stat.S_IFIFO, "socket": stat.S_IFSOCK}
    assert stat.S_IMODE((folder / "moved").stat().st_mode) == 0o600
    reading = os.open(folder / "moved", os.O_RDONLY | os.O_NONBLOCK)
    with (folder / "moved").open("wb", buffering=0) as writing:
        writing.write(b"through the kernel")
    assert os.read(reading, 100) == b"through the kernel"
    os.close(reading)
    assert body(s3, "special/moved") == b""
    said = s3.head_object(Bucket=BUCKET, Key="special/moved")["Metadata"]
    assert said["file-permissions"] == "0010600"


def test_an_error_of_the_origin_is_told_by_close(mount, s3, origin, tables, tmp_path: Path):
    policy = [
        {"Effect": "Allow", "Action": "s3:*", "Resource": [BUCKET, f"{BUCKET}/*"]},
        {"Effect": "Deny", "Action": "s3:PutObject", "Resource": f"{BUCKET}/denied/*"},
    ]
    one = {"name": "part", "access_key": "part-key", "secret_key": "part/secret", "policy": policy}
    s3.put_object(Bucket=BUCKET, Key="denied/a", Body=b"old")
    with mount_process({**tables, "identities": [one]}, tmp_path) as other:
        with pytest.raises(PermissionError):
            (other.path / "denied" / "b").write_bytes(b"1")
        with pytest.raises(PermissionError):
            (other.path / "denied" / "a").write_bytes(b"new")
        with pytest.raises(PermissionError):
            os.open(other.path / "denied" / "a", os.O_RDWR)
        assert (other.path / "denied" / "a").read_bytes() == b"old"
        (other.path / "allowed").write_bytes(b"1")
    assert body(s3, "allowed") == b"1"
    assert body(s3, "denied/a") == b"old"


def test_locks_hold_within_the_mount(mount):
    path = mount.path / "lock-a"
    path.write_bytes(b"1")
    with path.open("r+b") as first, path.open("r+b") as second:
        fcntl.flock(first, fcntl.LOCK_EX)
        with pytest.raises(BlockingIOError):
            fcntl.flock(second, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_what_is_open_is_at_the_origin_when_a_mount_is_told_to_end(tables, s3, tmp_path: Path):
    with mount_process(tables, tmp_path, *AS_ADMIN) as mount:
        file = (mount.path / "ending-a").open("wb", buffering=0)
        file.write(b"not closed yet")
        assert mount.terminate() == 0
        with suppress(OSError):  # the mount is gone
            file.close()
    assert body(s3, "ending-a") == b"not closed yet"


def test_a_killed_mount_leaves_what_was_closed_and_nothing_of_what_was_not(
    tables, s3, tmp_path: Path
):
    with mount_process(tables, tmp_path, *AS_ADMIN) as mount:
        (mount.path / "kill-closed").write_bytes(b"whole")
        file = (mount.path / "kill-open").open("wb", buffering=0)
        file.write(b"half")
        over = (mount.path / "kill-closed").open("r+b", buffering=0)
        over.write(b"WH")
        mount.kill()
        for one in (file, over):
            with suppress(OSError):  # the mount is gone
                one.close()
        with mount_process(tables, tmp_path, *AS_ADMIN) as again:
            assert (again.path / "kill-closed").read_bytes() == b"whole"
            assert not (again.path / "kill-open").exists()
    assert body(s3, "kill-open") is None


def test_eight_writers_at_once_lose_nothing(mount, s3):
    (mount.path / "crowd").mkdir()
    failed: list[str] = []

    def work(number: int) -> None:
        chance = random.Random(number)
        for count in range(25):
            path = mount.path / "crowd" / f"{number}-{count}"
            wanted = chance.randbytes(chance.randrange(30_000))
            path.write_bytes(wanted)
            if path.read_bytes() != wanted or body(s3, f"crowd/{path.name}") != wanted:
                failed.append(path.name)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert len(list((mount.path / "crowd").iterdir())) == 200
