"""The audit log as the settings want it, for every process that judges requests."""

from contextlib import AsyncExitStack, closing

from gateway.settings.tree import Settings
from gateway.telemetry.audit_log import AuditLog


def open_audit_log(settings: Settings, stack: AsyncExitStack) -> AuditLog | None:
    """Open the audit log, where there is one, until the stack ends; raises OSError."""
    chosen = settings.audit
    if chosen.log == "off":
        return None
    return stack.enter_context(closing(AuditLog(chosen.log, with_reads=chosen.reads)))
