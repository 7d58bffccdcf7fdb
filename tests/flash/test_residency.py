"""What is in memory is told to the page, also where the kernel can only be asked byte by byte."""

import os

import pytest

from gateway.flash import residency
from gateway.flash.residency import is_resident, read_resident

BYTES = 1 << 20


@pytest.fixture
def file(tmp_path):
    data = os.urandom(BYTES)
    with (tmp_path / "file").open("w+b", buffering=0) as opened:
        opened.write(data)
        os.fsync(opened.fileno())
        os.posix_fadvise(opened.fileno(), 0, 0, os.POSIX_FADV_RANDOM)
        yield opened.fileno(), data


def drop(descriptor, offset=0, length=0):
    os.posix_fadvise(descriptor, offset, length, os.POSIX_FADV_DONTNEED)


@pytest.mark.parametrize("is_new_kernel", [True, False])
def test_all_or_nothing(file, monkeypatch, is_new_kernel):
    descriptor, data = file
    if not is_new_kernel:
        monkeypatch.setattr(residency, "_find_cached", lambda *_: None)
    os.pread(descriptor, BYTES, 0)
    assert is_resident(descriptor, 5, BYTES - 5)
    assert read_resident(descriptor, 100, 50) == data[100:150]
    drop(descriptor)
    assert not is_resident(descriptor, 5, BYTES - 5)
    assert read_resident(descriptor, 100, 50) is None


def test_a_single_page_that_is_gone_shows(file):
    descriptor, _ = file
    drop(descriptor)
    os.pread(descriptor, 40 * 4096, 0)
    os.pread(descriptor, BYTES, 41 * 4096)
    assert not is_resident(descriptor, 0, BYTES)
    assert is_resident(descriptor, 0, 40 * 4096)
    assert is_resident(descriptor, 41 * 4096, BYTES - 41 * 4096)
