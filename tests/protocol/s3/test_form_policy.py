"""Policies of form uploads: how they are read, and what they allow."""

import base64
from datetime import UTC, datetime

import pytest

from gateway.model.failures import AccessDenied, InvalidRequest
from gateway.protocol.s3.form_policy import read_policy
from gateway.protocol.s3.form_uploads import expand

NOW = datetime(2026, 11, 21, tzinfo=UTC)
LATER = '"expiration": "2026-11-21T00:00:01.000Z"'

LENGTHS = '["content-length-range", 0, 1]'


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def policy_of(conditions: str):
    return read_policy(encoded(f'{{{LATER}, "conditions": {conditions}}}'))


@pytest.mark.parametrize(
    ("conditions", "fields"),
    [
        ('[{"key": "a"}]', {"key": "a"}),
        ('[["eq", "$Key", "a"]]', {"key": "a"}),
        ('[["starts-with", "$key", ""]]', {"key": "anything"}),
        ('[["starts-with", "$content-type", "image/"]]', {"content-type": "image/a, image/b"}),
        # AWS's own escape, which JSON does not know, and a backslash that is one.
        (r'[["starts-with", "$key", "\$foo"]]', {"key": "$foo.txt"}),
        (r'[["starts-with", "$key", "\\$foo"]]', {"key": r"\$foo.txt"}),
        (r'[{"key": "\u00e9\n\v"}]', {"key": "é\n\x0b"}),
        ('[{"key": "a"}]', {"key": "a", "x-amz-checksum-sha256": "b"}),
        ('[{"key": "a"}]', {"key": "a", "x-ignore-b": "c", "x-amz-signature": "d", "policy": "e"}),
    ],
)
def test_fields_as_the_policy_wants_them_pass(conditions, fields):
    policy_of(conditions).require(fields, NOW)


@pytest.mark.parametrize(
    ("conditions", "fields", "words"),
    [
        ('[{"key": "a"}]', {"key": "A"}, 'Policy Condition failed: ["eq", "$key", "a"]'),
        ('[["starts-with", "$key", ""]]', {}, "Policy Condition failed"),
        ('[["starts-with", "$content-type", "a/"]]', {"content-type": "a/b,c/d"}, "failed"),
        ('[{"key": "a"}]', {"key": "a", "acl": "private"}, "Extra input fields: acl"),
    ],
)
def test_fields_that_are_not_are_denied_in_words(conditions, fields, words):
    with pytest.raises(AccessDenied, match="Invalid according to Policy: ") as denied:
        policy_of(conditions).require(fields, NOW)
    assert words in denied.value.message


def test_a_policy_ends_at_its_expiration():
    policy = policy_of('[{"key": "a"}]')
    with pytest.raises(AccessDenied, match="Policy expired"):
        policy.require({"key": "a"}, datetime(2026, 11, 21, 0, 0, 1, tzinfo=UTC))


def test_the_length_range_is_read():
    policy = policy_of('[["content-length-range", 1, "20"], {"a": "b"}]')
    assert (policy.length_min, policy.length_max) == (1, 20)
    assert policy_of('[{"a": "b"}]').length_max is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        "[" * 100_000,
        '{"conditions": [{"a": "b"}]}',
        f"{{{LATER}}}",
        f'{{{LATER}, "Conditions": []}}',
        f'{{{LATER}, "conditions": []}}',
        f'{{{LATER}, "conditions": {{}}}}',
        f'{{{LATER}, "conditions": [{{}}]}}',
        f'{{{LATER}, "conditions": [{{"a": "b", "c": "d"}}]}}',
        f'{{{LATER}, "conditions": [{{"a": 1}}]}}',
        f'{{{LATER}, "conditions": ["a"]}}',
        f'{{{LATER}, "conditions": [["eq", "key", "no dollar"]]}}',
        f'{{{LATER}, "conditions": [["in", "$key", "a"]]}}',
        f'{{{LATER}, "conditions": [[1, "$key", "a"]]}}',
        f'{{{LATER}, "conditions": [["content-length-range", 2, 1]]}}',
        f'{{{LATER}, "conditions": [["content-length-range", true, 1]]}}',
        f'{{{LATER}, "conditions": [["content-length-range", 0, "9e9"]]}}',
        f'{{{LATER}, "conditions": [{LENGTHS}, {LENGTHS}]}}',
        '{"expiration": "2026-11-21", "conditions": [{"a": "b"}]}',
        '{"expiration": 1795305600, "conditions": [{"a": "b"}]}',
        '{"expiration": "9999-99-99T00:00:00Z", "conditions": [{"a": "b"}]}',
    ],
)
def test_what_is_no_policy_is_refused(text):
    with pytest.raises(InvalidRequest, match="Invalid Policy: ") as refused:
        read_policy(encoded(text))
    assert refused.value.code == "InvalidPolicyDocument"


def test_what_is_no_base64_is_refused():
    with pytest.raises(InvalidRequest):
        read_policy("é!")


@pytest.mark.parametrize("filename", ["a.png", "C:\\x\\a.png", "/x/a.png", "x\\y/a.png"])
def test_the_files_own_name_replaces_the_variable(filename):
    fields = {"key": "u/${filename}", "policy": "${filename}", "redirect": "http://h/${filename}"}
    assert expand(fields, filename) == {
        "key": "u/a.png",
        "policy": "${filename}",
        "redirect": "http://h/a.png",
    }
