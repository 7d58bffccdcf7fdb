"""A process that holds a tree and does one thing with it, for trials to start and to kill.

    python -m tests.support.tree_process ORIGIN FOLDER rename a b [STEP before|after]
    python -m tests.support.tree_process ORIGIN FOLDER remove a   [STEP before|after]
    python -m tests.support.tree_process ORIGIN FOLDER recover

It is built as a worker is: settings, core, journal, tree. It prints `begun`, then `done SECONDS`.
With a STEP it kills itself (SIGKILL) at that call of a move to the origin or to the journal.
"""

import asyncio
import os
import signal
import sys
import time
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from multidict import CIMultiDict, CIMultiDictProxy

from gateway.access.authentication import Principal
from gateway.access.authorization import Authorization
from gateway.assembly.core import Core, build_core, make_origin, open_flash
from gateway.assembly.files import make_tree
from gateway.assembly.moves import opened_journal
from gateway.assembly.state import written_of
from gateway.assembly.tasks import background_tasks
from gateway.filesystem.caller import Caller
from gateway.filesystem.mounts import Mount, MountTable
from gateway.filesystem.recovery import Recovery
from gateway.model.voices import FOREBAY
from gateway.protocol.http.head import RequestHead
from gateway.protocol.s3.no_claim import NO_CLAIM
from gateway.settings.tree import Settings
from tests.support.dying import Dying, Steps
from tests.support.gateway_settings import gateway_settings
from tests.support.moves import BUCKET

RECOVERY_SECONDS_MAX = 60.0


def say(words: str) -> None:
    """Tell the trial, at once."""
    sys.stdout.write(words + "\n")
    sys.stdout.flush()


def die() -> None:
    """End as kill -9 does."""
    os.kill(os.getpid(), signal.SIGKILL)


def caller_of(settings: Settings) -> Caller:
    """Return a caller who may do all."""
    identity = written_of(settings).identities.find_name("admin")
    assert identity is not None
    principal = Principal("admin", identity.access_key, identity.policy, NO_CLAIM, None)
    head = RequestHead("GET", "/x", "", CIMultiDictProxy(CIMultiDict()))
    asked: Any = SimpleNamespace(id="0", head=head, remote="192.0.2.7")
    return Caller(principal, asked, datetime.now(UTC), "admin")


async def act(core: Core, settings: Settings, words: list[str]) -> None:
    """Do as the words say."""
    assert core.moves is not None
    what, *names = words
    if what == "recover":
        recovery = Recovery(core.moves.journal, core.moves.objects, lambda _: FOREBAY)
        async with asyncio.timeout(RECOVERY_SECONDS_MAX):
            while await recovery.run():  # noqa: ASYNC110 - the journal has no event
                await asyncio.sleep(0.1)
        return
    mounts = MountTable({"/": Mount(BUCKET, "")})
    tree = make_tree(settings, core, Authorization(), mounts)
    caller = caller_of(settings)
    if what == "remove":
        await tree.remove(caller, f"/{names[0]}", recursive=True)
    else:
        await tree.rename(caller, f"/{names[0]}", f"/{names[1]}", replaces=True)


async def run(endpoint: str, folder: Path, words: list[str], steps: Steps | None) -> None:
    """Build, act, and end."""
    state = {"path": str(folder / "state")}
    settings = gateway_settings(endpoint, folder / "flash", state=state)
    async with AsyncExitStack() as stack:
        journal = stack.enter_context(opened_journal(settings, has_tree=True))
        tasks = await stack.enter_async_context(background_tasks())
        client = await stack.enter_async_context(make_origin(settings))
        flash = await stack.enter_async_context(await open_flash(settings, "tree", None))
        core = build_core(settings, client, flash, None, tasks, snapshots=None, journal=journal)
        if steps is not None and core.moves is not None:
            dying: Any = core.moves
            dying.journal, dying.objects = (
                Dying(core.moves.journal, steps),
                Dying(core.moves.objects, steps),
            )
        say("begun")
        began = time.monotonic()
        await act(core, settings, words)
        say(f"done {time.monotonic() - began:.3f}")


def main(words: list[str]) -> None:
    """Do as the command line says."""
    endpoint, folder, *rest = words
    steps = None
    if rest[-1] in {"before", "after"}:
        *rest, number, when = rest
        steps = Steps(int(number), when == "after", die=die)
    asyncio.run(run(endpoint, Path(folder), rest, steps))


if __name__ == "__main__":
    main(sys.argv[1:])
