"""TLS toward the origin: whom to trust, who to be, and files that are renewed meanwhile."""

import asyncio
import ssl
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest

from conformance.support.certificates import make_certificates
from gateway.model.failures import OriginUnreachable
from gateway.model.voices import FOREBAY, Keys
from gateway.origin.credentials import StaticCredentials
from gateway.origin.interface import OriginRequest
from gateway.origin.s3 import OriginParameters, S3Origin
from gateway.origin.tls import client_context

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"


@pytest.fixture
def ours(tmp_path):
    (tmp_path / "ours").mkdir()
    return make_certificates(tmp_path / "ours")


@pytest.fixture
def theirs(tmp_path):
    (tmp_path / "theirs").mkdir()
    return make_certificates(tmp_path / "theirs")


@asynccontextmanager
async def demanding_origin(theirs, client_ca):
    """Yield the port of an origin that talks only to who shows a certificate of `client_ca`."""

    async def answer(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(ANSWER)
        await writer.drain()
        writer.close()

    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=client_ca)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_cert_chain(theirs.certificate, theirs.key)
    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context)
    async with server:
        yield server.sockets[0].getsockname()[1]


def origin_at(port, **files):
    parameters = OriginParameters(f"https://127.0.0.1:{port}", "us-east-1", **files)
    credentials = StaticCredentials(Keys("key", "secret"))
    return S3Origin(parameters, credentials, lambda: datetime.now(UTC))


async def test_the_origin_learns_who_we_are(ours, theirs):
    async with (
        demanding_origin(theirs, ours.ca_file) as port,
        origin_at(
            port, ca_file=theirs.ca_file, client_cert=ours.certificate, client_key=ours.key
        ) as origin,
    ):
        answer = await origin.ask(OriginRequest("GET", "bucket", voice=FOREBAY))
        assert (answer.status, await answer.read(100)) == (200, b"ok")


async def test_without_a_certificate_such_an_origin_cannot_be_asked(ours, theirs):
    async with (
        demanding_origin(theirs, ours.ca_file) as port,
        origin_at(port, ca_file=theirs.ca_file) as origin,
    ):
        with pytest.raises(OriginUnreachable):
            await origin.ask(OriginRequest("GET", "bucket", voice=FOREBAY))


async def test_an_origin_of_another_authority_is_not_believed(ours, theirs):
    async with (
        demanding_origin(theirs, ours.ca_file) as port,
        origin_at(
            port, ca_file=ours.ca_file, client_cert=ours.certificate, client_key=ours.key
        ) as origin,
    ):
        with pytest.raises(OriginUnreachable, match="certificate verify failed"):
            await origin.ask(OriginRequest("GET", "bucket", voice=FOREBAY))


async def test_a_renewed_client_certificate_is_shown_from_then_on(ours, theirs, tmp_path):
    later = tmp_path / "later"
    later.mkdir()
    renewed = make_certificates(later)
    async with (
        demanding_origin(theirs, renewed.ca_file) as port,
        origin_at(
            port, ca_file=theirs.ca_file, client_cert=ours.certificate, client_key=ours.key
        ) as origin,
    ):
        with pytest.raises(OriginUnreachable):
            await origin.ask(OriginRequest("GET", "bucket", voice=FOREBAY))
        ours.certificate.write_bytes(renewed.certificate.read_bytes())
        ours.key.write_bytes(renewed.key.read_bytes())
        assert origin.tls.refresh()
        answer = await origin.ask(OriginRequest("GET", "bucket", voice=FOREBAY))
        assert await answer.read(100) == b"ok"


def test_a_file_that_is_no_certificate_changes_nothing(ours):
    fresh = client_context(ours.ca_file, ours.certificate, ours.key)
    before = fresh.context
    assert not fresh.refresh()
    kept = ours.certificate.read_bytes()
    ours.certificate.write_bytes(b"nothing of the kind")
    assert not fresh.refresh()
    ours.certificate.unlink()
    assert not fresh.refresh()
    assert fresh.context is before
    ours.certificate.write_bytes(kept)
    assert fresh.refresh()
    assert fresh.context is not before
