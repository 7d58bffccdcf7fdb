"""A mount is told to end while the kernel asks it something: it ends well in any case."""

import asyncio

import pytest

pyfuse3 = pytest.importorskip("pyfuse3", reason="pyfuse3 is not built here")
channel = pytest.importorskip("pyfuse3.asyncio", reason="pyfuse3 is not built here")


async def test_a_call_that_comes_in_just_then_does_not_make_the_end_a_failure(monkeypatch):
    from gateway.doors.fuse import kernel  # noqa: PLC0415 - needs pyfuse3

    descriptor = 2**20
    reader = asyncio.get_running_loop().create_future()
    reader.set_result(None)  # the channel can be read, and its reader has not run yet
    monkeypatch.setitem(channel._read_futures, descriptor, {reader})
    monkeypatch.setattr(pyfuse3, "terminate", lambda: channel.notify_closing(descriptor))
    kernel.stop()
    assert reader.result() is None
