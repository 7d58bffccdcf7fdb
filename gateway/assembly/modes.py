"""Modes as the settings want them: who judges by them, at every door, or nobody."""

from gateway.access.authorization import Authorization
from gateway.core.objects import Objects
from gateway.filesystem.attributes import Names
from gateway.filesystem.judging import ModeDefaults, ModeJudge
from gateway.settings.tree import Settings


def make_judge(
    settings: Settings, objects: Objects, authorization: Authorization
) -> ModeJudge | None:
    """Return who judges by modes; None where policies alone judge."""
    chosen = settings.filesystem
    if chosen.permissions != "modes":
        return None
    defaults = ModeDefaults(
        Names(chosen.users, chosen.groups),
        chosen.owner,
        chosen.group,
        int(chosen.file_mode, 8),
        int(chosen.directory_mode, 8),
        chosen.superuser_group,
    )
    return ModeJudge(objects, authorization, defaults)
