"""A real mount of a real process: what is read, listed and refused, and how it comes and goes."""

import errno
import mmap
import os
import random
import signal
import stat
import threading
from pathlib import Path
from typing import Any

import pytest

from tests.support.gateway_process import gateway_process, write_settings
from tests.support.mount_process import (
    AS_ADMIN,
    BUCKET,
    mount_process,
    run_forebay,
    why_not,
)
from tests.support.waiting import wait_until

pytestmark = pytest.mark.skipif(bool(why_not()), reason=why_not() or "it can be mounted here")
BODY = random.Random(6).randbytes(5 * 1024 * 1024 + 17)


def put(s3: Any, key: str, body: bytes, **more: Any) -> None:
    s3.put_object(Bucket=BUCKET, Key=key, Body=body, **more)


def names_in(path: Path) -> list[str]:
    return sorted(one.name for one in path.iterdir())


def refused(call: Any) -> int:
    try:
        call()
    except OSError as error:
        return error.errno or 0
    raise AssertionError("it was not refused")


def test_a_file_is_read_whole_in_parts_and_by_mmap(mount, s3):
    put(s3, "read/big", BODY)
    path = mount.path / "read" / "big"
    assert path.read_bytes() == BODY
    assert path.read_bytes() == BODY
    with path.open("rb") as file:
        chance = random.Random(1)
        for _ in range(50):
            at = chance.randrange(len(BODY))
            assert os.pread(file.fileno(), 5000, at) == BODY[at : at + 5000]
        for kind in (mmap.MAP_SHARED, mmap.MAP_PRIVATE):
            with mmap.mmap(file.fileno(), 0, flags=kind, prot=mmap.PROT_READ) as mapped:
                assert mapped[1_000_000:1_000_100] == BODY[1_000_000:1_000_100]
                assert mapped[:] == BODY


def test_many_readers_at_once_each_get_their_bytes(mount, s3):
    put(s3, "read/shared", BODY)
    path, wrong = mount.path / "read" / "shared", []

    def read(seed: int) -> None:
        chance = random.Random(seed)
        with path.open("rb", buffering=0) as file:
            for _ in range(20):
                at = chance.randrange(len(BODY))
                if os.pread(file.fileno(), 100_000, at) != BODY[at : at + 100_000]:
                    wrong.append(at)

    threads = [threading.Thread(target=read, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_directory_lists_its_entries_with_attributes(mount, s3):
    metadata = {"file-permissions": "0100640", "file-owner": "1234", "file-mtime": "1700000000s"}
    put(s3, "list/a", b"12345", Metadata=metadata)
    put(s3, "list/sub/x", b"1")
    assert names_in(mount.path / "list") == ["a", "sub"]
    found = (mount.path / "list" / "a").stat()
    assert (stat.S_IMODE(found.st_mode), found.st_uid, found.st_size) == (0o640, 1234, 5)
    assert found.st_mtime == 1_700_000_000
    assert (mount.path / "list" / "sub").is_dir()


def test_a_large_directory_is_listed_whole(mount, origin, s3):
    names = [f"f{number:05}" for number in range(1100)]
    for name in names:
        put(s3, f"large/{name}", b"")
    assert names_in(mount.path / "large") == names


def test_the_next_open_sees_what_somebody_else_wrote_and_an_open_file_does_not(mount, s3):
    put(s3, "fresh/a", b"before")
    path = mount.path / "fresh" / "a"
    with path.open("rb", buffering=0) as file:
        assert file.read(3) == b"bef"
        put(s3, "fresh/a", b"AFTERWARDS")
        assert path.read_bytes() == b"AFTERWARDS"
        assert file.read(10) == b"ore"
    assert path.read_bytes() == b"AFTERWARDS"
    assert path.stat().st_size == 10


def test_the_page_cache_never_mixes_two_versions(mount, s3):
    path = mount.path / "fresh" / "mixed"
    for number in range(20):
        body = bytes([number]) * 300_000
        put(s3, "fresh/mixed", body)
        assert path.read_bytes() == body


def test_what_is_gone_is_gone(mount, s3):
    put(s3, "fresh/gone", b"1")
    path = mount.path / "fresh" / "gone"
    assert path.exists()
    s3.delete_object(Bucket=BUCKET, Key="fresh/gone")
    assert not path.exists()
    assert refused(path.read_bytes) == errno.ENOENT


def test_errors_are_those_of_the_manual(mount, s3):
    put(s3, "errors/a", b"1")
    errors = mount.path / "errors"
    assert refused((errors / "none").read_bytes) == errno.ENOENT
    assert refused((errors / "a" / "b").read_bytes) == errno.ENOTDIR
    assert refused(errors.read_bytes) == errno.EISDIR
    assert refused((errors / ("x" * 256)).read_bytes) == errno.ENAMETOOLONG
    assert refused(lambda: os.open(os.fsencode(errors) + b"/\xff", 0)) == errno.EILSEQ


def test_there_is_room_without_end(mount):
    found = os.statvfs(mount.path)
    assert found.f_bavail * found.f_frsize >= 1 << 50
    assert found.f_namemax == 255


def test_an_identity_without_rights_is_told_eacces(tables, s3, tmp_path: Path):
    put(s3, "denied", b"1")
    with mount_process(tables, tmp_path, "--identity", "stranger") as mount:
        assert refused(lambda: names_in(mount.path)) == errno.EACCES
        assert refused((mount.path / "denied").read_bytes) == errno.EACCES
        assert refused((mount.path / "not-there").read_bytes) == errno.EACCES


def test_a_reader_may_read_and_neither_list_nor_learn(tables, s3, tmp_path: Path):
    put(s3, "readable", b"secret?")
    identities = [
        {
            "name": "half",
            "access_key": "half-key",
            "secret_key": "half/secret",
            "policy": [
                {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": BUCKET},
                {"Effect": "Allow", "Action": "s3:GetObject", "Resource": f"{BUCKET}/list/*"},
            ],
        }
    ]
    with mount_process({**tables, "identities": identities}, tmp_path) as mount:
        assert "readable" in names_in(mount.path)
        assert refused((mount.path / "readable").read_bytes) == errno.EACCES
        put(s3, "list/allowed", b"yes")
        assert (mount.path / "list" / "allowed").read_bytes() == b"yes"


def test_sigterm_unmounts(tables, s3, tmp_path: Path):
    with mount_process(tables, tmp_path, *AS_ADMIN) as mount:
        assert mount.terminate() == 0
        assert not mount.is_mounted()


def test_a_killed_mount_is_taken_over(tables, s3, tmp_path: Path):
    put(s3, "again", b"1")
    with mount_process(tables, tmp_path, *AS_ADMIN) as first:
        first.kill()
        assert refused(lambda: names_in(first.path)) == errno.ENOTCONN
        with mount_process(tables, tmp_path, *AS_ADMIN) as second:
            assert (second.path / "again").read_bytes() == b"1"


def test_it_mounts_in_the_background_and_umount_takes_it_away(tables, s3, tmp_path: Path):
    put(s3, "prefix/deep/a", b"1")
    settings = tmp_path / "forebay.toml"
    write_settings(settings, tables)
    at = tmp_path / "mnt"
    at.mkdir()
    config = ("--config", str(settings))
    done = run_forebay(tmp_path, "mount", *config, *AS_ADMIN, f"s3://{BUCKET}/prefix", str(at))
    try:
        assert (done.returncode, done.stderr) == (0, "")
        assert f"is mounted on {at}" in done.stdout
        assert (at / "deep" / "a").read_bytes() == b"1"
        twice = run_forebay(tmp_path, "mount", *config, *AS_ADMIN, f"s3://{BUCKET}", str(at))
        assert twice.returncode == 1
        assert "is mounted on" in twice.stderr
    finally:
        taken = run_forebay(tmp_path, "umount", str(at))
    assert (taken.returncode, taken.stderr) == (0, "")
    assert list(at.iterdir()) == []
    again = run_forebay(tmp_path, "umount", str(at))
    assert again.returncode == 1
    assert "nothing of Forebay's is mounted" in again.stderr


def test_a_mount_in_the_background_keeps_nothing_that_its_caller_had_open(tables, tmp_path: Path):
    write_settings(tmp_path / "forebay.toml", tables)
    at = tmp_path / "mnt"
    at.mkdir()
    words = ("mount", "--config", "forebay.toml", *AS_ADMIN, f"s3://{BUCKET}", str(at))
    reading, writing = os.pipe()
    try:
        done = run_forebay(tmp_path, *words, keeps=(writing,))
        os.close(writing)
        assert (done.returncode, done.stderr) == (0, "")
        assert at.is_mount()
        with os.fdopen(reading, "rb") as held:
            assert held.read() == b""  # ends, since nobody has the other end any more
    finally:
        assert run_forebay(tmp_path, "umount", str(at)).returncode == 0


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("s3://bucket", "none"), "is no directory"),
        (("http://bucket", ".", *AS_ADMIN), "is no place"),
        (("s3://bucket", ".", "--identity", "nobody"), "There is no identity nobody"),
        (("s3://bucket", "."), "say with --identity"),
        (("s3://bucket", ".", "-o", "colour=red"), "there is no mount option colour=red"),
    ],
)
def test_what_cannot_be_mounted_is_one_sentence(tables, tmp_path: Path, words, sentence):
    settings = tmp_path / "forebay.toml"
    write_settings(settings, tables)
    done = run_forebay(tmp_path, "mount", "--config", str(settings), *words)
    assert done.returncode != 0
    assert sentence in done.stderr
    assert done.stderr.count("\n") == 1
    assert "traceback" not in done.stderr


def test_a_mount_outlives_the_workers_beside_it_and_shares_their_flash(
    tables, origin, s3, tmp_path: Path
):
    put(s3, "immutable/shared", BODY)
    with (
        gateway_process(tables, tmp_path) as gateway,
        mount_process(tables, tmp_path, *AS_ADMIN) as mount,
    ):
        path = mount.path / "immutable" / "shared"
        assert path.read_bytes() == BODY
        gateway.signal(signal.SIGTERM)
        gateway.wait_exit()
        assert path.read_bytes() == BODY


def test_a_reload_puts_other_identities_in_force(tables, s3, tmp_path: Path):
    put(s3, "reload/a", b"1")
    with mount_process(tables, tmp_path, *AS_ADMIN) as mount:
        assert (mount.path / "reload" / "a").read_bytes() == b"1"
        others = [one for one in tables["identities"] if one["name"] != "admin"]
        write_settings(tmp_path / "mnt.toml", {**tables, "identities": others})
        mount.process.send_signal(signal.SIGHUP)

        def is_refused() -> bool:
            try:
                (mount.path / "reload" / "a").read_bytes()
            except PermissionError:
                return True
            return False

        wait_until(is_refused)


def test_what_is_shown_can_be_chosen(tables, s3, tmp_path: Path):
    put(s3, "shown/a", b"1")
    options = ("--uid", "4321", "--gid", "8765", "--umask", "027", "--read-only")
    with mount_process(tables, tmp_path, *AS_ADMIN, *options) as mount:
        found = (mount.path / "shown" / "a").stat()
        assert (found.st_uid, found.st_gid) == (4321, 8765)
        assert stat.S_IMODE(found.st_mode) == 0o640
        assert stat.S_IMODE((mount.path / "shown").stat().st_mode) == 0o750
        assert refused(lambda: (mount.path / "shown" / "b").write_bytes(b"")) == errno.EROFS


def test_every_bucket_is_shown_under_its_own_name(tables, s3, tmp_path: Path):
    put(s3, "all/a", b"1")
    with mount_process(tables, tmp_path, *AS_ADMIN, source="s3://") as mount:
        assert BUCKET in names_in(mount.path)
        assert (mount.path / BUCKET / "all" / "a").read_bytes() == b"1"


def test_the_metrics_are_kept_in_a_file(tables, tmp_path: Path):
    path = tmp_path / "forebay.prom"
    with mount_process(tables, tmp_path, *AS_ADMIN, "--metrics", str(path)):
        text = wait_until(lambda: path.is_file() and path.read_text())
    assert "forebay_mount_handles" in text
