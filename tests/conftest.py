"""Fixtures that every room's tests may use: origins, embedded and real, bare and shaped."""

import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from gateway.demo.origin import EmbeddedOrigin, running_origin
from gateway.demo.shaped import Shaped, running_shaped
from tests.support.bytecode import compile_package
from tests.support.origins import new_origin
from tests.support.real_origins import BUILD_SECONDS_MAX, STARTERS, TOOLS, RealOrigin, is_built

STRICT = ("versitygw", "minio")
"""Origins that check signatures, lengths and digests; moto, the stand-in without Go, does not."""


def pytest_configure(config: pytest.Config) -> None:
    """Compile the package for the processes that tests start."""
    if not hasattr(config, "workerinput"):
        compile_package()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run what needs a real origin last, and let it wait for a build that is still going on."""
    items.sort(key=lambda item: bool(_real_origins(item)))
    unbuilt = {name for name in TOOLS if not is_built(name)}
    for item in items:
        if unbuilt & _real_origins(item):
            item.add_marker(pytest.mark.timeout(BUILD_SECONDS_MAX))


def _real_origins(item: pytest.Item) -> set[str]:
    named = set(getattr(item, "fixturenames", ()))
    parameters = getattr(getattr(item, "callspec", None), "params", {})
    named |= {value for value in parameters.values() if isinstance(value, str)}
    return named & STARTERS.keys()


@pytest.fixture
async def origin() -> AsyncIterator[EmbeddedOrigin]:
    """Serve an embedded origin in this test's event loop, with the bucket `bucket`."""
    async with running_origin(new_origin()) as running:
        running.make_bucket("bucket")
        yield running


@pytest.fixture(scope="session")
def versitygw() -> Iterator[RealOrigin]:
    """Run versitygw for the session, or skip with the reason."""
    yield from _running_or_skipped("versitygw")


@pytest.fixture(scope="session")
def minio() -> Iterator[RealOrigin]:
    """Run MinIO for the session, or skip with the reason."""
    yield from _running_or_skipped("minio")


@pytest.fixture(scope="session")
def moto() -> Iterator[RealOrigin]:
    """Run moto's server for the session, or skip with the reason."""
    yield from _running_or_skipped("moto")


@pytest.fixture(scope="session", params=STRICT)
def strict_origin(request: pytest.FixtureRequest) -> RealOrigin:
    """Give each strict origin in turn."""
    running: RealOrigin = request.getfixturevalue(request.param)
    return running


@pytest.fixture
def shaped() -> Iterator[Callable[..., Shaped]]:
    """Give `shaped(port, rtt_ms=..., mbps=..., list_ms=...)`: proxies that end with the test."""
    with ExitStack() as stack:

        def start(upstream_port: int, **shape: Any) -> Shaped:
            return stack.enter_context(running_shaped(upstream_port, **shape))

        yield start


def _running_or_skipped(name: str) -> Iterator[RealOrigin]:
    with ExitStack() as stack:
        try:
            running = stack.enter_context(STARTERS[name]())
        except LookupError as missing:
            # CI has Go, so there a missing origin is a failure, not a reason to prove less.
            end = pytest.fail if os.environ.get("FOREBAY_REQUIRE_ORIGINS") else pytest.skip
            end(f"needs a strict origin: {missing}" if name in STRICT else str(missing))
        yield running
