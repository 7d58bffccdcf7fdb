"""The ports, held for all workers: bound but not listening, so no connection waits for nobody.

Every worker binds a listening socket of its own to the same port (SO_REUSEPORT), and the kernel
spreads connections over those that listen. The held socket keeps the port Forebay's while workers
come and go, and with port 0 it is how they learn which one was found.
"""

import errno
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Final

from gateway.doors.http_server import listening_socket
from gateway.settings.tree import Settings
from gateway.settings.values import Address

TAKEN_SECONDS_MAX: Final = 1.0
"""How long a port may still be that of a predecessor's workers, which stop listening just now."""
_RETRY_SECONDS: Final = 0.05


class CannotServeError(Exception):
    """The gateway cannot start here; the message is one sentence with the remedy."""


@contextmanager
def held_port(key: str, address: Address) -> Iterator[int]:
    """Yield the port that is held for the workers; raises CannotServeError.

    `key` is the setting's name, for the sentence.
    """
    try:
        if address.port != 0:
            _refuse_taken(address)
        holder = listening_socket(address.host, address.port)
    except OSError as error:
        raise CannotServeError(why_not(key, address, error)) from None
    with holder:
        yield holder.getsockname()[1]


@dataclass(frozen=True, slots=True)
class Ports:
    """The ports that are held for the workers."""

    s3: int
    webhdfs: int | None
    """None: there is no such door."""


@contextmanager
def held_ports(settings: Settings) -> Iterator[Ports]:
    """Yield all of them; raises CannotServeError."""
    with ExitStack() as stack:
        s3 = stack.enter_context(held_port("s3.listen", settings.s3.listen))
        webhdfs = None
        if settings.webhdfs.listen is not None:
            webhdfs = stack.enter_context(held_port("webhdfs.listen", settings.webhdfs.listen))
        yield Ports(s3, webhdfs)


def why_not(key: str, address: Address, error: OSError) -> str:
    """Return the sentence for an address that cannot be listened on."""
    remedies = {
        errno.EADDRINUSE: "another program listens there; stop it or choose another port",
        errno.EACCES: "ports below 1024 need a privilege; choose a higher one",
        errno.EADDRNOTAVAIL: "this machine does not have that address; choose one it has",
    }
    # A failed getaddrinfo is an OSError whose number is not an errno.
    number = error.errno if not isinstance(error, socket.gaierror) else None
    remedy = remedies.get(number or 0, f"{error.strerror or error}; choose another address")
    return f"{key} cannot be {address}: {remedy}"


def _refuse_taken(address: Address) -> None:
    """Raise OSError where somebody listens; another Forebay would share its port unasked."""
    deadline = time.monotonic() + TAKEN_SECONDS_MAX
    while True:
        try:
            _bind_alone(address)
        except OSError as error:
            if error.errno != errno.EADDRINUSE or time.monotonic() > deadline:
                raise
            time.sleep(_RETRY_SECONDS)
        else:
            return


def _bind_alone(address: Address) -> None:
    """Raise OSError where the address cannot be bound without sharing its port."""
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as alone:
        # Connections of a predecessor in TIME_WAIT do not keep the port.
        alone.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        alone.bind((address.host, address.port))
