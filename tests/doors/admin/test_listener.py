"""The admin door: alive, ready or why not, and what was counted."""

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from gateway.doors.admin.listener import serving_admin
from gateway.telemetry.exposition import render


class Operator:
    """Someone who asks the admin door of a gateway in some state."""

    def __init__(self):
        self.why_not = ""
        self.port = 0

    async def get(self, path):
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"http://127.0.0.1:{self.port}{path}") as answer,
        ):
            return answer.status, await answer.text(), answer.headers["Content-Type"]


@pytest.fixture
async def operator():
    asking = Operator()
    async with serving_admin(
        "127.0.0.1", 0, why_not_ready=lambda: asking.why_not, metrics_text=lambda: render([])
    ) as asking.port:
        yield asking


async def test_health_is_that_the_process_lives(operator):
    operator.why_not = "0 of 2 workers are ready"
    assert (await operator.get("/health"))[:2] == (200, "alive\n")


async def test_ready_says_why_not(operator):
    assert (await operator.get("/ready"))[:2] == (200, "ready\n")
    operator.why_not = "1 of 2 workers are ready"
    assert (await operator.get("/ready"))[:2] == (503, "1 of 2 workers are ready\n")


async def test_metrics_are_what_prometheus_parses(operator):
    status, text, content_type = await operator.get("/metrics")
    assert status == 200
    assert content_type.startswith("text/plain; version=")
    names = {family.name for family in text_string_to_metric_families(text)}
    assert {"forebay_requests", "forebay_request_seconds", "forebay_flash_bypass"} <= names


async def test_the_index_names_what_there_is(operator):
    status, text, _ = await operator.get("/")
    assert status == 200
    for path in ("/health", "/ready", "/metrics"):
        assert path in text
    assert (await operator.get("/unknown"))[0] == 404


async def test_a_port_that_is_taken_is_an_error(operator):
    with pytest.raises(OSError, match="in use"):
        async with serving_admin("127.0.0.1", operator.port, why_not_ready=str, metrics_text=bytes):
            pass
