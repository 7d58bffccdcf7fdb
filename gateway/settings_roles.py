"""The settings of temporary credentials: roles, and whom they trust."""

from collections.abc import Iterable
from typing import Annotated, Final

from pydantic import AfterValidator

from gateway.access.policy import compile_policy, united
from gateway.access.roles import Role
from gateway.settings_entries import GroupSettings, checked_policy
from gateway.settings_fields import Section, refuse, setting
from gateway.settings_values import Seconds, Words

_HOUR_SECONDS: Final = 3600.0


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
    max_session: Seconds = setting(
        "The longest that its credentials may hold. Without a wish they hold an hour, or this "
        "where it is less.",
        _HOUR_SECONDS,
        unit="duration",
        ge=900,
        le=43_200,
    )

    def as_role(self, groups: Iterable[GroupSettings]) -> Role:
        """Return the role that sessions are judged by; `groups` are all that there are."""
        policies = [compile_policy(self.policy)] if self.policy is not None else []
        policies += [
            compile_policy(group.policy, f'group "{group.name}", ')
            for group in groups
            if group.name in self.groups
        ]
        return Role(self.name, united(policies), frozenset(self.trust), None, int(self.max_session))


def check_roles(roles: Iterable[RoleSettings], groups: Iterable[GroupSettings]) -> None:
    """Refuse a role without rights, without trust, or of a group that is not there."""
    known = {group.name for group in groups}
    for role in roles:
        if role.policy is None and not role.groups:
            refuse(f'the role "{role.name}" has neither policy nor groups: add one')
        if not role.trust:
            refuse(f'the role "{role.name}" trusts nobody: add trust')
        for name in role.groups:
            if name not in known:
                refuse(
                    f'roles "{role.name}" names the group "{name}", which is not in [[groups]]: '
                    "add or correct it"
                )
