"""What a reload changes: rules, identities and roles at once, everything else after a restart."""

import logging
from typing import Final

from gateway.settings.tree import Settings

RELOADED: Final = ("identities", "groups", "roles", "oidc", "rules")
_log = logging.getLogger(__name__)


def apply_reload(running: Settings, reread: Settings) -> Settings:
    """Return the settings that are in force now; what waits for a restart is named in the log."""
    waiting = waiting_keys(running, reread)
    if waiting:
        _log.warning("these settings change only after a restart: %s", ", ".join(waiting))
    _log.info(
        "settings read again: %d identities, %d rules", len(reread.identities), len(reread.rules)
    )
    return running.model_copy(update={name: getattr(reread, name) for name in RELOADED})


def waiting_keys(running: Settings, reread: Settings) -> list[str]:
    """Return the dotted keys that differ and are read only at the start."""
    return [
        f"{section}.{key}"
        for section in Settings.model_fields
        if section not in RELOADED
        for key in type(getattr(running, section)).model_fields
        if getattr(getattr(running, section), key) != getattr(getattr(reread, section), key)
    ]
