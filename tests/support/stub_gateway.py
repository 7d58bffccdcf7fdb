"""`python stub_gateway.py serve ...`: the real supervisor over workers that serve next to nothing.

GET /pid tells the worker's process, /identities whom it knows, /exit ends it without a word, and
/slow answers only when the worker was told to stop: a request in flight during a drain.
"""

import asyncio
import os
import sys
from types import ModuleType

from aiohttp import web

import gateway.assembly
from gateway.__main__ import main as program
from gateway.doors.http_server import listening_socket
from gateway.processes import child
from gateway.telemetry import metrics


async def run_worker(
    settings, *, worker_number, listen_port, on_ready, reloads, stop, shared_folder, **_
):
    """Serve until told to stop; the identity `broken` cannot be served."""
    known = [one.name for one in settings.identities]
    if "broken" in known:
        raise OSError("the flash is on fire")
    in_flight = []

    async def answer(request):
        metrics.requests.labels(door="stub", operation=request.path, status="200").inc()
        if request.path == "/exit":
            os._exit(3)
        if request.path == "/slow":
            in_flight.append(request)
            await stop.wait()
            return web.Response(text="finished")
        if request.path == "/in-flight":
            return web.Response(text=str(len(in_flight)))
        body = {"/pid": f"{os.getpid()} {worker_number}", "/identities": " ".join(known)}
        return web.Response(text=body[request.path])

    async def follow():
        async for fresh in reloads:
            known[:] = [one.name for one in fresh.identities]

    runner = web.ServerRunner(web.Server(answer))
    await runner.setup()
    async with asyncio.TaskGroup() as tasks:
        following = tasks.create_task(follow())
        await web.SockSite(runner, listening_socket("127.0.0.1", listen_port)).start()
        on_ready()
        await stop.wait()
        await runner.cleanup()
        following.cancel()


def main():
    """Run the real program, with workers that find the stub in place of the assembly."""
    stub = ModuleType("gateway.assembly.worker")
    stub.run_worker = run_worker
    sys.modules["gateway.assembly.worker"] = stub
    gateway.assembly.worker = stub
    child.WORKER_COMMAND = (sys.executable, "-P", __file__, "worker")
    return program()


if __name__ == "__main__":
    sys.exit(main())
