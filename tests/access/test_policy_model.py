"""Policies against an independent model: what is compiled means what is written.

FOREBAY_TEST_POLICY_EXAMPLES asks for more examples; `conformance/run.py policy` asks for many.
"""

import json
import os

from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from gateway.access.policy import compile_policy, united
from gateway.access.request_context import RequestContext
from tests.models import policy_model
from tests.models.policy_strategies import conditions, documents, requests

EXAMPLES = int(os.environ.get("FOREBAY_TEST_POLICY_EXAMPLES", "400"))


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
@given(
    policies=st.lists(documents, min_size=1, max_size=2),
    asked=st.lists(requests, min_size=1, max_size=4),
)
def test_a_compiled_policy_judges_as_the_model(policies, asked):
    compiled = united(
        compile_policy(json.dumps(one) if index else one) for index, one in enumerate(policies)
    )
    for action, resource, values in asked:
        expected = policy_model.is_allowed(policies, action, resource, values)
        context = RequestContext({name.lower(): value for name, value in values.items()})
        decision = compiled.decide(action, resource, context)
        event(f"{'allowed' if expected else 'denied'}, by {decision.statement and 'a statement'}")
        assert decision.is_allowed == expected
        # What is remembered of the first judgement must not change the second.
        assert compiled.decide(action, resource, context) == decision


@settings(max_examples=EXAMPLES, deadline=None)
@given(block=conditions(), effect=st.sampled_from(["Allow", "Deny"]), asked=requests)
def test_a_condition_alone_decides_as_in_the_model(block, effect, asked):
    action, resource, values = asked
    judged = {"Effect": effect, "Action": "*", "Resource": "*", "Condition": block}
    everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    statements = [judged] if effect == "Allow" else [everything, judged]
    expected = policy_model.is_allowed([{"Statement": statements}], action, resource, values)
    event("allowed" if expected else "denied")
    context = RequestContext({name.lower(): value for name, value in values.items()})
    assert compile_policy(statements).allows(action, resource, context) == expected
