"""Groups in the settings: their statements apply with an identity's own, a denial over all."""

import pytest
from pydantic import ValidationError

from gateway.access.request_context import RequestContext
from gateway.settings.reading import SettingsError, from_json, read_settings, to_json
from gateway.settings.tree import Settings

READERS = {
    "name": "readers",
    "policy": [{"Effect": "Allow", "Action": "s3:Get*", "Resource": "a/*"}],
}
WARDENS = {
    "name": "wardens",
    "policy": {
        "Version": "2012-10-17",
        "Statement": {"Effect": "Deny", "Action": "*", "Resource": "a/${aws:username}/*"},
    },
}


def settings(*groups, **identity) -> Settings:
    person = {"name": "ann", "access_key": "k", "secret_key": "s", **identity}
    return Settings.model_validate({"identities": [person], "groups": list(groups)})


def policy_of(made: Settings):
    return made.identities[0].as_identity(made.groups).policy


def test_a_group_allows_what_the_own_policy_does_not():
    own = [{"Effect": "Allow", "Action": "s3:PutObject", "Resource": "a/*"}]
    policy = policy_of(settings(READERS, WARDENS, groups=["readers"], policy=own))
    assert policy.allows("s3:GetObject", "a/k")
    assert policy.allows("s3:PutObject", "a/k")
    assert policy.decide("s3:GetObject", "a/k").statement == 'group "readers", statement 1'
    assert not policy.allows("s3:GetObject", "b/k")


def test_a_groups_denial_is_over_the_own_policy():
    policy = policy_of(settings(WARDENS, groups="wardens", policy="admin"))
    assert policy.keys == {"aws:username"}
    assert policy.allows("s3:GetObject", "a/ann/k")  # a variable without value matches nothing
    context = RequestContext({"aws:username": "ann"})
    assert not policy.allows("s3:GetObject", "a/ann/k", context)
    assert policy.allows("s3:GetObject", "a/ben/k", context)


def test_groups_alone_are_enough_and_reach_a_worker():
    made = settings(READERS, groups=["readers"])
    assert from_json(to_json(made)) == made
    assert policy_of(from_json(to_json(made))).allows("s3:GetObject", "a/k")


@pytest.mark.parametrize(
    ("groups", "identity", "words"),
    [
        ([READERS], {"groups": ["reders"]}, 'the nearest is "readers"'),
        ([], {"groups": ["readers"]}, "is not in [[groups]]"),
        ([READERS], {}, "neither policy nor groups"),
        ([READERS, READERS], {"policy": "admin"}, 'groups.name "readers" stands twice'),
    ],
)
def test_what_no_group_stands_for_is_refused(groups, identity, words):
    with pytest.raises(ValidationError) as refused:
        settings(*groups, **identity)
    assert words in str(refused.value)


def test_a_bad_group_policy_is_refused_by_its_key(tmp_path):
    path = tmp_path / "forebay.toml"
    path.write_text('[[groups]]\nname = "g"\npolicy = "amdin"\n')
    with pytest.raises(SettingsError, match=r"groups\[1\].policy cannot be 'amdin'"):
        read_settings(path, {})
    path.write_text('[[groups]]\nname = "g"\npolcy = "admin"\n')
    with pytest.raises(SettingsError, match=r"groups\.polcy .* groups\.policy"):
        read_settings(path, {})
