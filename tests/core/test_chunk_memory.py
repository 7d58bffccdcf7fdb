"""Memory for a chunk on its way: writable zeros of any length, large ones in pages of their own."""

import mmap
import weakref

import pytest

from gateway.core.chunk_memory import chunk_memory


@pytest.mark.parametrize("length", [1, 256 * 1024 - 1, 256 * 1024, 1024 * 1024 + 1])
def test_it_is_zeros_that_are_written_over(length: int) -> None:
    memory = chunk_memory(length)
    assert (len(memory), bytes(memory[:9]).strip(b"\0")) == (length, b"")
    memory[length - 1 :] = memoryview(b"x")
    assert memory[-1:] == b"x"


def test_pages_are_given_back_with_the_last_reference() -> None:
    memory = chunk_memory(1024 * 1024)
    assert isinstance(memory.obj, mmap.mmap)
    pages = weakref.ref(memory.obj)
    del memory
    assert pages() is None
