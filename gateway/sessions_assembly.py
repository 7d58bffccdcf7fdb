"""The composition root's part for temporary credentials: their tokens, roles and door."""

import logging
from collections.abc import Awaitable, Callable
from datetime import datetime

from aiohttp import web

from gateway.access.authentication import Authentication
from gateway.access.roles import Roles
from gateway.access.session_issue import Issuing
from gateway.access.session_tokens import PURPOSE, SessionTokens
from gateway.doors.http_server import Handler
from gateway.doors.s3.pipeline import Pipeline
from gateway.doors.sts.pipeline import StsDoor, is_call
from gateway.settings import Settings
from gateway.settings_reading import SettingsError, read_state_keys
from gateway.state.sealing import Sealer
from gateway.telemetry.logs import AccessLog

_log = logging.getLogger(__name__)


def with_sts(
    s3: Pipeline, domains: tuple[str, ...], access_log: AccessLog, now: Callable[[], datetime]
) -> Handler:
    """Return what serves a request by the door that it is for: both share the listener."""
    issuing = Issuing(s3.authentication, now)
    sts = StsDoor(
        s3.authentication,
        s3.authorization,
        issuing,
        s3.metering,
        access_log=access_log,
        now=now,
    )

    def serve(request: web.BaseRequest) -> Awaitable[web.StreamResponse]:
        return sts.serve(request) if is_call(request, domains) else s3.serve(request)

    return serve


def make_tokens(settings: Settings) -> SessionTokens:
    """Return what makes and opens session tokens; raises SettingsError for a bad key."""
    keys = read_state_keys(settings.state)
    return SessionTokens(Sealer(keys, PURPOSE) if keys else None)


def make_roles(settings: Settings) -> Roles:
    """Return the roles as they are in force."""
    return Roles(role.as_role(settings.groups) for role in settings.roles)


def renew_sessions(authentication: Authentication, settings: Settings) -> None:
    """Put roles and keys that were read again in force, between two requests."""
    authentication.roles = make_roles(settings)
    try:
        authentication.tokens = make_tokens(settings)
    except SettingsError as error:  # the supervisor has just read it, so it is a matter of moments
        _log.error("the key of session tokens stays as it was: %s", error)
