"""STS calls: what is understood, and what is refused before anybody is asked who they are."""

import pytest

from gateway.model.failures import InvalidRequest
from gateway.protocol.sts.calls import ACTIONS, POLICY_LETTERS_MAX, ROLE_SECONDS_MAX, parse_call

ASSUME = {
    "Action": "AssumeRole",
    "Version": "2011-06-15",
    "RoleArn": "arn:aws:iam::123456789012:role/training",
    "RoleSessionName": "run-1",
}
WEB = ASSUME | {"Action": "AssumeRoleWithWebIdentity", "WebIdentityToken": "a.b.c"}


def parsed(parameters):
    return parse_call(list(parameters.items()))


def code_of(parameters) -> str:
    with pytest.raises(InvalidRequest) as refused:
        judged(parameters)
    return refused.value.code


def judged(parameters):
    call = parsed(parameters)
    if "RoleArn" in call.parameters:
        _ = call.role_name, call.session_name, call.policy
    _ = call.find_seconds(ROLE_SECONDS_MAX)
    if "WebIdentityToken" in call.parameters:
        _ = call.web_token
    return call


def test_a_call_says_what_is_wanted():
    call = parsed(ASSUME | {"DurationSeconds": "900", "Policy": "{}", "ExternalId": "x"})
    assert (call.action, call.role_name, call.session_name) == ("AssumeRole", "training", "run-1")
    assert (call.find_seconds(ROLE_SECONDS_MAX), call.policy) == (900, "{}")
    assert parsed(ASSUME).find_seconds(ROLE_SECONDS_MAX) is None
    assert parsed(ASSUME).policy == ""
    assert parsed(WEB).web_token == "a.b.c"


def test_only_a_web_identity_s_call_is_unsigned():
    assert [name for name, shape in ACTIONS.items() if not shape.is_signed] == [
        "AssumeRoleWithWebIdentity"
    ]


def test_a_presigned_call_s_signature_is_no_parameter():
    signed = {"Action": "GetCallerIdentity", "X-Amz-Signature": "1", "X-Amz-Credential": "k/x"}
    assert parsed(signed).parameters == {}


@pytest.mark.parametrize("account", ["000000000000", "123456789012"])
@pytest.mark.parametrize("partition", ["aws", "aws-cn", "aws-us-gov"])
def test_any_account_is_ours(account, partition):
    arn = f"arn:{partition}:iam::{account}:role/training"
    assert parsed(ASSUME | {"RoleArn": arn}).role_name == "training"


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ({}, "MissingAction"),
        ({"Version": "2011-06-15"}, "MissingAction"),
        ({"Action": "AssumeRoot"}, "InvalidAction"),
        ({"Action": "GetCallerIdentity", "Version": "2010-01-01"}, "InvalidAction"),
        ({"Action": "assumerole"}, "InvalidAction"),
        *[
            (ASSUME | {name: value}, "ValidationError")
            for name, value in {
                "RoleArn": "",
                "RoleSessionName": "",
                "SerialNumber": "mfa",
                "TokenCode": "123456",
                "Tags.member.1.Key": "team",
                "PolicyArns.member.1.arn": "arn:aws:iam::aws:policy/AdministratorAccess",
                "SourceIdentity": "ann",
                "WebIdentityToken": "a.b.c",
                "DurationSeconds": "899",
                "Policy": "x" * (POLICY_LETTERS_MAX + 1),
            }.items()
        ],
        *[
            (ASSUME | {"RoleArn": arn}, "ValidationError")
            for arn in (
                "training",
                "arn:aws:iam::123456789012:user/training",
                "arn:aws:iam::12345678901:role/training",
                "arn:aws:iam::123456789012:role/",
                "arn:aws:iam::123456789012:role/a/b",
                "arn:aws:iam::123456789012:role/träning",
                "arn:aws:iam::123456789012:role/training\n",
                "arn:aws:iam::" + "\u0660" * 12 + ":role/training",
            )
        ],
        *[
            (ASSUME | {"RoleSessionName": name}, "ValidationError")
            for name in ("x", "x" * 65, "a b", "a/b", "a\nb", "name\n")
        ],
        *[
            (ASSUME | {"DurationSeconds": text}, "ValidationError")
            for text in ("", "0", "-900", "43201", "9e2", "900 ", "\u0669\u0660\u0660", "9" * 5000)
        ],
        (WEB | {"WebIdentityToken": ""}, "ValidationError"),
        (WEB | {"WebIdentityToken": "x" * 20_001}, "ValidationError"),
        (WEB | {"ProviderId": "www.amazon.com"}, "ValidationError"),
    ],
)
def test_what_is_not_understood_is_refused(parameters, code):
    assert code_of(parameters) == code


def test_a_parameter_that_stands_twice_is_refused():
    with pytest.raises(InvalidRequest, match="twice"):
        parse_call([*ASSUME.items(), ("RoleArn", "arn:aws:iam::123456789012:role/other")])
