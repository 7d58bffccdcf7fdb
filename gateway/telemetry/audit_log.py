"""The audit log: one JSON line for each judgement, written before what it allows is done.

Who asked to do what to which resource, from where, whether it was allowed, and which statement
said so. The line is in the kernel's hands before the act begins, so a killed process loses none,
and an act whose line cannot be written is not done: an audit log with silent gaps proves nothing.
How a request went on stands in the access log, under the same `request_id`.

Lines hold no query, no header but the User-Agent and no signature, hence nothing to sign with.
"""

import json
import logging
import os
import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from errno import ENOSPC
from time import time
from typing import Final

from gateway.telemetry import metrics

_log = logging.getLogger(__name__)

_STANDARD: Final = {"stdout": 1, "stderr": 2}
_USER_AGENT_LETTERS_MAX: Final = 256
_GIVING: Final = "sts:GetSessionToken"


@dataclass(frozen=True, slots=True)
class Judgement:
    """One question of right and its answer."""

    request_id: str
    remote: str
    is_secure: bool
    principal: str
    """`-` where nobody was proven."""
    access_key: str
    """The key that was claimed; empty where none was."""
    action: str
    """Empty where nobody was proven: what is asked is then not looked at."""
    resource: str
    is_allowed: bool
    why: str
    """The statement that decided, or the code of the refusal."""
    user_agent: str

    def line(self, moment_seconds: float) -> bytes:
        """Return the line, the same keys in the same order in each."""
        moment = datetime.fromtimestamp(moment_seconds, UTC).isoformat(timespec="milliseconds")
        words = {
            "audit": "allowed" if self.is_allowed else "denied",
            "time": f"{moment[:-6]}Z",
            "request_id": self.request_id,
            "remote": self.remote,
            "tls": self.is_secure,
            "principal": self.principal,
            "access_key": self.access_key,
            "action": self.action,
            "resource": self.resource,
            "why": self.why,
            "user_agent": self.user_agent[:_USER_AGENT_LETTERS_MAX],
        }
        return json.dumps(words, separators=(",", ":")).encode() + b"\n"


class AuditLog:
    """Where judgements go: `stdout`, `stderr`, or the path of a file that is only appended to."""

    def __init__(self, target: str, *, with_reads: bool) -> None:
        """Open the target; `with_reads` says whether reads that were allowed are told as well.

        Raises OSError where the file cannot be opened.
        """
        self._target = target
        self._with_reads = with_reads
        self._is_torn = False
        self._lock = threading.Lock()
        self._descriptor = self._opened()

    def wants(self, action: str, *, is_allowed: bool) -> bool:
        """Return whether a judgement is told at all; every denial and every change is."""
        return self._with_reads or not is_allowed or not is_read(action)

    def write(self, judgement: Judgement) -> None:
        """Write the line now; raises OSError where that cannot be done."""
        line = judgement.line(time())
        with self._lock:
            # The rest of a line that a full disk cut must not swallow this one.
            block = b"\n" + line if self._is_torn else line
            try:
                written = os.write(self._descriptor, block)
            except OSError:
                metrics.audit_lines_failed.inc()
                raise
            self._is_torn = written < len(block)
        if self._is_torn:
            metrics.audit_lines_failed.inc()
            raise OSError(ENOSPC, "the audit log took only a part of a line")
        metrics.audit_lines.inc()

    def reopen(self) -> None:
        """Open the file again by its name, after a rotation moved it away."""
        if self._target in _STANDARD:
            return
        try:
            descriptor = self._opened()
        except OSError as error:  # the old file is better than none
            _log.warning("the audit log %s stays as it was: %s", self._target, error.strerror)
            return
        with self._lock:
            os.close(self._descriptor)
            self._descriptor = descriptor

    def close(self) -> None:
        """Give the file up."""
        if self._target not in _STANDARD:
            os.close(self._descriptor)

    def _opened(self) -> int:
        if self._target in _STANDARD:
            return _STANDARD[self._target]
        # O_APPEND: several workers write whole lines to one file, and `chattr +a` may guard it.
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        return os.open(self._target, flags, 0o600)


def is_read(action: str) -> bool:
    """Return whether an IAM action changes nothing, which its name tells; a token is given."""
    return action != _GIVING and action.partition(":")[2].startswith(("Get", "List", "Head"))
