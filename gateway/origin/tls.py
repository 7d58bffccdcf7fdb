"""TLS contexts that follow their files: a certificate renewed on disk is used from then on.

A context is made whole from the files as they now are and only then takes the old one's place, so
that a renewal that is half written (a certificate without its key yet) changes nothing. What is
connected keeps the context that it was connected with.
"""

import logging
import ssl
from collections.abc import Callable, Sequence
from pathlib import Path

from gateway.telemetry import metrics

_log = logging.getLogger(__name__)

Stamp = tuple[tuple[int, int, int] | None, ...]


class FreshContext:
    """The context made from some files, and made anew when one of them is another."""

    def __init__(self, make: Callable[[], ssl.SSLContext], files: Sequence[Path]) -> None:
        """Make the first one; raises OSError and ssl.SSLError where the files are no good."""
        self._make = make
        self._files = tuple(files)
        self._stamp = _stamp(self._files)
        self.context = make()

    def refresh(self) -> bool:
        """Look at the files, and return whether there is a new context; never raises for a file.

        It reads files: call it in a thread.
        """
        stamp = _stamp(self._files)
        if stamp == self._stamp:
            return False
        # Stamped before they are read: what changes meanwhile is seen at the next look.
        self._stamp = stamp
        try:
            self.context = self._make()
        except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
            metrics.tls_reloads_refused.inc()
            _log.warning("the certificates stay as they were: %s", _words(error, self._files))
            return False
        metrics.tls_reloads.inc()
        _log.info("certificates read again: %s", _named(self._files))
        return True


def client_context(
    ca_file: Path | None, certificate: Path | None, key: Path | None
) -> FreshContext:
    """Return the context toward an https server: whom to trust, and who to be (mutual TLS).

    Raises OSError and ssl.SSLError where a file is no good.
    """

    def make() -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=ca_file)
        if certificate is not None:
            context.load_cert_chain(certificate, key)
        return context

    return FreshContext(make, [path for path in (ca_file, certificate, key) if path is not None])


def _stamp(files: Sequence[Path]) -> Stamp:
    """Return what tells one state of the files from another; links are followed."""
    stamps: list[tuple[int, int, int] | None] = []
    for path in files:
        try:
            found = path.stat()
            stamps.append((found.st_ino, found.st_mtime_ns, found.st_size))
        except OSError:
            stamps.append(None)
    return tuple(stamps)


def _words(error: Exception, files: Sequence[Path]) -> str:
    return f"{_named(files)}: {getattr(error, 'strerror', None) or error}"


def _named(files: Sequence[Path]) -> str:
    return ", ".join(map(str, files))
