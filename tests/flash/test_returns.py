"""What comes back from the disk is proven again, whichever process, or the kernel, brought it."""

import os

import pytest
from awscrt.checksums import crc32c

from gateway.flash.faults import Faults
from gateway.flash.readers import Readers
from gateway.flash.residency import is_resident
from gateway.flash.returns import Returns
from gateway.flash.rows import Extent

CHUNK = 256 * 1024
DATA = os.urandom(4 * CHUNK)
EXTENTS = [
    Extent(1, number * CHUNK, CHUNK, crc32c(DATA[number * CHUNK : (number + 1) * CHUNK]))
    for number in range(4)
]
BODY = bytes(16)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "00000001.seg").write_bytes(DATA)
    with (tmp_path / "00000001.seg").open("rb") as file:
        os.fsync(file.fileno())
    descriptor = os.open(tmp_path, os.O_RDONLY)
    yield descriptor
    os.close(descriptor)


@pytest.fixture
def processes(folder):
    """Give the readers of two processes that share a directory."""
    both = [Readers(folder, Faults(), Returns(folder)) for _ in range(2)]
    yield both
    for one in both:
        one.close()


def rot(folder, extent):
    """Change the bytes on the disk, and let memory forget all of the file."""
    descriptor = os.open("00000001.seg", os.O_RDWR, dir_fd=folder)
    os.pwrite(descriptor, b"rot", extent.offset + 1000)
    os.fsync(descriptor)
    os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(descriptor)


def serves(readers, extent):
    """Return whether a process would send the extent without judging it."""
    return readers.is_known(extent) and readers.is_resident(extent)


def test_a_proof_holds_while_the_bytes_stay(processes):
    one, other = processes
    assert one.prove(BODY, 0, EXTENTS[0])
    assert other.prove(BODY, 0, EXTENTS[0])
    assert serves(one, EXTENTS[0])
    assert serves(other, EXTENTS[0])


def test_trap_what_another_process_brought_back_is_not_proven(processes, folder):
    one, other = processes
    for readers in processes:
        assert readers.prove(BODY, 1, EXTENTS[1])
    rot(folder, EXTENTS[1])
    assert not other.prove(BODY, 1, EXTENTS[1])
    assert one.is_resident(EXTENTS[1])
    assert not serves(one, EXTENTS[1])
    assert not one.prove(BODY, 1, EXTENTS[1])


def test_nor_what_this_one_found_wrong(processes, folder):
    one, _ = processes
    assert one.prove(BODY, 1, EXTENTS[1])
    rot(folder, EXTENTS[1])
    assert not one.prove(BODY, 1, EXTENTS[1])
    assert not serves(one, EXTENTS[1])


def test_nor_what_the_scrub_brought_back(processes, folder):
    one, other = processes
    assert one.prove(BODY, 1, EXTENTS[1])
    rot(folder, EXTENTS[1])
    assert not other.is_right_on_flash(EXTENTS[1])
    assert not serves(one, EXTENTS[1])


def test_trap_the_kernel_reads_nothing_ahead_that_would_pass_for_proven(processes, folder):
    one, other = processes
    for readers in processes:
        for number, extent in enumerate(EXTENTS):
            assert readers.prove(BODY, number, extent)
    rot(folder, EXTENTS[1])
    # Chunk 1 lies behind chunk 0, where readahead would bring it along.
    for readers in processes:
        assert readers.prove(BODY, 0, EXTENTS[0])
        assert readers.read_now(EXTENTS[0], 0, 100) == DATA[:100]
    assert not serves(one, EXTENTS[1])
    assert not serves(other, EXTENTS[1])
    descriptor = os.open("00000001.seg", os.O_RDONLY, dir_fd=folder)
    assert not is_resident(descriptor, EXTENTS[1].offset + 8192, 8192)
    os.close(descriptor)


def test_what_is_right_is_proven_again_at_the_next_read(processes, folder):
    one, other = processes
    assert one.prove(BODY, 2, EXTENTS[2])
    rot(folder, EXTENTS[1])
    assert other.prove(BODY, 2, EXTENTS[2])
    assert not serves(one, EXTENTS[2])
    assert one.prove(BODY, 2, EXTENTS[2])
    assert serves(one, EXTENTS[2])
    assert serves(other, EXTENTS[2])
