"""The composition root's part for temporary credentials: their tokens, roles and door."""

import logging
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path

from aiohttp import web

from gateway.access.authentication import Authentication
from gateway.access.key_sources import FileKeys, UrlKeys
from gateway.access.roles import Roles
from gateway.access.session_issue import Issuing
from gateway.access.session_tokens import PURPOSE, SessionTokens
from gateway.access.web_providers import WebProvider, WebProviders
from gateway.doors.http_server import Handler
from gateway.doors.s3.pipeline import Pipeline
from gateway.doors.sts.pipeline import StsDoor, is_call
from gateway.settings.reading import SettingsError, read_state_keys
from gateway.settings.tree import Settings
from gateway.state.sealing import Sealer
from gateway.telemetry.logs import AccessLog

_log = logging.getLogger(__name__)


def make_sts(
    settings: Settings, s3: Pipeline, access_log: AccessLog, now: Callable[[], datetime]
) -> StsDoor:
    """Return the door that stands beside that of S3, on the same knowledge of who may what."""
    return StsDoor(
        s3.authentication,
        s3.authorization,
        Issuing(s3.authentication, now),
        s3.metering,
        make_providers(settings),
        access_log=access_log,
        now=now,
    )


def choosing_door(s3: Pipeline, sts: StsDoor, domains: tuple[str, ...]) -> Handler:
    """Return what serves a request by the door that it is for: both share the listener."""

    def serve(request: web.BaseRequest) -> Awaitable[web.StreamResponse]:
        return sts.serve(request) if is_call(request, domains) else s3.serve(request)

    return serve


def make_tokens(settings: Settings) -> SessionTokens:
    """Return what makes and opens session tokens; raises SettingsError for a bad key."""
    keys = read_state_keys(settings.state)
    return SessionTokens(Sealer(keys, PURPOSE) if keys else None)


def make_roles(settings: Settings) -> Roles:
    """Return the roles as they are in force."""
    return Roles(role.as_role(settings.groups, settings.oidc) for role in settings.roles)


def make_providers(settings: Settings, before: WebProviders | None = None) -> WebProviders:
    """Return the OIDC providers; one that stays what it was `before` keeps its keys."""
    made = [
        WebProvider(
            one.issuer,
            frozenset(one.audiences),
            FileKeys(Path(one.jwks)) if one.jwks_is_file else UrlKeys(one.jwks, one.ca_file),
        )
        for one in settings.oidc
    ]
    return WebProviders(made if before is None else map(before.kept, made))


def renew_sessions(authentication: Authentication, sts: StsDoor, settings: Settings) -> None:
    """Put roles, providers and keys that were read again in force, between two requests."""
    sts.providers = make_providers(settings, sts.providers)
    authentication.roles = make_roles(settings)
    try:
        authentication.tokens = make_tokens(settings)
    except SettingsError as error:  # the supervisor has just read it, so it is a matter of moments
        _log.error("the key of session tokens stays as it was: %s", error)
