"""The admin door: is it alive, is it ready, what did it count; plain HTTP for operators.

It runs in the supervisor, so it answers while workers are replaced. What stands here asks for no
credentials: keep the address where only operators reach it. /v1 does, see identities.py.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

from aiohttp import web

from gateway.doors.admin.answers import in_words
from gateway.doors.admin.identities import BODY_BYTES_MAX, IdentityDoor
from gateway.telemetry.exposition import CONTENT_TYPE

INDEX: Final = """\
Forebay, for operators.

/health   200 while the process lives
/ready    200 when all workers serve, else 503 and why
/metrics  all workers summed, for Prometheus

/v1/identities   who may use it; signed with Signature Version 4, service forebay
"""


@asynccontextmanager
async def serving_admin(
    host: str,
    port: int,
    *,
    why_not_ready: Callable[[], str],
    metrics_text: Callable[[], bytes],
    identities: IdentityDoor | None = None,
) -> AsyncIterator[int]:
    """Serve the admin door and yield the port it found; raises OSError where it cannot listen."""
    application = admin_application(why_not_ready, metrics_text)
    if identities is not None:
        identities.add_routes(application.router)
    # Bodies are judged as they were signed, and no small one becomes a large one.
    runner = web.AppRunner(
        application, access_log=None, shutdown_timeout=1.0, auto_decompress=False
    )
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port)
        await site.start()
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


def admin_application(
    why_not_ready: Callable[[], str], metrics_text: Callable[[], bytes]
) -> web.Application:
    """Return the application; `why_not_ready` is empty when all workers serve."""

    async def index(_request: web.Request) -> web.Response:
        return web.Response(text=INDEX)

    async def health(_request: web.Request) -> web.Response:
        return web.Response(text="alive\n")

    async def ready(_request: web.Request) -> web.Response:
        why_not = why_not_ready()
        return web.Response(status=503 if why_not else 200, text=f"{why_not or 'ready'}\n")

    async def metrics(_request: web.Request) -> web.Response:
        # Reading the workers' files and printing them takes milliseconds.
        text = await asyncio.to_thread(metrics_text)
        return web.Response(body=text, headers={"Content-Type": CONTENT_TYPE})

    application = web.Application(middlewares=[in_words], client_max_size=BODY_BYTES_MAX)
    for path, answer in {
        "/": index,
        "/health": health,
        "/ready": ready,
        "/metrics": metrics,
    }.items():
        application.router.add_get(path, answer)
    return application
