"""Rights of several parts: each must allow, a denial of any wins, as the independent model says."""

from hypothesis import event, given, settings
from hypothesis import strategies as st

from gateway.access.policy import compile_policy
from gateway.access.request_context import RequestContext
from gateway.access.rights import Intersection
from tests.models import policy_model
from tests.models.policy_strategies import documents, requests

ADMIN = compile_policy("admin")
READS = compile_policy([{"Effect": "Allow", "Action": "s3:Get*", "Resource": "*"}], "reads, ")
SHUT = compile_policy([{"Effect": "Deny", "Action": "*", "Resource": "b/shut"}], "shut, ")


@settings(max_examples=400, deadline=None)
@given(
    policies=st.lists(documents, min_size=1, max_size=3),
    asked=st.lists(requests, min_size=1, max_size=4),
)
def test_an_intersection_judges_as_the_model(policies, asked):
    rights = Intersection(*(compile_policy(one) for one in policies))
    for action, resource, values in asked:
        expected = all(policy_model.is_allowed([one], action, resource, values) for one in policies)
        event("allowed" if expected else "denied")
        context = RequestContext({name.lower(): value for name, value in values.items()})
        assert rights.allows(action, resource, context) == expected
        assert rights.decide(action, resource, context).is_allowed == expected


@settings(max_examples=200, deadline=None)
@given(parts=st.lists(documents, min_size=2, max_size=2), asked=requests)
def test_more_parts_never_widen(parts, asked):
    action, resource, values = asked
    context = RequestContext({name.lower(): value for name, value in values.items()})
    one, two = (compile_policy(part) for part in parts)
    if Intersection(one, two).allows(action, resource, context):
        assert one.allows(action, resource, context)
        assert two.allows(action, resource, context)


def test_nothing_allows_nothing():
    assert not Intersection().allows("s3:GetObject", "b/k")
    assert not Intersection().decide("s3:GetObject", "b/k").is_allowed


def test_the_statement_that_decides_is_told():
    rights = Intersection(ADMIN, READS, SHUT)
    assert rights.decide("s3:GetObject", "b/shut").statement == "shut, statement 1"
    assert rights.decide("s3:PutObject", "b/k").statement == ""
    assert Intersection(ADMIN, READS).decide("s3:GetObject", "b/k").is_allowed


def test_all_keys_are_asked_for():
    condition = {"StringEquals": {"aws:userid": "training:run-1"}}
    statement = {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": condition}
    rights = Intersection(
        compile_policy([statement]),
        compile_policy([statement | {"Condition": {"StringLike": {"s3:prefix": "x"}}}]),
    )
    assert rights.keys == {"aws:userid", "s3:prefix"}
