"""A real mount whose names move and go, with files open meanwhile; and programs that rely on it."""

import errno
import os
import random
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.support.mount_process import BUCKET, why_not

pytestmark = pytest.mark.skipif(bool(why_not()), reason=why_not() or "it can be mounted here")


def keys(s3: Any, prefix: str) -> list[str]:
    found = s3.list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", [])
    return [one["Key"].removeprefix(prefix) for one in found]


def test_a_file_that_is_saved_by_rename_is_replaced_whole(mount, s3):
    path = mount.path / "save-a"
    path.write_bytes(b"before")
    with path.open("rb", buffering=0) as reading:
        fresh = mount.path / "save-a.new"
        with fresh.open("wb") as file:
            file.write(b"afterwards")
            file.flush()
            os.fsync(file.fileno())
        inode = fresh.stat().st_ino
        fresh.replace(path)
        assert path.stat().st_ino == inode
        assert reading.read() == b"before"
    assert path.read_bytes() == b"afterwards"
    assert keys(s3, "save-a") == [""]


def test_an_unlinked_file_is_read_and_written_on(mount, s3):
    path, whole = mount.path / "unlink-a", random.Random(1).randbytes(300_000)
    path.write_bytes(whole)
    with path.open("r+b", buffering=0) as file:
        path.unlink()
        assert keys(s3, "unlink-a") == []
        assert os.fstat(file.fileno()).st_nlink == 0
        assert file.read() == whole
        file.write(b"more")
        assert os.pread(file.fileno(), 4, len(whole)) == b"more"
    assert not path.exists()
    assert keys(s3, "unlink-a") == []


def test_a_directory_is_moved_with_all_that_is_in_it_and_open(mount, s3):
    folder = mount.path / "move" / "from"
    folder.mkdir(parents=True)
    for number in range(12):
        (folder / f"f{number}").write_bytes(b"x" * number)
    with (folder / "f3").open("rb", buffering=0) as reading, (folder / "w").open("wb") as writing:
        writing.write(b"on its way")
        writing.flush()
        folder.rename(mount.path / "move" / "to")
        assert reading.read() == b"xxx"
        writing.write(b", and moved")
    moved = mount.path / "move" / "to"
    assert not folder.exists()
    assert (moved / "w").read_bytes() == b"on its way, and moved"
    assert len(list(moved.iterdir())) == 13
    assert keys(s3, "move/from/") == []
    shutil.rmtree(mount.path / "move")
    assert keys(s3, "move/") == []


def test_what_stands_there_decides_what_may_be_moved_or_removed(mount):
    base = mount.path / "stand"
    (base / "d" / "e").mkdir(parents=True)
    (base / "f").write_bytes(b"1")
    (base / "empty").mkdir()
    numbers = []
    for call in (
        (base / "d").rmdir,
        (base / "f").rmdir,
        (base / "d").unlink,
        lambda: (base / "f").rename(base / "d"),
        lambda: (base / "d").rename(base / "f"),
        lambda: (base / "empty").rename(base / "d"),
        lambda: (base / "none").rename(base / "other"),
        lambda: (base / "d").rename(base / "d" / "e" / "x"),
    ):
        with pytest.raises(OSError) as raised:
            call()
        numbers.append(errno.errorcode[raised.value.errno])
    assert numbers == [
        "ENOTEMPTY",
        "ENOTDIR",
        "EISDIR",
        "EISDIR",
        "ENOTDIR",
        "ENOTEMPTY",
        "ENOENT",
        "EINVAL",
    ]
    (base / "empty").rename(base / "d" / "e")
    assert list((base / "d" / "e").iterdir()) == []


def test_a_directory_stays_when_its_last_file_goes(mount):
    (mount.path / "stays").mkdir()
    (mount.path / "stays" / "a").write_bytes(b"1")
    (mount.path / "stays" / "a").unlink()
    assert (mount.path / "stays").is_dir()
    (mount.path / "stays").rmdir()
    assert not (mount.path / "stays").exists()


def test_sqlite_commits_rolls_back_and_is_right_when_it_is_opened_anew(mount):
    path = mount.path / "t.db"
    with closing(sqlite3.connect(path)) as database:
        database.execute("create table t (a integer)")
        for number in range(10):
            database.execute("insert into t values (?)", (number,))
            database.commit()
        database.execute("delete from t")
        database.rollback()
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("select sum(a) from t").fetchone() == (45,)
        assert database.execute("pragma integrity_check").fetchone() == ("ok",)
    assert not Path(f"{path}-journal").exists()


def test_a_random_walk_of_operations_is_what_a_disk_does(mount, tmp_path: Path):
    here, there = tmp_path / "walk", mount.path / "walk"
    chance = random.Random(7)
    for base in (here, there):
        base.write_bytes(b"")
    with here.open("r+b", buffering=0) as model, there.open("r+b", buffering=0) as file:
        for _ in range(250):
            at, count = chance.randrange(200_000), chance.randrange(1, 30_000)
            match chance.randrange(6):
                case 0 | 1 | 2:
                    piece = chance.randbytes(count)
                    os.pwrite(model.fileno(), piece, at)
                    os.pwrite(file.fileno(), piece, at)
                case 3:
                    os.ftruncate(model.fileno(), at)
                    os.ftruncate(file.fileno(), at)
                case 4:
                    wanted = os.pread(model.fileno(), count, at)
                    assert os.pread(file.fileno(), count, at) == wanted
                case _:
                    os.fsync(file.fileno())
            assert os.fstat(file.fileno()).st_size == os.fstat(model.fileno()).st_size
    assert there.read_bytes() == here.read_bytes()
