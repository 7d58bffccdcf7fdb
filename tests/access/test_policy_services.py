"""Policies about more than S3: what the admin API asks for, and what a bucket's pattern covers."""

import pytest

from gateway.access.admin_actions import ADMIN_ACTIONS, ALL_IDENTITIES, identity_resource
from gateway.access.policy import PolicyError, compile_policy
from gateway.access.policy_parsing import ROLE_PREFIX
from gateway.access.request_context import RequestContext

ANN = identity_resource("ann")
ROLE = f"{ROLE_PREFIX}ann"
FOREIGN = (ANN, ALL_IDENTITIES, ROLE)


def policy(action, resource, **more):
    return compile_policy([{"Effect": "Allow", "Action": action, "Resource": resource, **more}])


@pytest.mark.parametrize("action", sorted(ADMIN_ACTIONS))
def test_admin_may_all_and_read_only_nothing_of_it(action):
    for resource in (ANN, ALL_IDENTITIES):
        assert compile_policy("admin").allows(action, resource)
        assert not compile_policy("read-only").allows(action, resource)
        assert not policy("s3:*", "*").allows(action, resource)
        assert policy("forebay:*", "*").allows(action, resource)
        assert not policy("forebay:*", "*").allows("s3:GetObject", "a/k")


@pytest.mark.parametrize(
    "resource",
    [
        "identity",
        "identity/*",
        "identity/ann",
        "*/ann",
        "?*",
        "**ann",
        "a*",
        "${aws:username}*",
        "*${aws:username}",
        "arn:aws:s3:::*",
    ],
)
def test_what_is_written_for_buckets_covers_no_identity_and_no_role(resource):
    context = RequestContext({"aws:username": "ann"})
    made = policy("*", resource)
    for about in FOREIGN:
        assert not made.allows("forebay:GetIdentity", about, context), about
        assert not made.allows("sts:AssumeRole", about, context), about


def test_identities_are_named_beside_their_actions_alone():
    some = policy(["forebay:GetIdentity", "forebay:Rotate*"], ["identity/a*"])
    assert some.allows("forebay:GetIdentity", ANN)
    assert some.allows("forebay:RotateIdentity", ANN)
    assert not some.allows("forebay:DeleteIdentity", ANN)
    assert not some.allows("forebay:GetIdentity", identity_resource("ben"))
    assert not some.allows("forebay:GetIdentity", ALL_IDENTITIES)
    assert policy("*", "arn:forebay:::identity/ann").allows("forebay:GetIdentity", ANN)


def test_a_variable_may_name_the_asker_himself():
    own = policy("forebay:RotateIdentity", "identity/${aws:username}")
    context = RequestContext({"aws:username": "ann"})
    assert own.allows("forebay:RotateIdentity", ANN, context)
    assert not own.allows("forebay:RotateIdentity", identity_resource("ben"), context)


def test_a_denial_of_some_identities_is_over_all():
    denied = compile_policy(
        [
            {"Effect": "Allow", "Action": "*", "Resource": "*"},
            {"Effect": "Deny", "Action": "forebay:*", "Resource": "identity/root"},
        ]
    )
    assert denied.allows("forebay:GetIdentity", ANN)
    assert not denied.allows("forebay:GetIdentity", identity_resource("root"))
    assert denied.allows("s3:GetObject", "identity/root")


@pytest.mark.parametrize(
    ("action", "resource", "words"),
    [
        ("forebay:GetIdentty", "*", "the nearest is forebay:GetIdentity"),
        ("forebay:Nothing*", "*", "is not known"),
        ("forebay:GetIdentity", "bucket/*", "is none of a forebay: action"),
        (["forebay:GetIdentity", "s3:GetObject"], "identity/ann", "a statement of its own"),
        ("iam:GetUser", "*", 'must begin with "s3:", "sts:" or "forebay:"'),
    ],
)
def test_what_could_be_misread_is_refused(action, resource, words):
    with pytest.raises(PolicyError, match=words):
        policy(action, resource)
