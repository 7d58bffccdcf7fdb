"""Sessions in use: judged by their time and by what their parents are now, at every request."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from multidict import CIMultiDict, CIMultiDictProxy

from gateway.access.authentication import Authentication
from gateway.access.identities import Identities, Identity
from gateway.access.identity_ledger import Wanted as Added
from gateway.access.policy import compile_policy
from gateway.access.request_context import NOTHING_KNOWN
from gateway.access.roles import Role, Roles, WebIdentity, WebTrust
from gateway.access.session_issue import Issuing, Wanted, judge_role
from gateway.access.session_tokens import PURPOSE, SessionTokens
from gateway.model.failures import AccessDenied, AuthenticationFailed, InvalidRequest
from gateway.protocol.http.head import RequestHead
from gateway.protocol.s3.sigv4 import presign, sign_headers
from gateway.state.sealing import Sealer
from tests.support.kept import BY, Kept

NOW = datetime(2026, 11, 21, 12, 0, 0, 250_000, tzinfo=UTC)
HOST = "localhost:9000"
ANN = Identity("ann", "ann-key", "ann-secret", compile_policy("admin"))
READ_B = compile_policy([{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "b/*"}])
WEB = WebIdentity("https://idp", "job:7", ("forebay",))
TRAINING = Role(
    "training",
    READ_B,
    frozenset({"ann"}),
    WebTrust("https://idp", frozenset({"forebay"}), re.compile("job:.*")),
    7200,
)
ONLY_A = """{"Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "b/a"}]}"""
TOKENS = SessionTokens(Sealer([bytes(32)], PURPOSE))
PLAIN = Wanted("run-1", None, "")


class Clock:
    now = NOW

    def __call__(self):
        return self.now


class Stage:
    """Who is known, and a session; the clock may be set."""

    def __init__(self, identities=(ANN,), roles=(TRAINING,)):
        self.clock = Clock()
        self.judge = Authentication(Identities(identities), self.clock, TOKENS, Roles(roles))
        self.issuing = Issuing(self.judge, self.clock)
        self.ann = self.judge.identify(self.signed("ann-key", "ann-secret"))

    def role_session(self, wanted=PLAIN, caller=None):
        return self.issuing.role_session(caller or self.ann, TRAINING, wanted)

    def ask(self, issued, **how):
        session = issued.session
        return self.judge.identify(
            self.signed(session.access_key, session.secret_key, issued.token, **how)
        )

    def signed(self, access_key, secret, token=None, *, presigned_seconds=None):
        parts = {
            "access_key": access_key,
            "secret": secret,
            "session_token": token,
            "region": "us-east-1",
            "amz_date": self.clock.now.strftime("%Y%m%dT%H%M%SZ"),
        }
        sent, query = {"Host": HOST}, ""
        if presigned_seconds:
            query = presign("GET", HOST, "/b/a", "", {}, **parts, expires_seconds=presigned_seconds)
        else:
            sent |= sign_headers(
                "GET", HOST, "/b/a", "", {}, **parts, payload_hash="UNSIGNED-PAYLOAD"
            )
        return RequestHead("GET", "/b/a", query, CIMultiDictProxy(CIMultiDict(sent)))


def code_of(call, *positional, **named) -> str:
    with pytest.raises(AuthenticationFailed) as refused:
        call(*positional, **named)
    return refused.value.code


def test_a_role_session_has_the_rights_of_the_role_and_its_name():
    stage = Stage()
    principal = stage.ask(stage.role_session())
    assert (principal.name, principal.userid) == ("training/run-1", "training:run-1")
    assert principal.username is None
    assert principal.policy.allows("s3:GetObject", "b/a")
    assert not principal.policy.allows("s3:PutObject", "b/a")


def test_an_identity_s_session_is_the_identity():
    stage = Stage()
    principal = stage.ask(stage.issuing.session_of(stage.ann, 900))
    assert (principal.name, principal.userid, principal.username) == ("ann", "ann", "ann")
    assert principal.policy.allows("s3:PutObject", "b/a")


def test_a_session_policy_only_narrows():
    stage = Stage()
    principal = stage.ask(stage.role_session(Wanted("run-1", None, ONLY_A)))
    assert principal.policy.allows("s3:GetObject", "b/a")
    assert not principal.policy.allows("s3:PutObject", "b/a")
    assert not principal.policy.allows("s3:GetObject", "b/b")


@pytest.mark.parametrize("seconds", [900, 3600, 7200])
def test_a_session_ends_at_its_second(seconds):
    stage = Stage()
    issued = stage.role_session(Wanted("run-1", seconds, ""))
    end = datetime.fromtimestamp(issued.session.expires, UTC)
    assert end == NOW.replace(microsecond=0) + timedelta(seconds=seconds)
    stage.clock.now = end - timedelta(microseconds=1)
    assert stage.ask(issued).name == "training/run-1"
    stage.clock.now = end
    assert code_of(stage.ask, issued) == "ExpiredToken"


def test_a_presigned_request_ends_with_its_session_though_it_was_proven():
    stage = Stage()
    issued = stage.role_session(Wanted("run-1", 900, ""))
    session = issued.session
    head = stage.signed(
        session.access_key, session.secret_key, issued.token, presigned_seconds=86_400
    )
    assert stage.judge.identify(head).name == "training/run-1"
    assert stage.judge.identify(head).policy.allows("s3:GetObject", "b/a")
    stage.clock.now = datetime.fromtimestamp(session.expires, UTC)
    assert code_of(stage.judge.identify, head) == "ExpiredToken"


@pytest.mark.parametrize(
    "known",
    [
        (),
        (replace(ANN, name="ben"),),
        (replace(ANN, access_key="new-key"),),
        (replace(ANN, sessions_from=NOW + timedelta(microseconds=1)),),
    ],
    ids=["removed", "another's key now", "another key", "sessions void"],
)
@pytest.mark.parametrize("is_presigned", [True, False])
@pytest.mark.parametrize("is_of_role", [True, False])
def test_who_asked_for_a_session_takes_it_along(known, is_presigned, is_of_role):
    stage = Stage()
    issued = stage.role_session() if is_of_role else stage.issuing.session_of(stage.ann, 900)
    how = {"presigned_seconds": 600 if is_presigned else None}
    stage.ask(issued, **how)
    stage.judge.identities = Identities(known)
    assert code_of(stage.ask, issued, **how) == "InvalidAccessKeyId"


def test_sessions_issued_from_the_moment_on_are_good():
    stage = Stage([replace(ANN, sessions_from=NOW)])
    assert stage.ask(stage.role_session()).name == "training/run-1"


@pytest.mark.parametrize(
    "roles",
    [(), (replace(TRAINING, identities=frozenset({"ben"}), web=None),)],
    ids=["removed", "trusts others"],
)
@pytest.mark.parametrize("caller", [None, WEB], ids=["identity", "web"])
def test_a_role_that_is_gone_or_trusts_no_more_ends_its_sessions(roles, caller):
    stage = Stage()
    issued = stage.role_session(caller=caller)
    assert stage.ask(issued).name == "training/run-1"
    stage.judge.roles = Roles(roles)
    assert code_of(stage.ask, issued) == "InvalidAccessKeyId"


def test_a_role_s_new_policy_holds_for_sessions_that_are_out():
    stage = Stage()
    issued = stage.role_session()
    assert stage.ask(issued, presigned_seconds=60).policy.allows("s3:GetObject", "b/a")
    stage.judge.roles = Roles([replace(TRAINING, policy=compile_policy("admin"))])
    assert stage.ask(issued, presigned_seconds=60).policy.allows("s3:PutObject", "b/a")


def test_a_token_is_needed_and_must_be_the_key_s():
    stage = Stage()
    one, other = stage.role_session(), stage.role_session()
    session = one.session
    assert (
        code_of(stage.judge.identify, stage.signed(session.access_key, session.secret_key))
        == "InvalidAccessKeyId"
    )
    assert code_of(stage.ask, replace(one, token=other.token)) == "InvalidToken"
    assert code_of(stage.ask, replace(one, token=one.token + "x")) == "InvalidToken"
    assert (
        code_of(stage.judge.identify, stage.signed("ann-key", "ann-secret", one.token))
        == "InvalidToken"
    )
    forged = replace(one, session=replace(session, secret_key="guessed"))
    assert code_of(stage.ask, forged) == "SignatureDoesNotMatch"


def test_sessions_make_no_sessions():
    stage = Stage()
    principal = stage.ask(stage.issuing.session_of(stage.ann, 900))
    assert not judge_role(principal, TRAINING, NOTHING_KNOWN).is_allowed
    with pytest.raises(AccessDenied):
        stage.issuing.session_of(principal, 900)


def deny(resource):
    everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    return compile_policy(
        [everything, {"Effect": "Deny", "Action": "sts:AssumeRole", "Resource": resource}]
    )


@pytest.mark.parametrize(
    ("policy", "is_allowed"),
    [
        (READ_B, True),  # the role's trust suffices
        (deny("arn:aws:iam::000000000000:role/training"), False),
        (deny("arn:aws:iam::123456789012:role/training"), False),
        (deny("arn:aws:iam::*:role/train*"), False),
        (deny("*"), False),
        (deny("arn:aws:iam::*:role/other"), True),
        (deny("training"), True),  # a bucket's name is no role's
    ],
)
def test_trust_suffices_and_an_explicit_deny_wins(policy, is_allowed):
    stage = Stage()
    decision = judge_role(stage.ann._replace(policy=policy), TRAINING, NOTHING_KNOWN)
    assert decision.is_allowed == is_allowed


def test_who_is_not_trusted_plays_no_role():
    stage = Stage()
    assert not judge_role(stage.ann._replace(name="ben"), TRAINING, NOTHING_KNOWN).is_allowed
    assert not judge_role(stage.ann, None, NOTHING_KNOWN).is_allowed
    assert judge_role(WEB, TRAINING, NOTHING_KNOWN).is_allowed
    for other in (
        replace(WEB, issuer="https://other"),
        replace(WEB, audiences=("other",)),
        replace(WEB, subject="xjob:7"),
    ):
        assert not judge_role(other, TRAINING, NOTHING_KNOWN).is_allowed


@pytest.mark.parametrize(
    ("wanted", "code"),
    [
        (Wanted("run-1", 7201, ""), "ValidationError"),
        (Wanted("run-1", None, "admin"), "MalformedPolicyDocument"),
        (Wanted("run-1", None, "[]"), "MalformedPolicyDocument"),
        (Wanted("run-1", None, "{"), "MalformedPolicyDocument"),
        (Wanted("run-1", None, ONLY_A.replace("Effect", "Efect")), "MalformedPolicyDocument"),
    ],
)
def test_what_cannot_be_granted_is_refused(wanted, code):
    with pytest.raises(InvalidRequest) as refused:
        Stage().role_session(wanted)
    assert refused.value.code == code


def test_credentials_look_like_ours_and_never_repeat():
    stage = Stage()
    issued = [stage.role_session() for _ in range(50)]
    assert len({one.session.access_key for one in issued}) == 50
    assert len({one.session.secret_key for one in issued}) == 50
    for one in issued:
        assert one.session.access_key.startswith("FBSK")
        assert one.session.access_key.isalnum()
        assert len(one.session.secret_key) == 40


@pytest.mark.parametrize("change", ["disable", "remove", "rotate"])
def test_an_identity_of_the_state_takes_its_sessions_along_for_good(tmp_path, change):
    with Kept(tmp_path / "state") as kept:
        keys = kept.ledger.add(Added("ann", "admin", ()), by=BY)[1]
        stage = Stage()
        stage.judge.identities = kept.lookup
        stage.clock.now = kept.clock.now + timedelta(milliseconds=1)
        ann = stage.judge.identify(stage.signed(keys.access_key, keys.secret_key))
        issued = stage.role_session(caller=ann)
        own = stage.issuing.session_of(ann, 900)
        head = stage.signed(
            issued.session.access_key,
            issued.session.secret_key,
            issued.token,
            presigned_seconds=60,
        )
        assert stage.judge.identify(head).name == "training/run-1"
        getattr(kept.ledger, change)("ann", by=BY)
        for asked in (issued, own):
            assert code_of(stage.ask, asked) == "InvalidAccessKeyId"
        assert code_of(stage.judge.identify, head) == "InvalidAccessKeyId"


def test_sessions_of_before_stay_void_when_the_identity_is_enabled_again(tmp_path):
    with Kept(tmp_path / "state") as kept:
        keys = kept.ledger.add(Added("ann", "admin", ()), by=BY)[1]
        stage = Stage()
        stage.judge.identities = kept.lookup
        stage.clock.now = kept.clock.now + timedelta(milliseconds=1)
        ann = stage.judge.identify(stage.signed(keys.access_key, keys.secret_key))
        issued = stage.role_session(caller=ann)
        kept.ledger.disable("ann", by=BY)
        kept.ledger.enable("ann", by=BY)
        assert code_of(stage.ask, issued) == "InvalidAccessKeyId"
        stage.clock.now = kept.clock.now + timedelta(milliseconds=1)
        assert stage.ask(stage.role_session(caller=ann)).name == "training/run-1"


def test_a_new_secret_under_the_same_key_ends_the_sessions_of_the_old_one():
    stage = Stage()
    role, own = stage.role_session(), stage.issuing.session_of(stage.ann, 900)
    stage.judge.identities = Identities([replace(ANN, secret_key="another-secret")])
    assert code_of(stage.ask, role) == "InvalidAccessKeyId"
    assert code_of(stage.ask, own) == "InvalidAccessKeyId"
    stage.judge.identities = Identities([replace(ANN, policy=READ_B)])
    assert stage.ask(own).name == "ann"
