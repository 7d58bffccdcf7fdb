"""Who asks at the WebHDFS door: Basic, pseudo, nobody; each refusal, and changes of identities."""

from base64 import b64encode
from datetime import UTC, datetime
from ipaddress import ip_network

import pytest
from multidict import CIMultiDict, CIMultiDictProxy

from gateway.access.authentication import Authentication
from gateway.access.delegation import DelegationTokens, Lifetimes
from gateway.access.identities import Identities, Identity
from gateway.access.identity_ledger import Wanted
from gateway.access.policy import compile_policy
from gateway.access.session_issue import Issuing
from gateway.access.session_tokens import PURPOSE, SessionTokens
from gateway.access.trusts import Trust, Trusts
from gateway.doors.webhdfs.authentication import Proofs, WebHdfsAuthentication
from gateway.doors.webhdfs.passes import Passes
from gateway.model.failures import AccessDenied, AuthenticationFailed, InvalidRequest
from gateway.protocol.http.head import RequestHead
from gateway.protocol.s3.claimed_key import find_claimed_key
from gateway.state.sealing import Sealer
from tests.support.kept import BY, Kept

NOW = datetime(2026, 11, 28, 20, tzinfo=UTC)
LOOPBACK, CLUSTER, ELSEWHERE = "127.0.0.1", "10.1.2.3", "192.0.2.9"
ADMIN = compile_policy("admin")
ANN = Identity("ann", "ann-key", "ann:secret", ADMIN, groups=("staff",))
NOBODY = Identity("nobody", "", "", compile_policy("read-only"))
TRUSTS = Trusts([Trust((ip_network("10.1.0.0/16"),), {"alice": "ann"}, "settled")])
TOKENS = SessionTokens(Sealer([bytes(32)], PURPOSE))


def door(identities, trusts=TRUSTS) -> WebHdfsAuthentication:
    return door_of(Authentication(identities, lambda: NOW, TOKENS), trusts)


def door_of(judge, trusts=TRUSTS) -> WebHdfsAuthentication:
    tokens = DelegationTokens(None, None, Lifetimes(), lambda: NOW)
    passes = Passes(Sealer([bytes(32)], "webhdfs passes"), lambda: NOW)
    return WebHdfsAuthentication(judge, Proofs(trusts, tokens, passes))


def head(*, basic=None, secure=False, token=None, **headers) -> RequestHead:
    if basic is not None:
        headers["Authorization"] = f"Basic {b64encode(basic.encode()).decode()}"
    if token is not None:
        headers["X-Amz-Security-Token"] = token
    return RequestHead("GET", "/webhdfs/v1/b/k", "", CIMultiDictProxy(CIMultiDict(headers)), secure)


@pytest.mark.parametrize(("remote", "secure"), [(LOOPBACK, False), ("::1", False), (CLUSTER, True)])
async def test_basic_is_the_key_pair_of_an_identity(remote, secure):
    who = await door(Identities([ANN])).identify(
        head(basic="ann-key:ann:secret", secure=secure), remote, {}
    )
    assert (who.user, who.groups) == ("ann", ("staff",))
    assert (who.principal.name, who.principal.access_key) == ("ann", "ann-key")
    assert who.principal.policy is ADMIN
    assert who.principal.seed is None


async def test_basic_in_the_clear_is_refused_in_words_even_where_it_is_right():
    door_ = door(Identities([ANN]))
    for basic in ("ann-key:ann:secret", "ann-key:wrong"):
        with pytest.raises(AuthenticationFailed, match="over TLS"):
            await door_.identify(head(basic=basic), CLUSTER, {"user.name": "alice"})


@pytest.mark.parametrize(
    "basic", ["ann-key:ann:secre", "ann-key:", "ann-key:ann:secrett", "zoe-key:ann:secret", ":"]
)
async def test_a_wrong_key_and_a_wrong_secret_are_told_alike_and_nobody_else_is_taken(basic):
    known = door(
        Identities([ANN, NOBODY]), Trusts([Trust((ip_network("127.0.0.0/8"),), {}, "ann")])
    )
    with pytest.raises(AuthenticationFailed) as refused:
        await known.identify(head(basic=basic), LOOPBACK, {"user.name": "alice"})
    assert refused.value.message == "The access key or its secret is wrong."
    assert refused.value.code == "InvalidAccessKeyId"


@pytest.mark.parametrize("authorization", ["Basic !", "Digest YII=", "AWS4-HMAC-SHA256 Cred"])
async def test_a_header_that_is_not_understood_is_refused_and_nobody_else_is_taken(authorization):
    known = door(Identities([ANN, NOBODY]))
    with pytest.raises(InvalidRequest):
        await known.identify(head(Authorization=authorization), CLUSTER, {"user.name": "alice"})


async def test_user_name_is_believed_from_the_networks_that_are_trusted_and_no_others():
    known = door(Identities([ANN, Identity("settled", "s-key", "s", ADMIN)]))
    alice = await known.identify(head(), CLUSTER, {"user.name": "alice"})
    zoe = await known.identify(head(), CLUSTER, {"user.name": "zoe"})
    assert (alice.user, alice.principal.name, alice.groups) == ("alice", "ann", ("staff",))
    assert (zoe.user, zoe.principal.name) == ("zoe", "settled")
    for forged in ({}, {"X-Forwarded-For": CLUSTER, "Forwarded": f"for={CLUSTER}"}):
        with pytest.raises(AuthenticationFailed, match="proves nothing"):
            await known.identify(head(**forged), ELSEWHERE, {"user.name": "alice"})


async def test_a_user_without_an_identity_that_may_be_used_is_refused():
    known = door(Identities([NOBODY]), Trusts([Trust((ip_network("::/0"),), {}, "nobody")]))
    for who in (door(Identities()), known):
        with pytest.raises(AuthenticationFailed):
            await who.identify(
                head(), CLUSTER if who is not known else "::1", {"user.name": "alice"}
            )


async def test_who_claims_nothing_is_the_anonymous_identity_or_nobody():
    nobody = await door(Identities([NOBODY])).identify(head(), ELSEWHERE, {})
    assert nobody.user == "nobody"
    with pytest.raises(AuthenticationFailed):
        await door(Identities([ANN])).identify(head(), LOOPBACK, {})


async def test_nobody_acts_for_another():
    known = door(Identities([ANN]))
    basic = head(basic="ann-key:ann:secret")
    assert (await known.identify(basic, LOOPBACK, {"doas": "ann"})).user == "ann"
    with pytest.raises(AccessDenied, match="may not act for another"):
        await known.identify(basic, LOOPBACK, {"doas": "bob"})


def test_a_challenge_asks_for_a_secret_only_where_nobody_reads_it():
    known = door(Identities([ANN]))
    assert known.challenges(head(), LOOPBACK)[0].startswith("Basic ")
    assert known.challenges(head(secure=True), CLUSTER)[0].startswith("Basic ")
    assert known.challenges(head(), CLUSTER) == ("PseudoAuth",)


async def test_a_session_is_its_three_parts():
    judge = Authentication(Identities([ANN]), lambda: NOW, TOKENS)
    issued = Issuing(judge, lambda: NOW).session_of(judge.principal_of("ann-key"), 3600)
    known = door_of(judge)
    pair = f"{issued.session.access_key}:{issued.session.secret_key}"
    who = await known.identify(head(basic=pair, token=issued.token), LOOPBACK, {})
    assert (who.user, who.groups, who.principal.session) == ("ann", ("staff",), issued.session)
    for wrong in (head(basic=pair), head(basic=pair + "x", token=issued.token)):
        with pytest.raises(AuthenticationFailed):
            await known.identify(wrong, LOOPBACK, {})


async def test_an_identity_of_the_state_is_refused_from_the_next_request_on(tmp_path):
    with Kept(tmp_path) as kept:
        _, keys = kept.ledger.add(Wanted("zoe", "admin", ("readers",)), by=BY)
        known = door(kept.lookup, Trusts([Trust((ip_network("10.0.0.0/8"),), {"zoe": "zoe"})]))
        asked = {
            "basic": (head(basic=f"{keys.access_key}:{keys.secret_key}"), LOOPBACK, {}),
            "pseudo": (head(), CLUSTER, {"user.name": "zoe"}),
        }
        assert {(await known.identify(*one)).user for one in asked.values()} == {"zoe"}
        assert (await known.identify(*asked["pseudo"])).groups == ("readers",)
        kept.ledger.disable("zoe", by=BY)
        assert await _refused(known, asked) == {"basic", "pseudo"}
        kept.ledger.enable("zoe", by=BY)
        assert await _refused(known, asked) == set()
        kept.ledger.rotate("zoe", by=BY)
        assert await _refused(known, asked) == {"basic"}
        kept.ledger.remove("zoe", by=BY)
        assert await _refused(known, asked) == {"basic", "pseudo"}


async def _refused(known, asked) -> set[str]:
    refused = set()
    for name, one in asked.items():
        try:
            await known.identify(*one)
        except AuthenticationFailed:
            refused.add(name)
    return refused


def test_the_audit_log_is_told_the_key_that_was_claimed_and_never_the_secret():
    assert find_claimed_key(head(basic="ann-key:ann:secret")) == "ann-key"
    assert find_claimed_key(head(basic="two words:s")) == ""
    assert find_claimed_key(head(Authorization="Basic !")) == ""
