"""Temporary credentials as boto3 asks for and uses them, at a gateway of two real workers."""

import asyncio
import io
import json
import signal
import urllib.error
import urllib.request
from base64 import b64encode
from collections import Counter
from time import time

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.support.boto_clients import REGION, boto_client, keys_of
from tests.support.gateway_process import gateway_process
from tests.support.gateway_settings import ADMIN, READER, STRANGER, gateway_tables
from tests.support.oidc import AUDIENCE, ISSUER, SUBJECT, claims, jwk, key_set, token
from tests.support.waiting import wait_until

KEY = b64encode(bytes(range(32))).decode()
ROLE = "arn:aws:iam::123456789012:role/training"
IN_BUCKET = [{"Effect": "Allow", "Action": "s3:*", "Resource": ["bucket", "bucket/*"]}]
TRAINING = {"name": "training", "policy": IN_BUCKET, "trust": ["reader"], "max_session": "2h"}
ONLY_A = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "arn:aws:s3:::bucket/a"}],
}


@pytest.fixture
def tables(origin, tmp_path):
    target = {"access": str(tmp_path / "access.log"), "level": "info"}
    return gateway_tables(origin.endpoint, tmp_path / "flash", log=target) | {
        "state": {"key": KEY},
        "roles": [TRAINING],
    }


@pytest.fixture
def gateway(tables, tmp_path):
    with gateway_process(tables, tmp_path) as running:
        yield running


def assume(gateway, keys=READER, role=ROLE, **more):
    sts = boto_client("sts", gateway.s3, keys)
    return sts.assume_role(RoleArn=role, RoleSessionName="run-1", **more)


def code_of(call, *positional, **named) -> str:
    with pytest.raises(ClientError) as refused:
        call(*positional, **named)
    return refused.value.response["Error"]["Code"]


def put_and_get(gateway, keys, key="a"):
    s3 = boto_client("s3", gateway.s3, keys)
    s3.put_object(Bucket="bucket", Key=key, Body=b"body")
    return s3.get_object(Bucket="bucket", Key=key)["Body"].read()


async def test_a_role_is_assumed_and_every_worker_takes_its_credentials(gateway, tmp_path):
    answer = await asyncio.to_thread(assume, gateway)
    assert answer["AssumedRoleUser"] == {
        "AssumedRoleId": "training:run-1",
        "Arn": "arn:aws:sts::000000000000:assumed-role/training/run-1",
    }
    keys = keys_of(answer)
    for _ in range(8):  # each client has a connection of its own, hence any of the workers
        assert await asyncio.to_thread(put_and_get, gateway, keys) == b"body"
    sts = boto_client("sts", gateway.s3, keys)
    me = await asyncio.to_thread(sts.get_caller_identity)
    assert me["Arn"] == answer["AssumedRoleUser"]["Arn"]
    assert (me["UserId"], me["Account"]) == ("training:run-1", "000000000000")
    gateway.signal(signal.SIGTERM)
    assert await asyncio.to_thread(gateway.wait_exit) == 0
    lines = [json.loads(line) for line in (tmp_path / "access.log").read_text().splitlines()]
    seen = Counter((line["principal"], line["operation"]) for line in lines)
    assert seen["reader", "AssumeRole"] == 1
    assert seen["training/run-1", "GetObject"] == 8
    assert seen["training/run-1", "GetCallerIdentity"] == 1
    assert keys[1] not in str(lines)
    assert keys[2] not in str(lines)


def use_narrowed(gateway):
    answer = assume(gateway, Policy=json.dumps(ONLY_A), DurationSeconds=7200)
    assert 0 < answer["PackedPolicySize"] < 100
    keys = keys_of(answer)
    assert put_and_get(gateway, keys, "a") == b"body"
    assert code_of(put_and_get, gateway, keys, "b") == "AccessDenied"
    return keys


async def test_a_session_policy_narrows(gateway):
    await asyncio.to_thread(use_narrowed, gateway)


def be_refused(gateway):
    other = ROLE.replace("training", "nobody-s")
    for keys, role in ((STRANGER, ROLE), (READER, other), (STRANGER, other)):
        assert code_of(assume, gateway, keys, role) == "AccessDenied"
    assert code_of(assume, gateway, ("nobody", "x")) == "InvalidClientTokenId"
    assert code_of(assume, gateway, (READER[0], "x")) == "SignatureDoesNotMatch"
    assert code_of(assume, gateway, Policy="{}") == "MalformedPolicyDocument"
    assert code_of(assume, gateway, DurationSeconds=7201) == "ValidationError"
    keys = keys_of(assume(gateway))
    assert code_of(assume, gateway, keys) == "AccessDenied"
    assert code_of(put_and_get, gateway, (*keys[:2], keys[2][:-1])) == "InvalidToken"
    assert code_of(put_and_get, gateway, (*READER, keys[2])) == "InvalidToken"
    assert code_of(put_and_get, gateway, keys[:2]) == "InvalidAccessKeyId"
    s3 = boto_client("s3", gateway.s3, keys)
    assert code_of(s3.get_object, Bucket="other", Key="a") == "AccessDenied"


async def test_what_is_not_granted_is_refused_in_sts_s_words(gateway):
    await asyncio.to_thread(be_refused, gateway)


@pytest.fixture
def web_tables(tables, tmp_path):
    (tmp_path / "jwks.json").write_bytes(key_set(jwk("RSA")))
    provider = {"name": "cluster", "issuer": ISSUER, "audiences": AUDIENCE, "jwks": "jwks.json"}
    web = {"oidc": "cluster", "subjects": ["system:serviceaccount:ml:*"]}
    return tables | {"roles": [TRAINING | web], "oidc": [provider]}


def use_web_identity(gateway, folder, monkeypatch):
    path = folder / "token"
    path.write_text(token(claims(time())))
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(path))
    monkeypatch.setenv("AWS_ROLE_ARN", ROLE)
    monkeypatch.setenv("AWS_ROLE_SESSION_NAME", "pod-7")
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", gateway.s3)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    session = boto3.Session(region_name=REGION)
    s3 = session.client("s3", endpoint_url=gateway.s3)
    s3.put_object(Bucket="bucket", Key="k", Body=io.BytesIO(b"body"))
    assert session.client("sts").get_caller_identity()["UserId"] == "training:pod-7"
    keys = session.get_credentials().get_frozen_credentials()
    for _ in range(6):
        assert put_and_get(gateway, (keys.access_key, keys.secret_key, keys.token)) == b"body"
    return keys.access_key, keys.secret_key, keys.token


def ask_as_web_identity(gateway, text, **more):
    sts = boto_client("sts", gateway.s3, ("none", "none"))
    return sts.assume_role_with_web_identity(
        RoleArn=ROLE, RoleSessionName="pod-7", WebIdentityToken=text, **more
    )


def be_refused_as_web_identity(gateway):
    now = time()
    good = token(claims(now))
    for text, code in {
        token(claims(now - 3600)): "ExpiredTokenException",
        token(claims(now), "RSA2", kid="RSA"): "InvalidIdentityToken",
        token(claims(now, iss="https://other.test")): "InvalidIdentityToken",
        token(claims(now, aud="other")): "InvalidIdentityToken",
        token(claims(now, sub="system:serviceaccount:web:trainer")): "AccessDenied",
        good[:-4] + "AAAA": "InvalidIdentityToken",
        "no token": "InvalidIdentityToken",
    }.items():
        assert code_of(ask_as_web_identity, gateway, text) == code
    answer = ask_as_web_identity(gateway, good, Policy=json.dumps(ONLY_A), DurationSeconds=900)
    assert answer["SubjectFromWebIdentityToken"] == SUBJECT
    assert (answer["Provider"], answer["Audience"]) == (ISSUER, AUDIENCE)
    keys = keys_of(answer)
    assert put_and_get(gateway, keys, "a") == b"body"
    assert code_of(put_and_get, gateway, keys, "b") == "AccessDenied"


class TestWebIdentity:
    @pytest.fixture
    def gateway(self, web_tables, tmp_path):
        with gateway_process(web_tables, tmp_path) as running:
            yield running

    async def test_a_projected_token_is_all_that_a_pod_needs(
        self, gateway, tmp_path, monkeypatch, web_tables
    ):
        keys = await asyncio.to_thread(use_web_identity, gateway, tmp_path, monkeypatch)
        changes = {"roles": [web_tables["roles"][0] | {"subjects": ["system:other:*"]}]}
        await asyncio.to_thread(lose, gateway, web_tables, keys, changes)

    async def test_what_the_token_does_not_prove_is_refused(self, gateway, tmp_path):
        await asyncio.to_thread(be_refused_as_web_identity, gateway)
        gateway.signal(signal.SIGTERM)
        assert await asyncio.to_thread(gateway.wait_exit) == 0
        log = (tmp_path / "access.log").read_text()
        assert f'"principal":"{SUBJECT}","method":"POST"' in log
        assert "eyJ" not in log


def use_profile(gateway, folder, monkeypatch):
    (folder / "config").write_text(
        f"[profile training]\nrole_arn = {ROLE}\nsource_profile = source\n"
        "role_session_name = from-a-profile\nduration_seconds = 900\n"
    )
    (folder / "credentials").write_text(
        f"[source]\naws_access_key_id = {READER[0]}\naws_secret_access_key = {READER[1]}\n"
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(folder / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(folder / "credentials"))
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", gateway.s3)
    session = boto3.Session(profile_name="training", region_name=REGION)
    s3 = session.client("s3", endpoint_url=gateway.s3)
    s3.put_object(Bucket="bucket", Key="k", Body=io.BytesIO(b"body"))
    assert [one["Key"] for one in s3.list_objects_v2(Bucket="bucket")["Contents"]] == ["k"]
    assert session.client("sts").get_caller_identity()["UserId"] == "training:from-a-profile"


async def test_a_profile_with_a_role_needs_nothing_but_the_endpoint(gateway, tmp_path, monkeypatch):
    await asyncio.to_thread(use_profile, gateway, tmp_path, monkeypatch)


def use_own_session(gateway):
    sts = boto_client("sts", gateway.s3, ADMIN)
    keys = keys_of(sts.get_session_token(DurationSeconds=900))
    assert put_and_get(gateway, keys) == b"body"
    me = boto_client("sts", gateway.s3, keys).get_caller_identity()
    assert me["Arn"] == "arn:aws:iam::000000000000:user/admin"
    s3 = boto_client("s3", gateway.s3, keys, signature_version="s3v4")
    url = s3.generate_presigned_url("get_object", Params={"Bucket": "bucket", "Key": "a"})
    assert "X-Amz-Security-Token=" in url
    assert fetched(url) == (200, b"body")
    assert fetched(url.replace("Security-Token=", "Security-Token=A"))[0] == 400
    form = s3.generate_presigned_post("bucket", "posted")
    assert posted(form["url"], form["fields"]) == 204
    assert posted(form["url"], form["fields"] | {"x-amz-security-token": "A"}) == 400
    assert s3.get_object(Bucket="bucket", Key="posted")["Body"].read() == b"from a form"
    who = boto_client("sts", gateway.s3, READER)
    url = who.generate_presigned_url("get_caller_identity", HttpMethod="GET")
    assert b"user/reader" in fetched(url)[1]


def fetched(url):
    try:
        with urllib.request.urlopen(url, timeout=20) as answer:  # noqa: S310 - always http
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def posted(url, fields):
    parts = [(f'name="{name}"', value) for name, value in fields.items()]
    parts.append(('name="file"; filename="f"', "from a form"))
    body = "".join(
        f"--edge\r\nContent-Disposition: form-data; {name}\r\n\r\n{value}\r\n"
        for name, value in parts
    )
    kind = {"Content-Type": "multipart/form-data; boundary=edge"}
    sent = f"{body}--edge--\r\n".encode()
    request = urllib.request.Request(url, sent, kind)  # noqa: S310 - always http
    return fetched(request)[0]


async def test_a_token_proves_headers_presigned_queries_and_forms(gateway):
    await asyncio.to_thread(use_own_session, gateway)


def lose(gateway, tables, keys, changes):
    assert put_and_get(gateway, keys) == b"body"
    gateway.rewrite(tables | changes)
    gateway.signal(signal.SIGHUP)
    s3 = boto_client("s3", gateway.s3, keys)
    wait_until(lambda: fails(s3))
    assert code_of(s3.head_object, Bucket="bucket", Key="a") == "403"
    for _ in range(6):
        again = boto_client("s3", gateway.s3, keys)
        wait_until(lambda: fails(again))  # noqa: B023 - called before the next one is made


def fails(s3) -> bool:
    try:
        s3.get_object(Bucket="bucket", Key="a")
    except ClientError as error:
        return error.response["Error"]["Code"] == "InvalidAccessKeyId"
    return False


@pytest.mark.parametrize("lost", ["role", "trust", "identity"])
async def test_a_reload_that_takes_a_parent_takes_its_sessions(gateway, tables, lost):
    keys = keys_of(await asyncio.to_thread(assume, gateway))
    changes = {
        "role": {"roles": []},
        "trust": {"roles": [TRAINING | {"trust": ["admin"]}]},
        "identity": {
            "identities": [one for one in tables["identities"] if one["name"] != "reader"]
        },
    }[lost]
    await asyncio.to_thread(lose, gateway, tables, keys, changes)
