"""The held port: shared by workers, refused where it is another's."""

import socket

import pytest

from gateway.doors.http_server import listening_socket
from gateway.processes.ports import CannotServeError, held_port
from gateway.settings.values import Address


def test_a_found_port_is_held_and_may_be_listened_on_by_many():
    with held_port("s3.listen", Address("127.0.0.1", 0)) as port:
        workers = [listening_socket("127.0.0.1", port) for _ in range(2)]
        for worker in workers:
            worker.listen()
        with socket.create_connection(("127.0.0.1", port)):
            pass
        for worker in workers:
            worker.close()


def test_nobody_listens_while_the_port_is_only_held():
    with (
        held_port("s3.listen", Address("127.0.0.1", 0)) as port,
        pytest.raises(ConnectionRefusedError),
    ):
        socket.create_connection(("127.0.0.1", port))


@pytest.mark.parametrize(
    ("address", "words"),
    [
        (Address("192.0.2.1", 0), "this machine does not have that address"),
        (Address("no such host", 0), "choose another address"),
    ],
)
def test_an_address_that_cannot_be_is_said(address, words):
    with (
        pytest.raises(CannotServeError, match=f"s3.listen cannot be .*{words}"),
        held_port("s3.listen", address),
    ):
        pass
