"""The turns that pyfuse3 is given: one call, one task, and nobody is starved."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

pytest.importorskip("pyfuse3")

from gateway.doors.fuse.waiting import CALLS_MAX, Closed, Waiting


class Calls:
    """A pipe in place of the kernel: a byte is a call."""

    def __init__(self) -> None:
        self.reading, self._writing = os.pipe()
        os.set_blocking(self.reading, False)
        self.waiting = Waiting()
        self.read: list[str] = []
        self.closed = 0

    def ask(self, count: int = 1) -> None:
        os.write(self._writing, b"?" * count)

    async def serve(self, name: str) -> None:
        """Read calls for ever, as pyfuse3's loop does."""
        try:
            while True:
                async with self.waiting.Lock():
                    await self.waiting.lowlevel.wait_readable(self.reading)
                assert os.read(self.reading, 1) == b"?"
                self.read.append(name)
        except Closed:
            self.closed += 1

    def close(self) -> None:
        self.waiting.close()
        os.close(self.reading)
        os.close(self._writing)


@pytest.fixture
async def calls() -> AsyncIterator[Calls]:
    made = Calls()
    yield made
    made.close()


@asynccontextmanager
async def served(calls: Calls, *names: str) -> AsyncIterator[list["asyncio.Task[None]"]]:
    async with asyncio.TaskGroup() as tasks:
        begun = [tasks.create_task(calls.serve(name)) for name in names]
        await turns(1)
        yield begun
        calls.waiting.notify_closing(calls.reading)


async def turns(count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


def turns_until(condition: Any) -> Iterator[None]:
    for _ in range(100):
        if condition():
            return
        yield
    raise AssertionError("it did not come to be")


async def test_each_call_is_read_once_by_who_came_last(calls: Calls):
    async with served(calls, "first", "last"):
        for count in range(1, 4):
            calls.ask()
            for _ in turns_until(lambda: len(calls.read) == count):  # noqa: B023 - used at once
                await turns(1)
    assert calls.read == ["last"] * 3
    assert calls.closed == 2


async def test_a_call_is_read_in_the_turn_in_which_it_is_there(calls: Calls):
    async with served(calls, "it"):
        calls.ask()
        await turns(2)  # we go on, the loop having looked, and go on again
        assert calls.read == ["it"]


async def test_calls_that_wait_are_read_in_a_row_but_leave_others_their_turn(calls: Calls):
    async with served(calls, "it"):
        calls.ask(3 * CALLS_MAX)
        await turns(2)
        assert len(calls.read) == CALLS_MAX + 1
        for _ in turns_until(lambda: len(calls.read) == 3 * CALLS_MAX):
            await turns(1)


async def test_a_call_that_comes_in_as_the_mount_ends_does_not_make_the_end_a_failure(calls: Calls):
    async with served(calls, "it"):
        calls.ask()
        await turns(1)  # the loop has seen the call, and who waits for it has not run yet
    assert (calls.read, calls.closed) == ([], 1)


async def test_a_task_that_is_cancelled_takes_no_call_with_it(calls: Calls):
    async with served(calls, "stays", "goes") as (_, goes):
        goes.cancel()
        calls.ask()
        await turns(3)
        assert goes.cancelled()
        assert calls.read == ["stays"]


async def test_calls_that_nobody_waits_for_wake_nobody(calls: Calls):
    async with served(calls, "it") as (it,):
        it.cancel()
        await turns(2)
        calls.ask()
        await turns(2)
        assert not calls.waiting.is_watched
    async with served(calls, "again"):
        for _ in turns_until(lambda: calls.read == ["again"]):
            await turns(1)
