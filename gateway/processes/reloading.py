"""What a reload changes: rules, identities, roles, trusts, flash's size; all else a restart."""

import logging
from typing import Final

from gateway.settings.flash import FlashSettings
from gateway.settings.tree import Settings

RELOADED: Final = ("identities", "groups", "roles", "oidc", "rules")
RESIZED: Final = "flash.size"
OF_WEBHDFS: Final = ("trusts", "token_seconds", "token_seconds_max")
_CHANGING: Final = frozenset({RESIZED, *(f"webhdfs.{key}" for key in OF_WEBHDFS)})
_log = logging.getLogger(__name__)


def apply_reload(running: Settings, reread: Settings) -> Settings:
    """Return the settings that are in force now; what waits for a restart is named in the log."""
    waiting = waiting_keys(running, reread)
    if waiting:
        _log.warning("these settings change only after a restart: %s", ", ".join(waiting))
    _log.info(
        "settings read again: %d identities, %d rules", len(reread.identities), len(reread.rules)
    )
    update = {name: getattr(reread, name) for name in RELOADED}
    believed = {key: getattr(reread.webhdfs, key) for key in OF_WEBHDFS}
    webhdfs = running.webhdfs.model_copy(update=believed)
    flash = _resized(running.flash, reread.flash)
    return running.model_copy(update={**update, "flash": flash, "webhdfs": webhdfs})


def _resized(running: FlashSettings, reread: FlashSettings) -> FlashSettings:
    """Return the flash that runs in the size that was read, if what else of it runs fits that."""
    resized = running.model_copy(update={"size": reread.size})
    try:
        _ = resized.segment_bytes
    except ValueError:
        _log.warning("flash.size changes only after a restart: it does not fit what runs")
        return running
    return resized


def waiting_keys(running: Settings, reread: Settings) -> list[str]:
    """Return the dotted keys that differ and are read only at the start."""
    return [
        f"{section}.{key}"
        for section in Settings.model_fields
        if section not in RELOADED
        for key in type(getattr(running, section)).model_fields
        if f"{section}.{key}" not in _CHANGING
        and getattr(getattr(running, section), key) != getattr(getattr(reread, section), key)
    ]
