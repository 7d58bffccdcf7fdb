"""Who may do what: a principal's policy judges a named action on a resource in a request.

Resources are compared in their short form: `*` for the service (as AWS wants it for
s3:ListAllMyBuckets), `bucket`, `bucket/key`.
"""

from typing import Final

from gateway.access.authentication import Principal
from gateway.access.request_context import RequestContext
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

    def require(
        self, principal: Principal, action: str, target: Target, context: RequestContext
    ) -> None:
        """Return where the principal may do `action` on `target`; raises AccessDenied."""
        if target.key is None and target.bucket is not None and action in JUDGED_BY_KEY:
            return
        if not principal.policy.allows(action, resource_of(target), context):
            raise AccessDenied("Access Denied")

    def may_list(self, principal: Principal, target: Target, context: RequestContext) -> bool:
        """Return whether the principal may learn which keys the target's bucket holds.

        As at AWS, the request is no listing: conditions on its s3:prefix find none.
        """
        return target.bucket is not None and principal.policy.allows(
            "s3:ListBucket", target.bucket, context.elsewhere()
        )
