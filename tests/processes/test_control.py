"""The control channel: what one end sends the other receives, and an end is told."""

import asyncio
import socket
from pathlib import Path

import pytest

from gateway.processes.child import worker_environment
from gateway.processes.control import Channel, Start, reload_message, settings_of
from gateway.processes.worker import Orders
from gateway.settings.tree import Settings

SETTINGS = Settings.model_validate(
    {
        "origin": {"access_key": "ok", "secret_key": "os"},
        "identities": [
            {"name": f"n{n}", "access_key": f"k{n}", "secret_key": "s" * 40, "policy": "admin"}
            for n in range(5000)
        ],
    }
)


@pytest.fixture
async def channels():
    ends = [await Channel.open(end) for end in socket.socketpair()]
    yield ends
    for end in ends:
        end.close()


async def test_a_worker_is_told_all_it_needs_secrets_included(channels):
    start = Start(SETTINGS, 3, 9000, Path("/m/worker-3"))
    ours, theirs = channels
    message = start.message()
    received = []

    async def receive():
        received.append(await theirs.receive())

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(ours.send(message))
        tasks.create_task(receive())
    again = Start.of_message(received[0])
    assert again == start
    assert again.settings.origin.secret_key.get_secret_value() == "os"


async def test_a_peer_that_is_gone_is_told_and_does_no_harm(channels):
    ours, theirs = channels
    theirs.close()
    assert await ours.receive() is None
    await ours.send({"stop": True})


async def test_orders_are_followed_until_the_end(channels):
    ours, theirs = channels
    orders = Orders(theirs)
    await ours.send(reload_message(Settings()))
    await ours.send({"stop": True})
    ours.close()
    await orders.follow()
    assert orders.stop.is_set()
    assert not orders.is_orphan
    assert await anext(orders.reloads()) == Settings()


async def test_an_end_without_an_order_to_stop_makes_an_orphan_that_stops(channels):
    ours, theirs = channels
    orders = Orders(theirs)
    ours.close()
    await orders.follow()
    assert orders.is_orphan
    assert orders.stop.is_set()


def test_settings_survive_the_channel():
    assert settings_of(reload_message(SETTINGS)["reload"]) == SETTINGS


def test_the_environment_of_workers_holds_no_settings():
    environ = {
        "PATH": "/bin",
        "PYTHONPATH": "/lib",
        "FOREBAY_ORIGIN__SECRET_KEY": "s",
        "FOREBAY_TEST_FAULTS": "f",
    }
    given = worker_environment(environ)
    assert "FOREBAY_ORIGIN__SECRET_KEY" not in given
    assert given["FOREBAY_TEST_FAULTS"] == "f"
    assert given["PATH"] == "/bin"
    assert given["PYTHONPATH"].endswith(":/lib")
