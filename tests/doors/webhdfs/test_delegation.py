"""Tokens and passes at the WebHDFS door: what they stand for, who gets them, and what is told."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from types import SimpleNamespace

import pytest
from multidict import CIMultiDict, CIMultiDictProxy

from gateway.access.authentication import Authentication
from gateway.access.authorization import Authorization
from gateway.access.delegation import PURPOSE, DelegationTokens, Lifetimes
from gateway.access.identity_ledger import Wanted
from gateway.access.session_issue import Issuing
from gateway.access.session_tokens import PURPOSE as SESSIONS
from gateway.access.session_tokens import SessionTokens
from gateway.access.trusts import Trust, Trusts
from gateway.doors.webhdfs.authentication import STEP, Proofs, WebHdfsAuthentication
from gateway.doors.webhdfs.delegation import Delegation
from gateway.doors.webhdfs.passes import PURPOSE as PASSES
from gateway.doors.webhdfs.passes import Passes
from gateway.model.failures import AccessDenied, AuthenticationFailed
from gateway.protocol.http.head import RequestHead
from gateway.protocol.webhdfs.tokens import decode_token
from gateway.state.sealing import Prover, Sealer
from tests.support.kept import BY, KEY, Kept

HERE, ELSEWHERE = "10.1.2.3", "192.0.2.9"
PATH = "/webhdfs/v1/b/a%20file"


def head(path=PATH, *, secure=False) -> RequestHead:
    return RequestHead("PUT", path, "", CIMultiDictProxy(CIMultiDict()), secure)


class AuditedLines:
    def __init__(self):
        self.lines = []

    def wants(self, action, *, is_allowed):
        return bool(action) or is_allowed

    def write(self, judgement):
        self.lines.append((judgement.principal, judgement.action, judgement.is_allowed))


@dataclass
class Stage:
    kept: Kept
    now: datetime = datetime(2026, 11, 28, 20, tzinfo=UTC)

    def __post_init__(self):
        self.kept.clock.now = self.now - timedelta(hours=1)
        self.kept.ledger.add(Wanted("zoe", "admin", ("readers",)), by=BY)
        self.audit = AuditedLines()
        sessions = SessionTokens(Sealer((KEY,), SESSIONS))
        self.judge = Authentication(self.kept.lookup, lambda: self.now, sessions)
        self.door = self.worker()
        self.delegation = Delegation(self.judge, Authorization(self.audit), self.door.proofs)

    def worker(self):
        trusts = Trusts([Trust((ip_network("10.1.0.0/16"),), {"alice": "zoe", "yarn": "settled"})])
        tokens = DelegationTokens(
            self.kept.store, Prover((KEY,), PURPOSE), Lifetimes(), lambda: self.now
        )
        passes = Passes(Sealer((KEY,), PASSES), lambda: self.now)
        return WebHdfsAuthentication(self.judge, Proofs(trusts, tokens, passes))

    async def who(self, user="alice"):
        return await self.door.identify(head(), HERE, {"user.name": user})

    async def token(self, who=None, *, secure=False):
        asked = asked_by(secure=secure)
        return await self.delegation.get(
            who or await self.who(), asked, renewer="yarn", service=None
        )

    async def bearer(self, token):
        door = self.worker()
        door.proofs.trusts = self.door.proofs.trusts  # as a reload has left them everywhere
        return await door.identify(head(), ELSEWHERE, {"delegation": token})

    async def step(self, who, operation="CREATE", path=PATH):
        passed = self.door.step(who, "create", PATH)
        parameters = {"op": operation, STEP: passed, "user.name": "root"}
        return await self.worker().identify(head(path), ELSEWHERE, parameters)


def asked_by(*, secure=False):
    return SimpleNamespace(id="1", head=head(secure=secure), remote=HERE)


@pytest.fixture
def stage(tmp_path):
    with Kept(tmp_path) as kept:
        yield Stage(kept)


async def test_a_token_is_its_owner_from_anywhere_at_every_worker(stage):
    who = await stage.bearer(await stage.token())
    assert (who.user, who.principal.name, who.groups) == ("alice", "zoe", ("readers",))
    assert who.token.user == "alice"
    assert stage.audit.lines == [("zoe", "sts:GetSessionToken", True)]


@pytest.mark.parametrize(
    "left",
    [
        [],
        [Trust((ip_network("10.2.0.0/16"),), {"alice": "zoe"})],
        [Trust((ip_network("10.1.0.0/16"),), {"alice": "settled"})],
        [Trust((ip_network("10.1.0.0/16"),), {"bob": "zoe"})],
    ],
)
async def test_a_token_that_a_trust_gave_ends_with_the_trust(stage, left):
    token = await stage.token()
    bearer = await stage.bearer(token)
    yarn = await stage.who("yarn")
    passed = stage.door.step(bearer, "create", PATH)
    trusted, stage.door.proofs.trusts = stage.door.proofs.trusts, Trusts(left)
    for claim in ({"delegation": token}, {"op": "CREATE", STEP: passed}):
        with pytest.raises(AuthenticationFailed, match="trusted"):
            await stage.door.identify(head(), HERE, claim)
    with pytest.raises(AuthenticationFailed, match="trusted"):
        await stage.delegation.renew(yarn, asked_by(), token)
    stage.door.proofs.trusts = trusted
    assert (await stage.bearer(token)).user == "alice"


async def test_a_token_of_who_showed_credentials_needs_no_trust(stage):
    shown = (await stage.who())._replace(trusted_from="")
    token = await stage.token(shown)
    stage.door.proofs.trusts = Trusts()
    assert (await stage.bearer(token)).user == "alice"


@pytest.mark.parametrize(
    ("secure", "kind"), [(False, "WEBHDFS delegation"), (True, "SWEBHDFS delegation")]
)
async def test_its_kind_tells_the_scheme_that_it_is_renewed_by(stage, secure, kind):
    assert decode_token(await stage.token(secure=secure)).kind == kind


async def test_a_token_gets_no_token_and_renews_none_but_may_end_itself(stage):
    token = await stage.token()
    bearer = await stage.bearer(token)
    with pytest.raises(AccessDenied, match="issued only with kerberos"):
        await stage.token(bearer)
    with pytest.raises(AccessDenied, match="renewed only with kerberos"):
        await stage.delegation.renew(bearer, asked_by(), token)
    await stage.delegation.cancel(bearer, asked_by(), token)
    with pytest.raises(AuthenticationFailed):
        await stage.bearer(token)


async def test_renewal_is_the_renewers_and_each_judgement_is_told(stage):
    token = await stage.token()
    with pytest.raises(AccessDenied, match="tries to renew a token with the renewer yarn"):
        await stage.delegation.renew(await stage.who(), asked_by(), token)
    stage.now += timedelta(hours=1)
    until = await stage.delegation.renew(await stage.who("yarn"), asked_by(), token)
    assert until == (stage.now + timedelta(days=1)).timestamp() * 1000
    await stage.delegation.cancel(await stage.who("yarn"), asked_by(), token)
    assert stage.audit.lines[1:] == [
        ("zoe", "forebay:RenewDelegationToken", False),
        ("settled", "forebay:RenewDelegationToken", True),
        ("settled", "forebay:CancelDelegationToken", True),
    ]


async def test_a_session_gets_no_token_that_would_outlive_it(stage):
    issued = Issuing(stage.judge, lambda: stage.now).session_of(
        stage.judge.principal_of("settled-key"), 900
    )
    principal = stage.judge.principal_of(issued.session.access_key, issued.token)
    who = (await stage.who())._replace(principal=principal)
    with pytest.raises(AccessDenied):
        await stage.token(who)
    assert stage.audit.lines == [("settled", "sts:GetSessionToken", False)]
    assert (await stage.step(who)).principal.session == issued.session
    stage.now += timedelta(seconds=900)
    passed = stage.door.step(who, "CREATE", PATH)
    with pytest.raises(AuthenticationFailed, match="expired"):
        await stage.door.identify(head(), HERE, {"op": "CREATE", STEP: passed})


@pytest.mark.parametrize("changes", [["disable"], ["disable", "enable"], ["rotate"], ["remove"]])
async def test_a_token_and_a_pass_end_with_their_identity(stage, changes):
    who = await stage.who()
    token, passed = await stage.token(who), stage.door.step(who, "CREATE", PATH)
    stage.kept.clock.now = stage.now
    for change in changes:
        getattr(stage.kept.ledger, change)("zoe", by=BY)
    with pytest.raises(AuthenticationFailed):
        await stage.bearer(token)
    with pytest.raises(AuthenticationFailed):
        await stage.door.identify(head(), HERE, {"op": "CREATE", STEP: passed})


async def test_a_pass_is_its_user_for_one_operation_on_one_path(stage):
    who = await stage.step(await stage.who())
    assert (who.user, who.principal.name, who.groups) == ("alice", "zoe", ("readers",))
    assert (await stage.step(who, path="/webhdfs/v1/b/a%20%66ile")).user == "alice"
    for operation, path in (
        ("APPEND", PATH),
        ("", PATH),
        ("CREATE", "/webhdfs/v1/b/a"),
        ("CREATE", PATH + "/"),
        ("CREATE", "/webhdfs/v1/b/a%2520file"),
    ):
        with pytest.raises(AuthenticationFailed) as refused:
            await stage.step(who, operation, path)
        assert refused.value.code == "InvalidToken"


async def test_a_pass_ends_after_two_minutes_and_when_it_is_changed(stage):
    passed = stage.door.step(await stage.who(), "CREATE", PATH)
    stage.now += timedelta(seconds=119)
    assert (await stage.door.identify(head(), HERE, {"op": "create", STEP: passed})).user == "alice"
    stage.now += timedelta(seconds=1)
    flipped = passed[:-3] + ("A" if passed[-3] != "A" else "B") + passed[-2:]
    for one in (passed, flipped, passed[:-1], "", "é", "A" * 20_000):
        if one:
            with pytest.raises(AuthenticationFailed):
                await stage.door.identify(head(), HERE, {"op": "create", STEP: one})


async def test_a_pass_that_a_token_was_shown_for_ends_with_the_token(stage):
    token = await stage.token()
    bearer = await stage.bearer(token)
    assert (await stage.step(bearer)).user == "alice"
    stage.door.proofs.tokens.cancel(bearer.token)
    with pytest.raises(AuthenticationFailed):
        await stage.step(bearer)


async def test_a_pass_holds_no_secret_that_can_be_read(stage):
    passed = stage.door.step(await stage.who(), "CREATE", PATH)
    identity = stage.kept.lookup.find_name("zoe")
    for secret in (identity.secret_key, identity.access_key, "alice"):
        assert secret not in passed
