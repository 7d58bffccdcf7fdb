"""The life of an STS call: read, identify, issue, answer; beside S3, on the same listener.

https://docs.aws.amazon.com/STS/latest/APIReference/welcome.html. A body is read whole before the
signature is judged, since the signature covers its hash, so it is bounded tightly.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import aclosing
from datetime import UTC, datetime
from hashlib import sha256
from time import perf_counter
from typing import Final

from aiohttp import web

from gateway.access.authentication import Authentication, Principal
from gateway.access.authorization import Authorization
from gateway.access.metering import Metering
from gateway.access.policy import Decision
from gateway.access.policy_parsing import ROLE_PREFIX
from gateway.access.request_context import NOTHING_KNOWN, Facts, RequestContext, request_context
from gateway.access.roles import WebIdentity
from gateway.access.session_issue import Issued, Issuing, Wanted, judge_role
from gateway.access.web_providers import WebProviders
from gateway.doors.exchange import Exchange
from gateway.model.failures import (
    AccessDenied,
    AuthenticationFailed,
    Failure,
    InvalidRequest,
    Overloaded,
)
from gateway.protocol.http.head import check_expectation, parse_query, split_target
from gateway.protocol.s3.addressing import Target, locate
from gateway.protocol.sts.answers import (
    ACCOUNT,
    Result,
    answer_xml,
    assumed_role,
    assumed_role_arn,
    credentials,
    refusal,
    user_arn,
)
from gateway.protocol.sts.calls import (
    IDENTITY_SECONDS_DEFAULT,
    IDENTITY_SECONDS_MAX,
    ROLE_SECONDS_MAX,
    Call,
    parse_call,
)
from gateway.telemetry import metrics
from gateway.telemetry.logs import AccessLog, AccessRecord

BODY_BYTES_MAX: Final = 64 * 1024
CALLS_MAX: Final = 64
"""Calls that a worker answers at a time; each may hold a whole body in memory."""
WEB_CALLS_MAX: Final = 32
"""Of them those that nobody signed: who can make only these must not keep out the others."""
_FORM: Final = "application/x-www-form-urlencoded"
_OK: Final = 200
_SERVICE: Final = Target(None, None, "")
_ITSELF: Final = Decision(is_allowed=True, statement="everybody may stand for themselves")


def is_call(request: web.BaseRequest, domains: tuple[str, ...]) -> bool:
    """Return whether a request is for STS: it is of no bucket, and a form or names an Action.

    S3 has no POST to `/` and no `Action` parameter, so nothing of S3's is taken from it.
    """
    path, query = split_target(request.raw_path)
    if path != "/":
        return False
    # Not aiohttp's reading of it, which fails on `;a*`: nothing here is judged or caught yet.
    kind = request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    is_form = request.method == "POST" and kind == _FORM
    is_query = request.method in {"GET", "POST"} and f"&{query}".find("&Action=") >= 0
    if not (is_form or is_query):
        return False
    try:
        return locate(request.headers.get("Host", ""), path, domains).bucket is None
    except Failure:
        return False


class StsDoor:
    """Answers STS calls."""

    def __init__(
        self,
        authentication: Authentication,
        authorization: Authorization,
        issuing: Issuing,
        metering: Metering,
        providers: WebProviders,
        *,
        access_log: AccessLog,
        now: Callable[[], datetime],
    ) -> None:
        """Identify by `authentication`; `now` is the UTC moment that policies are judged at."""
        self._authentication = authentication
        self._authorization = authorization
        self._issuing = issuing
        self._metering = metering
        self.providers = providers
        self._calls = self._web_calls = 0
        self._access_log = access_log
        self._now = now
        self._answers: Mapping[str, Callable[[Exchange, Call], Awaitable[Result]]] = {
            "AssumeRole": self._assume_role,
            "AssumeRoleWithWebIdentity": self._assume_role_with_web_identity,
            "GetCallerIdentity": self._get_caller_identity,
            "GetSessionToken": self._get_session_token,
        }

    async def serve(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer, and leave one line in the access log, whatever happened."""
        exchange = Exchange(request)
        action, who = "-", "-"
        self._calls += 1
        metrics.requests_in_flight.inc()
        try:
            if self._calls > CALLS_MAX:
                raise Overloaded("Rate exceeded")
            body = await _read_body(exchange)
            call = _call_of(exchange, body)
            action = call.action
            if call.is_signed:
                caller = exchange.principal = self._authentication.identify_call(
                    exchange.head, "sts", sha256(body).hexdigest()
                )
                self._metering.admit(caller.payer, caller.allowance)
            result = await self._answers[action](exchange, call)
            who = str(result.get("SubjectFromWebIdentityToken", who))
            return await _send(exchange, _OK, answer_xml(action, result, exchange.id))
        except Failure as failure:
            if isinstance(failure, AuthenticationFailed) and exchange.principal is None:
                self._authorization.note_unproven(failure, _SERVICE, exchange)
            words = refusal(failure)
            exchange.error_code = words.code
            return await _send(exchange, words.status, words.xml(exchange.id))
        except (ConnectionError, asyncio.CancelledError):
            exchange.error_code = exchange.error_code or "ClientDisconnected"
            raise
        finally:
            self._calls -= 1
            metrics.requests_in_flight.dec()
            self._record(exchange, action, who)

    async def _assume_role(self, exchange: Exchange, call: Call) -> Result:
        caller = _principal(exchange)
        wanted = Wanted(call.session_name, call.find_seconds(ROLE_SECONDS_MAX), call.policy)
        role = self._authentication.roles.find(call.role_name)
        resource = ROLE_PREFIX + call.role_name
        decision = judge_role(caller, role, self._context(exchange, caller))
        who = caller.name, caller.access_key
        self._authorization.note(decision, resource, who, "sts:AssumeRole", exchange)
        if role is None or not decision.is_allowed:
            # The same words whether there is no such role or no such trust.
            raise AccessDenied(
                f"User: {_arn(caller)} is not authorized to perform: sts:AssumeRole "
                f"on resource: {resource}"
            )
        return _of_role(self._issuing.role_session(caller, role, wanted))

    async def _assume_role_with_web_identity(self, exchange: Exchange, call: Call) -> Result:
        wanted = Wanted(call.session_name, call.find_seconds(ROLE_SECONDS_MAX), call.policy)
        role_name, web = call.role_name, await self._identify_web(call)
        role = self._authentication.roles.find(role_name)
        decision = judge_role(web, role, NOTHING_KNOWN)
        action = "sts:AssumeRoleWithWebIdentity"
        who = f"{web.issuer} {web.subject}", ""
        self._authorization.note(decision, ROLE_PREFIX + role_name, who, action, exchange)
        if role is None or not decision.is_allowed:
            raise AccessDenied(f"Not authorized to perform {action}")
        return _of_role(self._issuing.role_session(web, role, wanted)) | {
            "SubjectFromWebIdentityToken": web.subject,
            "Audience": " ".join(web.audiences),
            "Provider": web.issuer,
        }

    async def _identify_web(self, call: Call) -> WebIdentity:
        """Return whom the call's token proves; few at a time, since keys may have to be fetched."""
        if self._web_calls >= WEB_CALLS_MAX:
            raise Overloaded("Rate exceeded")
        self._web_calls += 1
        try:
            return await self.providers.identify(call.web_token, self._now().timestamp())
        finally:
            self._web_calls -= 1

    async def _get_session_token(self, exchange: Exchange, call: Call) -> Result:
        seconds = call.find_seconds(IDENTITY_SECONDS_MAX) or IDENTITY_SECONDS_DEFAULT
        caller = _principal(exchange)
        who = caller.name, caller.access_key
        self._authorization.note(_ITSELF, _arn(caller), who, "sts:GetSessionToken", exchange)
        issued = self._issuing.session_of(caller, seconds)
        return {"Credentials": _credentials(issued)}

    async def _get_caller_identity(self, exchange: Exchange, _call: Call) -> Result:
        """Tell callers who they are; as at AWS nobody needs a right to ask, nor can be denied."""
        caller = _principal(exchange)
        return {"Arn": _arn(caller), "UserId": caller.userid, "Account": ACCOUNT}

    def _context(self, exchange: Exchange, caller: Principal) -> RequestContext:
        facts = Facts(
            exchange.head, caller.username, exchange.request.remote, self._now(), caller.userid
        )
        return request_context(caller.policy.keys, facts)

    def _record(self, exchange: Exchange, action: str, who: str) -> None:
        """Count the call and write its line; its query, which may hold a token, is left out."""
        seconds = perf_counter() - exchange.receipt.started
        status = exchange.response.status if exchange.response is not None else 499
        metrics.requests.labels(door="sts", operation=action, status=str(status)).inc()
        metrics.request_seconds.labels(door="sts").observe(seconds)
        self._access_log.write(
            AccessRecord(
                request_id=exchange.id,
                remote=exchange.remote,
                principal=exchange.principal.name if exchange.principal is not None else who,
                method=exchange.head.method,
                operation=action,
                bucket="",
                key="",
                query="",
                status=status,
                error=exchange.error_code,
                cache="",
                origin_requests=0,
                bytes_in=exchange.bytes_in,
                bytes_out=exchange.bytes_out,
                seconds=seconds,
                user_agent=exchange.head.headers.get("User-Agent", ""),
            )
        )


async def _read_body(exchange: Exchange) -> bytes:
    """Return the whole body; raises InvalidRequest beyond the bound."""
    check_expectation(exchange.head)
    body = bytearray()
    if (exchange.request.content_length or 0) > BODY_BYTES_MAX:
        raise _too_large()
    async with aclosing(exchange.body()) as pieces:
        async for piece in pieces:
            body += piece
            if len(body) > BODY_BYTES_MAX:
                raise _too_large()
    return bytes(body)


def _too_large() -> InvalidRequest:
    return InvalidRequest(
        f"A call may have a body of {BODY_BYTES_MAX} bytes", code="RequestEntityTooLarge"
    )


def _call_of(exchange: Exchange, body: bytes) -> Call:
    try:
        form = body.decode("ascii")
    except UnicodeDecodeError:
        raise InvalidRequest("The form is not URL-encoded", code="MalformedQueryString") from None
    return parse_call([*exchange.head.query_pairs(), *parse_query(form)])


def _principal(exchange: Exchange) -> Principal:
    assert exchange.principal is not None  # noqa: S101 - signed calls are identified first
    return exchange.principal


def _arn(caller: Principal) -> str:
    session = caller.session
    if session is None or not session.role:
        return user_arn(caller.name)
    return assumed_role_arn(session.role, session.name)


def _credentials(issued: Issued) -> Result:
    session = issued.session
    expires = datetime.fromtimestamp(session.expires, UTC)
    return credentials(session.access_key, session.secret_key, issued.token, expires)


def _of_role(issued: Issued) -> dict[str, "str | Result"]:
    result: dict[str, str | Result] = {
        "AssumedRoleUser": assumed_role(issued.session.role, issued.session.name),
        "Credentials": _credentials(issued),
    }
    if issued.session.policy:
        result["PackedPolicySize"] = str(issued.packed_percent)
    return result


async def _send(exchange: Exchange, status: int, body: bytes) -> web.StreamResponse:
    headers = {
        "Content-Type": "text/xml",
        "Cache-Control": "no-store",  # an answer may be a secret
        "x-amzn-RequestId": exchange.id,
        "x-amz-request-id": exchange.id,
    }
    return await exchange.send_whole(status, headers, body)
