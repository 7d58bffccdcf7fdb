"""Targets of identities and sessions: STS calls and their answers, tokens, rows of the state."""

import json
from contextlib import suppress
from datetime import UTC, datetime

from gateway.access.kept_identities import (
    KeptIdentity,
    KeyPair,
    check_keys,
    check_name,
    compile_access,
    decode_kept,
    encode_kept,
)
from gateway.access.policy import compile_policy
from gateway.access.session_tokens import Session, SessionTokens
from gateway.model.failures import Failure
from gateway.protocol.http.head import parse_query
from gateway.protocol.s3.documents import find_document
from gateway.protocol.sts.answers import answer_xml, assumed_role, refusal
from gateway.protocol.sts.calls import ACTIONS, parse_call
from gateway.state.sealing import Sealer
from tests.fuzzing.target import Portions, Target, text_of

_TOKENS = SessionTokens(Sealer([bytes(32)], "sessions"))
_SEALER = Sealer([bytes(32)], "identity secrets")
_GROUPS = {"readers": compile_policy("read-only")}
_NOW = datetime(2026, 1, 1, tzinfo=UTC)
_SESSION = Session("FBASAK", "secret", 1, 2, "ann", "AK", "role", "name", None, "{}")
_TOKEN, _ = _TOKENS.seal(_SESSION)


def read_call(raw: bytes) -> None:
    try:
        call = parse_call(parse_query(text_of(raw)))
    except Failure as failure:
        refused = refusal(failure)
        assert 400 <= refused.status <= 501
        assert find_document(refused.xml("0")) is not None
        return
    assert call.action in ACTIONS
    for read in ("role_name", "session_name", "policy", "web_token"):
        with suppress(Failure, KeyError):
            assert isinstance(getattr(call, read), str)
    with suppress(Failure):
        seconds = call.find_seconds(43_200)
        assert seconds is None or 900 <= seconds <= 43_200
    with suppress(Failure, KeyError):
        result = assumed_role(call.role_name, call.session_name)
        assert find_document(answer_xml(call.action, result, "0")) is not None


def open_token(raw: bytes) -> None:
    portions = Portions(raw)
    access_key = portions.choice(("FBASAK", "FBASAL", ""))
    token = text_of(portions.rest())
    with suppress(Failure):
        session = _TOKENS.open(access_key, token)
        assert access_key == "FBASAK"
        assert session == _SESSION
    policy = text_of(raw).encode("utf-8", "replace").decode()
    one = Session("FBASAK", "s", 1, 2, policy[:64], "AK", "role", policy[:9], None, policy)
    with suppress(Failure):
        assert _TOKENS.open("FBASAK", _TOKENS.seal(one)[0]) == one


def read_identity(raw: bytes) -> None:
    """Take the document that describes an identity, as a door or a command would."""
    try:
        asked = json.loads(raw)
    except (ValueError, RecursionError):
        return
    if not isinstance(asked, dict):
        return
    name, key, secret = (str(asked.get(field)) for field in ("name", "access_key", "secret"))
    groups = tuple(str(one) for one in asked.get("groups") or () if isinstance(one, str))
    with suppress(Failure):
        check_name(name)
        check_keys(KeyPair(key, secret))
        compile_access(asked.get("policy"), groups, _GROUPS)
        sealed = _SEALER.seal(secret.encode(), key)
        policy = asked.get("policy")
        kept = KeptIdentity(name, key, sealed, policy, groups, True, _NOW, None, _NOW)  # noqa: FBT003
        assert decode_kept(encode_kept(kept)) == kept
        assert _SEALER.open(decode_kept(encode_kept(kept)).sealed_secret, key) == secret.encode()


_IDENTITY = (
    b'{"name": "ann", "access_key": "FBAKAAAA", "secret": "12345678", "groups": ["readers"], '
    b'"policy": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "b/*"}]}'
)

TARGETS = (
    Target(
        "identities",
        read_identity,
        (_IDENTITY, _IDENTITY.replace(b'["readers"]', b"[]"), b'{"policy": "admin", "name": ""}'),
        b'"name"|"access_key"|"secret"|"groups"|"policy"|"readers"|"admin"|null|\\ud800|{|}|[|]|:|,|'
        b'"Effect"|"Allow"|"Action"|"Resource"|"*"|NaN|1e999',
        2048,
    ),
    Target(
        "sts",
        read_call,
        (
            (
                b"Action=AssumeRole&Version=2011-06-15&RoleArn=arn:aws:iam::000000000000:role/a"
                b"&RoleSessionName=bb&DurationSeconds=900&Policy=%7B%7D&X-Amz-Date=1"
            ),
            (
                b"Action=AssumeRoleWithWebIdentity&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fa"
                b"&RoleSessionName=b&WebIdentityToken=a.b.c"
            ),
            b"Action=GetCallerIdentity&Action=b",
        ),
        b"Action=|Version=2011-06-15|AssumeRole|GetSessionToken|&|=|RoleArn=arn:aws:iam::|:role/|"
        b"RoleSessionName=|DurationSeconds=|Policy=|WebIdentityToken=|ExternalId=|%|+",
    ),
    Target(
        "session-token",
        open_token,
        (b"\0" + _TOKEN.encode(), b"\1" + _TOKEN.encode(), b"\0" + _TOKEN[:-1].encode() + b"=="),
        b"=|-|_|A|\n",
        2048,
    ),
)
