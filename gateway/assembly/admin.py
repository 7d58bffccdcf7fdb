"""The composition root's part for the admin API, in the supervisor's process."""

import asyncio
from datetime import UTC, datetime

from gateway.access.authentication import Authentication
from gateway.access.authorization import Authorization
from gateway.assembly.sessions import make_roles, make_tokens
from gateway.assembly.state import make_ledger, make_lookup, refuse_unfit
from gateway.doors.admin.identities import IdentityDoor, Parts
from gateway.settings.tree import Settings
from gateway.state.store import Store
from gateway.telemetry.audit_log import AuditLog


class Admin:
    """What the admin API stands on, as the settings now are; made anew by each reload."""

    def __init__(self, settings: Settings, store: Store | None, audit_log: AuditLog | None) -> None:
        """Take the state, if there is one, and the audit log, if there is one."""
        self._store = store
        self._audit_log = audit_log
        self._parts = self._made(settings)
        self.identities = IdentityDoor(lambda: self._parts)

    async def take(self, settings: Settings) -> None:
        """Stand on other settings; raises SettingsError, and then nothing has changed."""
        await asyncio.to_thread(refuse_unfit, settings, self._store)
        self._parts = self._made(settings)

    def reopen(self) -> None:
        """Open the audit log again, after a rotation moved it away."""
        if self._audit_log is not None:
            self._audit_log.reopen()

    def _made(self, settings: Settings) -> Parts:
        authentication = Authentication(
            make_lookup(settings, self._store), _now, make_tokens(settings), make_roles(settings)
        )
        ledger = make_ledger(settings, self._store) if self._store is not None else None
        return Parts(authentication, Authorization(self._audit_log), ledger, _now)


def _now() -> datetime:
    return datetime.now(UTC)
