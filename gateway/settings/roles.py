"""The settings of temporary credentials: roles, whom they trust, and who vouches for the latter."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Final, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, model_validator

from gateway.access.policy import compile_policy, united
from gateway.access.policy_patterns import compile_texts, parse_text
from gateway.access.roles import Role, WebTrust
from gateway.settings.entries import GroupSettings, checked_policy, compiled
from gateway.settings.fields import Section, refuse, setting
from gateway.settings.values import LocalPath, Seconds, Words, resolve_path

_HOUR_SECONDS: Final = 3600.0
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


def _check_url(url: str) -> str:
    """Return a URL that nobody on the way can answer in another's name."""
    parts = urlsplit(url)
    is_local = parts.scheme == "http" and parts.hostname in _LOOPBACK
    if not parts.hostname or parts.username or not (parts.scheme == "https" or is_local):
        raise ValueError('write "https://..."; "http://" is for this machine itself only')
    return url


def _resolve_keys(value: object, info: ValidationInfo) -> str:
    """Return a URL as it is, anything else as a path."""
    if isinstance(value, str) and value.startswith(("http://", "https://")):
        return _check_url(value)
    return resolve_path(value, info)


def _check_subjects(subjects: tuple[str, ...]) -> tuple[str, ...]:
    for subject in subjects:
        if "${" in subject or not subject:
            raise ValueError(f'"{subject}" is no subject: variables are not known here')
    return subjects


class OidcSettings(Section):
    """An OpenID Connect provider whose tokens roles may trust (`AssumeRoleWithWebIdentity`)."""

    name: str = setting("The name that roles give in `oidc`.", min_length=1, max_length=128)
    issuer: Annotated[str, AfterValidator(_check_url)] = setting(
        "The `iss` claim of its tokens, to the letter.",
        unit="URL",
    )
    audiences: Annotated[Words, Field(min_length=1)] = setting(
        "What the `aud` claim must hold one of, such as `sts.amazonaws.com`; one or a list.",
        unit="audiences",
    )
    jwks: Annotated[str, BeforeValidator(_resolve_keys)] = setting(
        "Its public keys (a JWK set): a file, read again when it changes, or a URL, asked every "
        "ten minutes and where a token names a key that is not known.",
        unit="path or URL",
    )
    ca_file: LocalPath | None = setting(
        "Certificates (PEM) to trust for the URL in `jwks`, in place of the system's.",
        None,
        unit="path",
    )

    @property
    def jwks_is_file(self) -> bool:
        """Return whether the keys are in a file."""
        return not self.jwks.startswith(("http://", "https://"))

    @property
    def files(self) -> Mapping[str, Path | None]:
        """Return the files that must be there, by their key."""
        keys = Path(self.jwks) if self.jwks_is_file else None
        return {f'oidc "{self.name}".jwks': keys, f'oidc "{self.name}".ca_file': self.ca_file}


class RoleSettings(Section):
    """What may be done for a while with temporary credentials, and by whom."""

    name: str = setting(
        "The name in its ARN, `arn:aws:iam::000000000000:role/NAME`; any account is understood.",
        pattern=r"^[A-Za-z0-9_+=,.@-]{1,64}$",
    )
    policy: Annotated[object, AfterValidator(checked_policy)] = setting(
        "What its sessions may do, written like an identity's; a session policy can only narrow "
        "it. May be left out where `groups` stand.",
        None,
    )
    groups: Words = setting(
        "Groups whose policies apply as well; one or a list.",
        (),
        unit="groups",
    )
    trust: Words = setting(
        "Names of the identities that may play it (`sts:AssumeRole`); one or a list. They need no "
        "further right, but an explicit Deny of theirs wins.",
        (),
        unit="identities",
    )
    oidc: str | None = setting(
        "The name of the `[[oidc]]` provider whose `subjects` may play it.",
        None,
        min_length=1,
    )
    subjects: Annotated[Words, AfterValidator(_check_subjects)] = setting(
        "Which `sub` claims are trusted: patterns with `*` and `?`; one or a list.",
        (),
        unit="patterns",
    )
    audiences: Words = setting(
        "Which audiences of the provider are trusted; without any, all that it has.",
        (),
        unit="audiences",
    )
    max_session: Seconds = setting(
        "The longest that its credentials may hold. Without a wish they hold an hour, or this "
        "where it is less.",
        _HOUR_SECONDS,
        unit="duration",
        ge=900,
        le=43_200,
    )

    @model_validator(mode="after")
    def _check_trust(self) -> Self:
        if not self.trust and self.oidc is None:
            refuse(f'the role "{self.name}" trusts nobody: add trust, or oidc and subjects')
        if (self.oidc is None) != (not self.subjects):
            refuse(f'the role "{self.name}" has one of oidc and subjects: set both or neither')
        if self.audiences and self.oidc is None:
            refuse(f'the role "{self.name}" has audiences without oidc: add oidc or remove them')
        return self

    def as_role(
        self, groups: Iterable[GroupSettings], providers: Iterable[OidcSettings] = ()
    ) -> Role:
        """Return the role that sessions are judged by, of all groups and providers."""
        policies = [compile_policy(self.policy)] if self.policy is not None else []
        policies += compiled(group for group in groups if group.name in self.groups).values()
        trusted = next((one for one in providers if one.name == self.oidc), None)
        return Role(
            self.name,
            united(policies),
            frozenset(self.trust),
            None if trusted is None else self._web_trust(trusted),
            int(self.max_session),
            groups=tuple(self.groups),
        )

    def _web_trust(self, provider: OidcSettings) -> WebTrust:
        subjects = [parse_text(one, has_wildcards=True) for one in self.subjects]
        audiences = self.audiences or provider.audiences
        return WebTrust(provider.issuer, frozenset(audiences), compile_texts(subjects))


def check_roles(
    roles: Iterable[RoleSettings],
    groups: Iterable[GroupSettings],
    providers: Iterable[OidcSettings],
) -> None:
    """Refuse a role without rights, or of a group, a provider or an audience that is not there."""
    group_names = {group.name for group in groups}
    audiences = {one.name: one.audiences for one in providers}
    for role in roles:
        if role.policy is None and not role.groups:
            refuse(f'the role "{role.name}" has neither policy nor groups: add one')
        for name in role.groups:
            _check_known(role, "group", name, group_names)
        if role.oidc is not None:
            _check_known(role, "oidc", role.oidc, audiences)
            for audience in role.audiences:
                _check_known(role, "audience", audience, audiences[role.oidc])


def _check_known(role: RoleSettings, what: str, name: str, known: Iterable[str]) -> None:
    if name not in known:
        where = {"group": "[[groups]]", "oidc": "[[oidc]]", "audience": "those of its provider"}
        refuse(
            f'roles "{role.name}" names the {what} "{name}", which is not in {where[what]}: '
            "add or correct it"
        )
