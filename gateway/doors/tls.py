"""The listener's TLS: the newest certificate for each new connection, without a restart."""

import ssl
from contextlib import suppress
from pathlib import Path

from cryptography.x509 import load_pem_x509_certificate

from gateway.origin.tls import FreshContext
from gateway.telemetry import metrics


class ListenerTls:
    """What a listener shows its clients; `refresh` follows the files."""

    def __init__(self, certificate: Path, key: Path) -> None:
        """Read a PEM chain and its key; raises OSError and ssl.SSLError where they are no good."""
        self._certificate = certificate
        self._fresh = FreshContext(lambda: _server_context(certificate, key), [certificate, key])
        self.context = _server_context(certificate, key)
        """The listener's own; each handshake goes on with the newest."""
        self.context.sni_callback = self._choose
        self._note_end()

    def refresh(self) -> bool:
        """Look at the files; return whether new connections get another certificate from now on."""
        is_new = self._fresh.refresh()
        if is_new:
            self._note_end()
        return is_new

    def _choose(
        self, connection: ssl.SSLObject, _name: str | None, _context: ssl.SSLContext
    ) -> None:
        """Let a handshake go on with the newest; OpenSSL asks whether or not it names a server."""
        connection.context = self._fresh.context

    def _note_end(self) -> None:
        """Tell operators when the certificate ends."""
        with suppress(OSError, ValueError):  # it may have changed once more since it was loaded
            metrics.tls_certificate_ends.set(_end(self._certificate))


def _server_context(certificate: Path, key: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate, key)
    return context


def _end(path: Path) -> float:
    """Return the moment (seconds since 1970) at which the first certificate of a chain ends."""
    return load_pem_x509_certificate(path.read_bytes()).not_valid_after_utc.timestamp()
