"""Who may do what: a principal's policy judges a named action on a resource.

Resources are compared in their short form: `*` for the service (as AWS wants it for
s3:ListAllMyBuckets), `bucket`, `bucket/key`.
"""

from typing import Final

from gateway.access.authentication import Principal
from gateway.model.failures import AccessDenied
from gateway.protocol.s3.addressing import Target

JUDGED_BY_KEY: Final = frozenset({"s3:DeleteObject"})
"""Actions on objects that a request to a bucket asks for by keys in its body (DeleteObjects): the
handler judges each key, and those that are denied are answered one by one, as at AWS."""


def resource_of(target: Target) -> str:
    """Return the resource that policies name for a target."""
    if target.bucket is None:
        return "*"
    return target.bucket if target.key is None else f"{target.bucket}/{target.key}"


class Authorization:
    """Asks the policy that the principal was identified with; keeps nothing itself."""

    def require(self, principal: Principal, action: str, target: Target) -> None:
        """Return where the principal may do `action` on `target`; raises AccessDenied."""
        if target.key is None and target.bucket is not None and action in JUDGED_BY_KEY:
            return
        if not principal.policy.allows(action, resource_of(target)):
            raise AccessDenied("Access Denied")

    def may(self, principal: Principal, action: str, resource: str) -> bool:
        """Return whether the principal may do `action` on `bucket` or `bucket/key`."""
        return principal.policy.allows(action, resource)

    def may_list(self, principal: Principal, target: Target) -> bool:
        """Return whether the principal may learn which keys the target's bucket holds."""
        return target.bucket is not None and self.may(principal, "s3:ListBucket", target.bucket)
