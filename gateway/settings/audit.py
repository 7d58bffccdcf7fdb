"""The settings of the audit log."""

from gateway.settings.fields import Section, setting
from gateway.settings.values import LogTarget


class AuditSettings(Section):
    """Who did what, or may not: a line for each judgement, before what it allows is done."""

    log: LogTarget = setting(
        "Where the audit log goes, one JSON line a judgement: `off`, `stdout`, `stderr` or a file, "
        "which is only appended to and opened again on SIGHUP. What is allowed but cannot be "
        "logged is not done: the client is told 503.",
        "off",
        unit="target",
    )
    reads: bool = setting(
        "Whether reads that were allowed are logged too. Changes and denials always are.",
        default=True,
    )
