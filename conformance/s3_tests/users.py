"""Whom the suite acts as, and the file in which it reads that.

The suite wants a main user, another one (alt), one of another tenant, and one who may use IAM. An
origin that knows a single user is all of them: what needs two then fails on both sides.
"""

import configparser
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from conformance.support.servers import Server

SECTIONS = {"main": "s3 main", "alt": "s3 alt", "tenant": "s3 tenant", "iam": "iam"}
"""Role -> section of the suite's file."""
_ALSO_IAM = ("iam root", "iam alt root")


@dataclass(frozen=True, slots=True)
class User:
    """A user as the suite describes one; the keys are those of one side."""

    access_key: str
    secret_key: str
    user_id: str
    display_name: str
    email: str = "user@example.com"
    tenant: str = ""

    @property
    def keys(self) -> tuple[str, str]:
        """Return what the user signs with."""
        return self.access_key, self.secret_key


Users = Mapping[str, User]


def one_user(user: User) -> Users:
    """Return the users of an origin that knows one."""
    return dict.fromkeys(SECTIONS, user)


def read_users(path: Path) -> Users:
    """Return the users in a file of the suite's own form; raises KeyError without `s3 main`."""
    parser = configparser.RawConfigParser()
    parser.read(path, "utf-8")
    main = _read_user(parser["s3 main"])
    return {
        role: _read_user(parser[section]) if parser.has_section(section) else main
        for role, section in SECTIONS.items()
    }


def gateway_users(users: Users) -> Users:
    """Return the same users with keys that only the gateway knows."""
    return {
        role: replace(
            user,
            access_key=f"AKIAFOREBAYS3TESTS{role.upper()}",
            secret_key=f"conformance/only+gateway+{role}",
        )
        for role, user in users.items()
    }


def suite_settings(server: Server, users: Users, api_name: str) -> str:
    """Return the suite's file for one side."""
    parser = configparser.RawConfigParser()
    parser["DEFAULT"] = {
        "host": "127.0.0.1",
        "port": str(server.port),
        "is_secure": str(server.is_secure),
        # The certificate is of an hour and of our own; TLS itself is what is tried.
        "ssl_verify": "False",
    }
    parser["fixtures"] = {"bucket prefix": "forebay-{random}-"}
    for role, section in SECTIONS.items():
        parser[section] = _written(users[role])
    for section in _ALSO_IAM:
        parser[section] = _written(users["iam"])
    parser["s3 main"]["api_name"] = api_name
    lines: list[str] = []
    for section, values in [("DEFAULT", parser.defaults()), *_own(parser)]:
        lines += [f"[{section}]", *(f"{name} = {value}" for name, value in values.items()), ""]
    return "\n".join(lines)


def _own(parser: configparser.RawConfigParser) -> list[tuple[str, dict[str, str]]]:
    """Return the sections, without what each inherits."""
    defaults = parser.defaults()
    return [
        (name, {key: value for key, value in parser.items(name) if key not in defaults})
        for name in parser.sections()
    ]


def _written(user: User) -> dict[str, str]:
    return {
        "access_key": user.access_key,
        "secret_key": user.secret_key,
        "user_id": user.user_id,
        "display_name": user.display_name,
        "email": user.email,
        "tenant": user.tenant,
    }


def _read_user(section: configparser.SectionProxy) -> User:
    return User(
        access_key=section["access_key"],
        secret_key=section["secret_key"],
        user_id=section.get("user_id", section["access_key"]),
        display_name=section.get("display_name", section["access_key"]),
        email=section.get("email", "user@example.com"),
        tenant=section.get("tenant", ""),
    )
