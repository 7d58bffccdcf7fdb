"""The journal of moves, and what ends those that were left in the middle."""

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Final

from gateway.access.authentication import Authentication
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
