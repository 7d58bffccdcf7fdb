"""Kerberos at the WebHDFS door: a ticket, then its cookie; each as its identity is now."""

from datetime import timedelta

import pytest
from multidict import CIMultiDict, CIMultiDictProxy

from gateway.access.kerberos import Accepted, KerberosNames
from gateway.model.failures import AuthenticationFailed
from gateway.protocol.http.head import RequestHead
from tests.doors.webhdfs.test_delegation import HERE, Stage
from tests.support.kept import BY, Kept

NAMES = KerberosNames({"alice@A.TEST": "zoe", "*@A.TEST": "*"})


class Tickets:
    async def accept(self, token):
        if token != "YII=":
            raise AuthenticationFailed("The Kerberos ticket is not taken")
        return Accepted("alice@A.TEST", "cmVwbHk=")


@pytest.fixture
def stage(tmp_path):
    with Kept(tmp_path) as kept:
        made = Stage(kept)
        made.door.proofs.acceptor, made.door.proofs.names = Tickets(), NAMES
        yield made


def head(*, secure=False, **headers):
    return RequestHead("GET", "/webhdfs/v1/", "", CIMultiDictProxy(CIMultiDict(headers)), secure)


async def shown(stage, ticket="YII=", *, secure=False):
    asked = head(Authorization=f"Negotiate {ticket}", secure=secure)
    return await stage.door.identify(asked, HERE, {"user.name": "root"})


def cookie_of(who) -> str:
    return who.headers["Set-Cookie"].partition(";")[0]


async def test_a_ticket_is_its_user_and_gets_a_proof_and_a_cookie(stage):
    who = await shown(stage)
    assert (who.user, who.principal.name, who.groups) == ("alice", "zoe", ("readers",))
    assert who.headers["WWW-Authenticate"] == "Negotiate cmVwbHk="
    cookie = who.headers["Set-Cookie"]
    assert {"HttpOnly", "SameSite=Strict", "Path=/webhdfs"} <= set(cookie.split("; "))
    assert "Secure" not in cookie
    assert "Secure" in (await shown(stage, secure=True)).headers["Set-Cookie"]
    again = await stage.door.identify(head(Cookie=f"a=b; {cookie_of(who)}"), HERE, {})
    assert (again.user, again.principal.name) == ("alice", "zoe")


async def test_a_wrong_ticket_is_nobody_whatever_else_is_sent(stage):
    for ticket in ("YIJ=", ""):
        with pytest.raises(AuthenticationFailed):
            await shown(stage, ticket)


async def test_a_cookie_ends_with_its_time_and_with_its_identity_and_opens_no_step(stage):
    cookie = cookie_of(await shown(stage))
    asked = head(Cookie=cookie)
    stage.now += timedelta(seconds=1799)
    assert (await stage.door.identify(asked, HERE, {})).user == "alice"
    step = {"op": "CREATE", "forebay.step": cookie.partition("=")[2].strip('"')}
    with pytest.raises(AuthenticationFailed):
        await stage.door.identify(head(), HERE, step)
    fresh = cookie_of(await shown(stage))
    stage.now += timedelta(seconds=1)
    with pytest.raises(AuthenticationFailed):
        await stage.door.identify(asked, HERE, {})
    stage.kept.clock.now = stage.now
    stage.kept.ledger.disable("zoe", by=BY)
    with pytest.raises(AuthenticationFailed):
        await stage.door.identify(head(Cookie=fresh), HERE, {})


async def test_without_a_keytab_kerberos_is_refused_in_words_and_not_asked_for(stage):
    assert stage.door.challenges(head(), HERE) == ("Negotiate",)
    assert stage.door.challenges(head(), "127.0.0.1")[0] == "Negotiate"
    stage.door.proofs.acceptor = None
    assert stage.door.challenges(head(), HERE) == ("PseudoAuth",)
    with pytest.raises(AuthenticationFailed, match=r"webhdfs\.kerberos_keytab"):
        await shown(stage)


async def test_who_has_no_identity_is_refused(stage):
    stage.door.proofs.names = KerberosNames({"*@A.TEST": "*"})
    with pytest.raises(AuthenticationFailed, match="no identity that may be used"):
        await shown(stage)
    stage.door.proofs.names = KerberosNames({"*@B.TEST": "*"})
    with pytest.raises(AuthenticationFailed, match="kerberos_identities"):
        await shown(stage)
