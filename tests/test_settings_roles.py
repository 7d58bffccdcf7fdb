"""Roles in the settings: judged with everything else, and the role that they make."""

import pytest
from pydantic import ValidationError

from gateway.settings import Settings
from gateway.settings_reading import from_json, to_json

READERS = {"name": "readers", "policy": "read-only"}
ROLE = {"name": "training", "policy": "read-only", "trust": "ann"}


def settings(*roles, groups=(READERS,)) -> Settings:
    return Settings.model_validate({"roles": list(roles), "groups": list(groups)})


def test_a_role_is_what_is_written():
    made = settings(ROLE | {"max_session": "2h", "groups": ["readers"]})
    role = made.roles[0].as_role(made.groups)
    assert (role.name, role.session_seconds_max) == ("training", 7200)
    assert role.arn == "arn:aws:iam::000000000000:role/training"
    assert role.trusts("ann")
    assert not role.trusts("ben")
    assert role.policy.allows("s3:GetObject", "b/k")
    assert not role.policy.allows("s3:PutObject", "b/k")


def test_a_group_s_denial_holds_for_the_role():
    shut = {"name": "shut", "policy": [{"Effect": "Deny", "Action": "*", "Resource": "b/*"}]}
    made = settings(ROLE | {"groups": "shut"}, groups=[shut])
    assert not made.roles[0].as_role(made.groups).policy.allows("s3:GetObject", "b/k")


def test_sessions_hold_an_hour_at_most_unless_told():
    assert settings(ROLE).roles[0].max_session == 3600


def test_roles_reach_workers_as_they_are():
    made = settings(ROLE)
    assert from_json(to_json(made)) == made


@pytest.mark.parametrize(
    ("roles", "words"),
    [
        ([ROLE | {"policy": None}], "neither policy nor groups"),
        ([ROLE | {"trust": []}], "trusts nobody"),
        ([ROLE | {"groups": ["nobody"]}], "not in \\[\\[groups\\]\\]"),
        ([ROLE, ROLE], "stands twice"),
        ([ROLE | {"name": "a/b"}], "pattern"),
        ([ROLE | {"max_session": "13h"}], "43200"),
        ([ROLE | {"max_session": "14m"}], "900"),
        ([ROLE | {"policy": [{"Effect": "Allow"}]}], "Action"),
    ],
)
def test_what_contradicts_itself_is_refused(roles, words):
    with pytest.raises(ValidationError, match=words):
        settings(*roles)
