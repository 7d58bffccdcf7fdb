"""Ports that are taken are stepped over, and said."""

import socket

import pytest

from gateway.demo.stage import stepped_port


def test_a_free_port_is_taken_without_a_word() -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    said: list[str] = []
    assert stepped_port(port, said.append) == port
    assert said == []


def test_a_taken_port_is_stepped_over_and_said() -> None:
    said: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        found = stepped_port(port, said.append)
    assert found > port
    assert said == [f"port {port} is taken, so this uses {found}"]


def test_the_two_ports_differ() -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    assert stepped_port(port, lambda _: None, but=port) > port


def test_any_port_stays_any() -> None:
    assert stepped_port(0, print) == 0


def test_no_port_left_is_said() -> None:
    with (
        socket.create_server(("127.0.0.1", 65535)),
        pytest.raises(RuntimeError, match="no port from 65535 on is free"),
    ):
        stepped_port(65535, print)
