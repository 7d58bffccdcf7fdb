"""WebHDFS in real processes: its port is found, held, told of and drained like that of S3."""

import asyncio
import json
import signal
from base64 import b64encode
from urllib.request import Request, urlopen

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
