"""Who may do what: a principal's policy judges a named action on a resource in a request.

Resources are compared in their short form: `*` for the service (as AWS wants it for
s3:ListAllMyBuckets), `bucket`, `bucket/key`. Every judgement that a request lives or dies by is
made here, so that the audit log has them all.
"""

from typing import Final, Protocol

from gateway.access.authentication import Principal
from gateway.access.policy import Decision
from gateway.access.request_context import RequestContext
from gateway.model.failures import AccessDenied, AuthenticationFailed, OriginUnreachable
from gateway.protocol.http.head import RequestHead
from gateway.protocol.s3.addressing import Target
from gateway.protocol.s3.claimed_key import find_claimed_key
from gateway.telemetry.audit_log import AuditLog, Judgement

JUDGED_BY_KEY: Final = frozenset({"s3:DeleteObject"})
"""Actions on objects that a request to a bucket asks for by keys in its body (DeleteObjects): the
handler judges each key, and those that are denied are answered one by one, as at AWS."""

NOBODY: Final = "-"
_UNSPOKEN: Final = "no statement allows it"


class Asked(Protocol):
    """The request that a judgement is made for."""

    @property
    def id(self) -> str:
        """Return what the answer's x-forebay-request-id says."""
        ...

    @property
    def head(self) -> RequestHead:
        """Return what it asks."""
        ...

    @property
    def remote(self) -> str:
        """Return the address of the connection's peer."""
        ...


def resource_of(target: Target) -> str:
    """Return the resource that policies name for a target."""
    if target.bucket is None:
        return "*"
    return target.bucket if target.key is None else f"{target.bucket}/{target.key}"


class Authorization:
    """Asks the policy that the principal was identified with; keeps nothing itself."""

    def __init__(self, audit_log: AuditLog | None = None) -> None:
        """Tell every judgement to `audit_log`, where there is one."""
        self._audit_log = audit_log

    def require(
        self,
        principal: Principal,
        action: str,
        target: Target,
        context: RequestContext,
        asked: Asked,
    ) -> None:
        """Return where the principal may do `action` on `target`.

        Raises AccessDenied, and OriginUnreachable (ServiceUnavailable) where it is allowed but the
        audit log cannot be told.
        """
        if target.key is None and target.bucket is not None and action in JUDGED_BY_KEY:
            return
        self.require_on(resource_of(target), principal, action, context, asked)

    def require_on(
        self,
        resource: str,
        principal: Principal,
        action: str,
        context: RequestContext,
        asked: Asked,
    ) -> None:
        """Judge as `require` does, on a resource that is no bucket's: a role, an identity."""
        decision = principal.policy.decide(action, resource, context)
        self.note(decision, resource, (principal.name, principal.access_key), action, asked)
        if not decision.is_allowed:
            raise AccessDenied("Access Denied")

    def is_heard(self, action: str, *, is_allowed: bool) -> bool:
        """Return whether the audit log is told of such a judgement."""
        log = self._audit_log
        return log is not None and log.wants(action, is_allowed=is_allowed)

    def note(
        self,
        decision: Decision,
        resource: str,
        who: tuple[str, str],
        action: str,
        asked: Asked,
    ) -> None:
        """Tell the audit log of a judgement; `who` is a name and the access key it signed with.

        Raises OriginUnreachable where it was allowed and cannot be told.
        """
        log = self._audit_log
        if log is not None and log.wants(action, is_allowed=decision.is_allowed):
            judgement = Judgement(
                asked.id,
                asked.remote,
                asked.head.secure,
                *who,
                action,
                resource,
                decision.is_allowed,
                decision.statement or _UNSPOKEN,
                asked.head.headers.get("User-Agent", ""),
            )
            _tell(log, judgement)

    def note_unproven(self, failure: AuthenticationFailed, target: Target, asked: Asked) -> None:
        """Tell the audit log of a request whose sender could not be proven."""
        if self._audit_log is not None:
            judgement = Judgement(
                asked.id,
                asked.remote,
                asked.head.secure,
                NOBODY,
                find_claimed_key(asked.head),
                "",
                resource_of(target),
                is_allowed=False,
                why=f"{failure.code}: {failure.message}",
                user_agent=asked.head.headers.get("User-Agent", ""),
            )
            _tell(self._audit_log, judgement)

    def may_list(self, principal: Principal, target: Target, context: RequestContext) -> bool:
        """Return whether the principal may learn which keys the target's bucket holds.

        As at AWS, the request is no listing: conditions on its s3:prefix find none.
        """
        return target.bucket is not None and principal.policy.allows(
            "s3:ListBucket", target.bucket, context.elsewhere()
        )


def _tell(log: AuditLog, judgement: Judgement) -> None:
    """Write a judgement; what was denied stays denied, what was allowed is not done untold."""
    try:
        log.write(judgement)
    except OSError:
        if judgement.is_allowed:
            raise OriginUnreachable(
                "The audit log cannot be written, and nothing is done without its line."
            ) from None
