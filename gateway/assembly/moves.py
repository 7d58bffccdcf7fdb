"""The journal of moves, and what ends those that were left in the middle."""

import time
from collections.abc import Coroutine, Iterator
from contextlib import closing, contextmanager
from typing import Any, Final

from gateway.access.authentication import Authentication
from gateway.core.growing import UploadLedger
from gateway.filesystem.begun_uploads import BegunUploads
from gateway.filesystem.journal import Journal, open_journal
from gateway.filesystem.moving import Moves
from gateway.filesystem.recovery import Recovery
from gateway.filesystem.speakers import find_voice
from gateway.settings.reading import SettingsError
from gateway.settings.tree import Settings
from gateway.state.store import StateError, has_state

_FOLDER: Final = "moves"


@contextmanager
def opened_journal(settings: Settings, *, has_tree: bool) -> Iterator[Journal | None]:
    """Yield the journal; enter it before the tasks of the process.

    What is on its way when the tasks end is then left to the next process. It is made where a tree
    wants one; where none does, it is opened if it is there, since something may be left in it.
    Raises SettingsError.
    """
    folder = settings.state.path / _FOLDER
    if not has_tree and not has_state(folder):
        yield None
        return
    try:
        journal = open_journal(folder, time.time_ns)
    except (StateError, OSError) as error:
        raise SettingsError(f"the journal of moves cannot be opened: {error}") from None
    with closing(journal):
        yield journal


async def keep_moves_ended(moves: Moves | None, authentication: Authentication) -> None:
    """End what others left in the middle, now and every few seconds, for ever."""
    if moves is None:
        return
    recovery = Recovery(
        moves.journal,
        moves.objects,
        lambda speaker: find_voice(speaker, authentication.identities, authentication.roles),
    )
    await recovery.keep()


async def keep_uploads_ended(ledger: UploadLedger | None, authentication: Authentication) -> None:
    """Abort uploads that killed writers left, now and every few seconds, for ever."""
    if isinstance(ledger, BegunUploads):
        await ledger.keep(
            lambda speaker: find_voice(speaker, authentication.identities, authentication.roles)
        )


def chores_of_trees(
    moves: Moves | None, ledger: UploadLedger | None, authentication: Authentication
) -> tuple[Coroutine[Any, Any, None], ...]:
    """Return what a process with a tree does for ever beside serving."""
    return keep_moves_ended(moves, authentication), keep_uploads_ended(ledger, authentication)
