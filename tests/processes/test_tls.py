"""TLS as a whole: a renewed certificate is used at once, and the origin may ask who we are."""

import asyncio
import signal
import socket
import ssl
from contextlib import asynccontextmanager

import aiohttp
import pytest
from cryptography.x509 import load_der_x509_certificate

from conformance.support.certificates import make_certificates
from tests.support.gateway_process import fetch, gateway_process
from tests.support.gateway_settings import ADMIN, gateway_tables
from tests.support.signed_client import SignedClient
from tests.support.waiting import wait_until


@pytest.fixture
def certificates(tmp_path):
    return make_certificates(tmp_path)


@pytest.fixture
def gateway(origin, certificates, tmp_path):
    s3 = {"tls_cert": str(certificates.certificate), "tls_key": str(certificates.key)}
    webhdfs = {"listen": "127.0.0.1:0", **s3}
    log = {"level": "info"}
    tables = gateway_tables(origin.endpoint, tmp_path / "flash", s3=s3, webhdfs=webhdfs, log=log)
    with gateway_process(tables, tmp_path) as running:
        yield running


def shown_serial(url: str) -> int:
    """Return the serial number of the certificate that a new connection is shown."""
    port = int(url.rpartition(":")[2])
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with (
        socket.create_connection(("127.0.0.1", port), 10) as plain,
        context.wrap_socket(plain) as secure,
    ):
        return load_der_x509_certificate(secure.getpeercert(binary_form=True)).serial_number


@asynccontextmanager
async def client_of(gateway, ca_file):
    connector = aiohttp.TCPConnector(ssl=ssl.create_default_context(cafile=ca_file))
    async with aiohttp.ClientSession(auto_decompress=False, connector=connector) as session:
        yield SignedClient(session, gateway.s3, *ADMIN)


def test_a_renewed_certificate_is_shown_without_a_restart(gateway, certificates, tmp_path):
    before = shown_serial(gateway.s3)
    make_certificates(tmp_path)
    gateway.signal(signal.SIGHUP)
    wait_until(lambda: _all_show_another(gateway, before))
    ends = fetch(f"{gateway.admin}/metrics")[1]
    assert "forebay_tls_reloads_total 4.0" in ends  # one of each worker and door
    assert gateway.process.poll() is None


def _all_show_another(gateway, before: int) -> bool:
    """Return whether twenty connections to each door, hence both workers, show a renewed one."""
    doors = (gateway.s3, gateway.webhdfs)
    return all(shown_serial(url) != before for _ in range(20) for url in doors)


def test_half_a_renewal_changes_nothing(gateway, certificates, tmp_path):
    before = shown_serial(gateway.s3)
    (tmp_path / "new").mkdir()
    other = make_certificates(tmp_path / "new")
    certificates.certificate.write_bytes(other.certificate.read_bytes())  # and not its key
    gateway.signal(signal.SIGHUP)
    wait_until(lambda: gateway.log.count("the certificates stay as they were") == 4)
    assert {shown_serial(gateway.s3) for _ in range(20)} == {before}
    certificates.key.write_bytes(other.key.read_bytes())
    gateway.signal(signal.SIGHUP)
    wait_until(lambda: _all_show_another(gateway, before))


async def test_connections_outlive_the_certificate_they_began_with(gateway, certificates, tmp_path):
    async with client_of(gateway, certificates.ca_file) as client:
        assert (await client.put("bucket", "k", b"body")).status == 200
        before = shown_serial(gateway.s3)
        make_certificates(tmp_path)
        gateway.signal(signal.SIGHUP)
        await asyncio.to_thread(wait_until, lambda: _all_show_another(gateway, before))
        # The client trusts the old authority only: a new connection would be refused by it.
        assert (await client.get("bucket", "k")).body == b"body"
