"""What a policy may ask of a request, looked up once, and only for a policy that asks."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime

from multidict import CIMultiDict, CIMultiDictProxy

from gateway.access.authentication import Principal
from gateway.access.request_context import NOTHING_KNOWN, Facts, RequestContext, request_context
from gateway.doors.s3.exchange import S3Exchange
from gateway.protocol.http.head import RequestHead

_OF_THE_CLIENT = ("Referer", "User-Agent")


def context_of(
    exchange: S3Exchange, principal: Principal, now: Callable[[], datetime]
) -> RequestContext:
    """Return the values of the keys that the principal's policy names.

    Raises InvalidRequest (InvalidArgument) where it cannot be said which of two values is meant.
    """
    return context_in(exchange.head, exchange.request.remote, principal, now)


def form_context(
    exchange: S3Exchange,
    principal: Principal,
    fields: Mapping[str, str],
    now: Callable[[], datetime],
) -> RequestContext:
    """Return the same for a form upload; `fields` are the headers that its fields stand for.

    Of the request's own headers only the browser's words count: nobody obeys its x-amz-acl.
    """
    headers = CIMultiDict(fields)
    for name in _OF_THE_CLIENT:
        headers.popall(name, None)
        headers.extend((name, value) for value in exchange.head.headers.getall(name, ()))
    head = replace(exchange.head, query="", headers=CIMultiDictProxy(headers))
    return context_in(head, exchange.request.remote, principal, now)


def context_in(
    head: RequestHead, remote: str | None, principal: Principal, now: Callable[[], datetime]
) -> RequestContext:
    """Return the values in a request as it stands in `head`, from the peer at `remote`.

    It is the peer of the connection, and no header that a client could write.
    """
    keys = principal.policy.keys
    if not keys:
        return NOTHING_KNOWN
    facts = Facts(head, principal.username, remote, now(), principal.userid)
    return request_context(keys, facts)
