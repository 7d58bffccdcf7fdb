"""WebHDFS in real processes: its port is found, held, told of and drained like that of S3."""

import asyncio
import http.client
import json
import signal
import ssl
from base64 import b64encode
from contextlib import closing
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import pytest

from conformance.support.certificates import make_certificates
from tests.support.gateway_process import gateway_process
from tests.support.gateway_settings import ADMIN, gateway_tables

BASIC = "Basic " + b64encode(":".join(ADMIN).encode()).decode()


def home(endpoint):
    url = f"{endpoint}/webhdfs/v1/?op=GETHOMEDIRECTORY"
    asked = Request(url, headers={"Authorization": BASIC})  # noqa: S310 - always http
    with urlopen(asked, timeout=20) as answer:  # noqa: S310 - as above
        return json.load(answer)


async def test_the_port_is_found_held_and_told_of(origin, tmp_path):
    tables = gateway_tables(origin.endpoint, tmp_path / "flash", webhdfs={"listen": "127.0.0.1:0"})
    with gateway_process(tables, tmp_path) as gateway:
        assert gateway.webhdfs is not None
        assert f", WebHDFS on {gateway.webhdfs}\n" in gateway.output
        assert await asyncio.to_thread(home, gateway.webhdfs) == {"Path": "/user/admin"}
        gateway.signal(signal.SIGTERM)
        assert gateway.wait_exit() == 0


async def test_without_it_nothing_is_said_of_it(origin, tmp_path):
    with gateway_process(gateway_tables(origin.endpoint, tmp_path / "flash"), tmp_path) as gateway:
        assert gateway.webhdfs is None
        assert "WebHDFS" not in gateway.output


def asked(context, url, method="GET", body=None, **headers):
    """Return status, headers and body of one request; no redirect is followed."""
    place = urlsplit(url)
    with closing(http.client.HTTPSConnection(place.netloc, timeout=20, context=context)) as door:
        door.request(method, f"{place.path}?{place.query}", body, headers)
        answer = door.getresponse()
        return answer.status, answer.headers, answer.read()


def over_tls(gateway, ca_file):
    """Write a file in two steps, each sent where the answer before it says; look at it."""
    context = ssl.create_default_context(cafile=ca_file)
    url = f"{gateway.webhdfs}/webhdfs/v1/bucket/made"
    first, headers, _ = asked(context, f"{url}?op=CREATE", "PUT", Authorization=BASIC)
    location = headers["Location"]
    second, headers, _ = asked(context, location, "PUT", b"a body")
    status, _, told = asked(context, f"{url}?op=GETFILESTATUS", Authorization=BASIC)
    body = asked(context, f"{url}?op=OPEN", Authorization=BASIC)[2]
    assert urlsplit(location).netloc == urlsplit(gateway.webhdfs).netloc
    assert [first, urlsplit(location).scheme, second, status] == [307, "https", 201, 200]
    assert (json.loads(told)["FileStatus"]["length"], body) == (6, b"a body")
    refused = asked(context, f"{url}?op=OPEN")
    assert (refused[0], refused[1]["WWW-Authenticate"][:6]) == (401, "Basic ")


async def test_over_tls_the_second_step_is_https_too(origin, tmp_path):
    certificates = make_certificates(tmp_path)
    shown = {"tls_cert": str(certificates.certificate), "tls_key": str(certificates.key)}
    door = {"listen": "127.0.0.1:0", **shown}
    tables = gateway_tables(origin.endpoint, tmp_path / "flash", webhdfs=door)
    with gateway_process(tables, tmp_path) as gateway:
        assert gateway.webhdfs.startswith("https://127.0.0.1:")
        await asyncio.to_thread(over_tls, gateway, certificates.ca_file)
        plain = gateway.webhdfs.replace("https", "http")
        with pytest.raises((OSError, http.client.HTTPException)):
            await asyncio.to_thread(home, plain)
