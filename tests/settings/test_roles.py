"""Roles in the settings: judged with everything else, and the role that they make."""

from dataclasses import replace

import pytest
from pydantic import ValidationError

from gateway.access.roles import WebIdentity
from gateway.settings.reading import SettingsError, from_json, read_settings, to_json
from gateway.settings.tree import Settings

READERS = {"name": "readers", "policy": "read-only"}
ROLE = {"name": "training", "policy": "read-only", "trust": "ann"}


IDP = {
    "name": "cluster",
    "issuer": "https://idp.test",
    "audiences": ["forebay", "sts.amazonaws.com"],
    "jwks": "https://idp.test/keys",
}
WEB = {"name": "web", "policy": "read-only", "oidc": "cluster", "subjects": "job:?:*"}


def settings(*roles, groups=(READERS,), oidc=(IDP,)) -> Settings:
    return Settings.model_validate(
        {"roles": list(roles), "groups": list(groups), "oidc": list(oidc)}
    )


def role_of(made: Settings):
    return made.roles[0].as_role(made.groups, made.oidc)


def test_a_role_trusts_subjects_of_a_provider():
    role = role_of(settings(WEB))
    trusted = WebIdentity("https://idp.test", "job:1:x", ("forebay",))
    assert role.trusts(trusted)
    assert role.trusts(replace(trusted, audiences=("other", "sts.amazonaws.com")))
    assert not role.trusts("job:1:x")
    for other in (
        replace(trusted, subject="job:12:x"),
        replace(trusted, subject="a job:1:x"),
        replace(trusted, issuer="https://idp.test/"),
        replace(trusted, audiences=("other",)),
        replace(trusted, audiences=()),
    ):
        assert not role.trusts(other)


def test_a_role_may_trust_some_audiences_only():
    role = role_of(settings(WEB | {"audiences": "forebay"}))
    assert role.trusts(WebIdentity("https://idp.test", "job:1:x", ("forebay",)))
    assert not role.trusts(WebIdentity("https://idp.test", "job:1:x", ("sts.amazonaws.com",)))


def test_keys_are_a_url_or_a_file_beside_the_settings(tmp_path):
    assert not settings(WEB).oidc[0].jwks_is_file
    made = Settings.model_validate(
        {"oidc": [IDP | {"jwks": "jwks.json"}]}, context={"folder": tmp_path}
    )
    assert made.oidc[0].jwks == str(tmp_path / "jwks.json")
    assert made.oidc[0].jwks_is_file
    (tmp_path / "forebay.toml").write_text(
        '[[oidc]]\nname = "c"\nissuer = "https://i"\naudiences = "a"\njwks = "absent.json"\n'
    )
    with pytest.raises(SettingsError, match=r"absent\.json, which is not a file"):
        read_settings(tmp_path / "forebay.toml", {})


@pytest.mark.parametrize(
    "change",
    [
        {"issuer": "http://idp.test"},
        {"issuer": "idp.test"},
        {"jwks": "http://idp.test/keys"},
        {"jwks": "http://127.0.0.1.evil.test/keys"},
        {"jwks": "http://127.0.0.1@evil.test/keys"},
        {"jwks": "https://user@idp.test/keys"},
        {"jwks": ""},
        {"audiences": []},
    ],
)
def test_a_provider_that_others_could_speak_for_is_refused(change):
    with pytest.raises(ValidationError):
        settings(oidc=[IDP | change])


@pytest.mark.parametrize("host", ["localhost:1", "127.0.0.1:1", "[::1]:1"])
def test_on_this_machine_keys_need_no_tls(host):
    assert settings(oidc=[IDP | {"jwks": f"http://{host}/keys"}]).oidc[0].jwks.endswith("/keys")


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
        ([WEB | {"oidc": "other"}], "not in \\[\\[oidc\\]\\]"),
        ([WEB | {"audiences": ["other"]}], "not in those of its provider"),
        ([WEB | {"subjects": []}], "one of oidc and subjects"),
        ([ROLE | {"subjects": ["x"]}], "one of oidc and subjects"),
        ([ROLE | {"audiences": ["x"]}], "audiences without oidc"),
        ([WEB | {"subjects": ["job:${aws:username}"]}], "no subject"),
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
