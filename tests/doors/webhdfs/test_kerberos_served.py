"""Kerberos at a served WebHDFS door: Hadoop's handshake by OPTIONS, then its cookie; a real KDC."""

import asyncio
import urllib.request
from pathlib import Path
from urllib.error import HTTPError

import pytest

from gateway.demo.origin import running_origin
from tests.support.gateway_process import gateway_process
from tests.support.gateway_settings import gateway_tables
from tests.support.kdc import REALM, running_kdc, why_no_kdc
from tests.support.origins import new_origin


def answer(url: str, method: str = "GET", **headers: str) -> tuple[int, dict[str, str]]:
    request = urllib.request.Request(url, method=method, headers=headers)  # noqa: S310 - our own
    try:
        with urllib.request.urlopen(request, timeout=20) as reply:  # noqa: S310 - our own
            return reply.status, dict(reply.headers)
    except HTTPError as refused:
        return refused.code, dict(refused.headers)


def asked(tables, folder: Path, kdc) -> list[int]:
    with gateway_process(tables, folder) as gateway:
        url = f"{gateway.webhdfs}/webhdfs/v1/?op=LISTSTATUS"
        nobody = answer(url)
        kdc.login("alice")
        shaken, headers = answer(url, "OPTIONS", Authorization=f"Negotiate {kdc.token()}")
        cookie = headers.get("Set-Cookie", "").partition(";")[0]
        assert headers["WWW-Authenticate"].startswith("Negotiate ")
        assert nobody[1]["WWW-Authenticate"] == "Negotiate"
        return [nobody[0], shaken, answer(url, Cookie=cookie)[0], answer(url, Cookie="a=b")[0]]


async def test_a_ticket_is_shown_once_and_its_cookie_after_it(tmp_path):
    if why_no_kdc():
        pytest.skip(why_no_kdc())
    with running_kdc(tmp_path / "kdc") as kdc:
        async with running_origin(new_origin()) as origin:
            door = {
                "listen": "127.0.0.1:0",
                "kerberos_keytab": str(kdc.service_keytab),
                "kerberos_identities": {f"alice@{REALM}": "admin"},
            }
            tables = gateway_tables(origin.endpoint, tmp_path / "flash", webhdfs=door)
            statuses = await asyncio.to_thread(asked, tables, tmp_path, kdc)
    assert statuses == [401, 200, 200, 401]
