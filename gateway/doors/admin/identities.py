"""The admin API's identities: JSON in and out, signed with Signature Version 4, each action judged.

    GET    /v1/identities[?after=NAME&limit=N]     forebay:ListIdentities on *
    POST   /v1/identities                          forebay:CreateIdentity on identity/NAME
    GET    /v1/identities/NAME                     forebay:GetIdentity
    PATCH  /v1/identities/NAME                     forebay:UpdateIdentity
    DELETE /v1/identities/NAME                     forebay:DeleteIdentity
    POST   /v1/identities/NAME/rotate              forebay:RotateIdentity, likewise disable, enable

The service in the signature's scope is `forebay`, so that a signature made for S3 opens nothing
here. The signature covers the body. What is asked of the state waits for disks and other processes,
hence runs in threads, one after the other.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from random import getrandbits
from typing import Final

from aiohttp import web

from gateway.access import admin_actions as actions
from gateway.access.authentication import Authentication, Principal
from gateway.access.authorization import Authorization
from gateway.access.identity_ledger import IdentityLedger
from gateway.access.request_context import Facts, request_context
from gateway.doors.admin.answers import answered, json_response
from gateway.doors.admin.calls import (
    CHANGE,
    CREATION,
    ROTATION,
    read_call,
    read_changes,
    read_keys,
    read_wanted,
)
from gateway.model.failures import AuthenticationFailed, InvalidRequest, NotSupported
from gateway.protocol.http.head import RequestHead, split_target
from gateway.protocol.s3.addressing import Target

BODY_BYTES_MAX: Final = 256 * 1024
"""A policy of IAM's may have 6,144 letters, one of Forebay's 131,072."""
_BODY_SECONDS_MAX: Final = 20.0
_PAGE_MAX: Final = 1000
_CREATED, _NO_CONTENT = 201, 204
_NO_TARGET: Final = Target(None, None, "")
_WITH_BODY: Final = frozenset({actions.CHANGE, actions.ROTATE})


@dataclass(frozen=True, slots=True)
class Parts:
    """What the admin API stands on; each is asked anew for every request, as a reload leaves it."""

    authentication: Authentication
    authorization: Authorization
    ledger: IdentityLedger | None
    """None where no key is set that seals secrets."""
    now: Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class _Asked:
    """A request whose body is whole; what the audit log wants to know of it."""

    id: str
    head: RequestHead
    remote: str
    body: bytes
    name: str
    """The identity in the path; '' where there is none."""


class IdentityDoor:
    """Answers what is asked of /v1/identities."""

    def __init__(self, parts: Callable[[], Parts]) -> None:
        """Take what returns the parts as they are now."""
        self._parts = parts
        self._one_by_one = asyncio.Lock()

    def add_routes(self, router: web.UrlDispatcher) -> None:
        """Take the paths."""
        one = "/v1/identities/{name:[^/]+}"
        for method, path, act in (
            ("GET", "/v1/identities", self._list),
            ("POST", "/v1/identities", self._create),
            ("GET", one, self._get),
            ("PATCH", one, self._change),
            ("DELETE", one, self._delete),
            ("POST", f"{one}/rotate", self._rotate),
            ("POST", f"{one}/disable", self._disable),
            ("POST", f"{one}/enable", self._enable),
        ):
            router.add_route(method, path, self._answering(act))

    def _answering(
        self, act: Callable[[Parts, _Asked], web.Response]
    ) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def answer(request: web.Request) -> web.Response:
            asked = await _read(request)
            async with self._one_by_one:
                return await asyncio.to_thread(
                    answered, lambda: act(self._parts(), asked), asked.id
                )

        return answer

    def _list(self, parts: Parts, asked: _Asked) -> web.Response:
        _require(parts, asked, actions.LIST, actions.ALL_IDENTITIES)
        given = dict(asked.head.query_pairs())
        limit, after = given.pop("limit", str(_PAGE_MAX)), given.pop("after", "")
        is_number = limit.isascii() and limit.isdigit() and len(limit) <= len(str(_PAGE_MAX))
        if given or not is_number or not 0 < int(limit) <= _PAGE_MAX:
            raise InvalidRequest(
                f"a list takes after=NAME and limit=N, from 1 to {_PAGE_MAX}",
                code="ValidationError",
            )
        found = _ledger(parts).page(after, int(limit))
        following = found[-1].name if len(found) == int(limit) else None
        return json_response({"identities": [one.shown() for one in found], "next": following})

    def _create(self, parts: Parts, asked: _Asked) -> web.Response:
        principal = _identified(parts, asked)
        call = read_call(asked.body, CREATION)
        wanted = read_wanted(call)
        _judge(parts, asked, principal, actions.CREATE, actions.identity_resource(wanted.name))
        kept, keys = _ledger(parts).add(wanted, by=_who(principal))
        secret = {} if wanted.keys is not None else {"secret_key": keys.secret_key}
        return json_response(kept.shown() | secret, _CREATED)

    def _get(self, parts: Parts, asked: _Asked) -> web.Response:
        _on_one(parts, asked, actions.GET)
        return json_response(_ledger(parts).get(asked.name).shown())

    def _change(self, parts: Parts, asked: _Asked) -> web.Response:
        principal = _on_one(parts, asked, actions.CHANGE)
        changes = read_changes(read_call(asked.body, CHANGE))
        kept = _ledger(parts).change(asked.name, changes, by=_who(principal))
        return json_response(kept.shown())

    def _delete(self, parts: Parts, asked: _Asked) -> web.Response:
        principal = _on_one(parts, asked, actions.DELETE)
        _ledger(parts).remove(asked.name, by=_who(principal))
        return web.Response(status=_NO_CONTENT)

    def _rotate(self, parts: Parts, asked: _Asked) -> web.Response:
        principal = _on_one(parts, asked, actions.ROTATE)
        given = read_keys(read_call(asked.body, ROTATION))
        kept, keys = _ledger(parts).rotate(asked.name, given, by=_who(principal))
        secret = {} if given is not None else {"secret_key": keys.secret_key}
        return json_response(kept.shown() | secret)

    def _disable(self, parts: Parts, asked: _Asked) -> web.Response:
        principal = _on_one(parts, asked, actions.DISABLE)
        return json_response(_ledger(parts).disable(asked.name, by=_who(principal)).shown())

    def _enable(self, parts: Parts, asked: _Asked) -> web.Response:
        principal = _on_one(parts, asked, actions.ENABLE)
        return json_response(_ledger(parts).enable(asked.name, by=_who(principal)).shown())


async def _read(request: web.Request) -> _Asked:
    """Return the request once its body is here, bounded in bytes and in time."""
    async with asyncio.timeout(_BODY_SECONDS_MAX):
        body = await request.read()
    path, query = split_target(request.raw_path)
    head = RequestHead(request.method, path, query, request.headers, request.secure)
    name = request.match_info.get("name", "")
    return _Asked(f"{getrandbits(64):016X}", head, request.remote or "-", body, name)


def _on_one(parts: Parts, asked: _Asked, action: str) -> Principal:
    """Return who asks for an action on the identity in the path, and check for a stray body."""
    principal = _require(parts, asked, action, actions.identity_resource(asked.name))
    if action not in _WITH_BODY and asked.body:
        raise InvalidRequest("this request takes no body", code="ValidationError")
    return principal


def _require(parts: Parts, asked: _Asked, action: str, resource: str) -> Principal:
    principal = _identified(parts, asked)
    _judge(parts, asked, principal, action, resource)
    return principal


def _identified(parts: Parts, asked: _Asked) -> Principal:
    digest = sha256(asked.body).hexdigest()
    try:
        return parts.authentication.identify_call(asked.head, actions.SERVICE, digest)
    except AuthenticationFailed as failure:
        parts.authorization.note_unproven(failure, _NO_TARGET, asked)
        raise


def _judge(parts: Parts, asked: _Asked, principal: Principal, action: str, resource: str) -> None:
    username, userid = principal.username, principal.userid
    facts = Facts(asked.head, username, asked.remote, parts.now(), userid)
    context = request_context(principal.policy.keys, facts)
    parts.authorization.require_on(resource, principal, action, context, asked)


def _ledger(parts: Parts) -> IdentityLedger:
    if parts.ledger is None:
        raise NotSupported(
            "no key is set that seals secrets, so that no identities can be kept: "
            "set state.key_file and start Forebay again"
        )
    return parts.ledger


def _who(principal: Principal) -> str:
    return f"admin API ({principal.name})"
