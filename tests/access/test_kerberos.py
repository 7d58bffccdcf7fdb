"""Kerberos: whom a name is, and tickets of a real KDC."""

from pathlib import Path

import pytest

from gateway.access.kerberos import KerberosAcceptor, KerberosNames, KerberosUnavailableError
from gateway.model.failures import AuthenticationFailed, InvalidRequest
from tests.support.kdc import REALM, running_kdc, why_no_kdc

NAMES = KerberosNames(
    {"alice@A.TEST": "ann", "yarn/host@A.TEST": "operator", "*@A.TEST": "*", "*@B.TEST": "guest"}
)


@pytest.mark.parametrize(
    ("principal", "identity"),
    [
        ("alice@A.TEST", "ann"),
        ("zoe@A.TEST", "zoe"),
        ("yarn/host@A.TEST", "operator"),
        ("yarn/other@A.TEST", None),
        ("zoe@B.TEST", "guest"),
        ("alice@B.TEST", "guest"),
        ("alice@C.TEST", None),
        ("alice@A.TEST.EVIL", None),
        ("alice", None),
        ("", None),
    ],
)
def test_a_name_is_the_identity_of_its_row_then_of_its_realm(principal, identity):
    assert NAMES.find(principal) == identity


@pytest.mark.parametrize(
    "name", ["alice", "alice@", "@A.TEST", "a*@A.TEST", "*/host@A.TEST", "a@b@c", '"a@A.TEST"']
)
def test_what_is_no_name_is_refused(name):
    with pytest.raises(ValueError, match="is no Kerberos name"):
        KerberosNames({name: "ann"})


@pytest.fixture(scope="module")
def kdc(tmp_path_factory):
    reason = why_no_kdc()
    if reason:
        pytest.skip(reason)
    with running_kdc(tmp_path_factory.mktemp("kdc")) as running:
        yield running


async def test_a_ticket_of_a_real_kdc_is_whose_it_is_and_is_taken_once(kdc):
    acceptor = KerberosAcceptor(kdc.service_keytab)
    kdc.login("alice")
    token = kdc.token()
    ticket = await acceptor.accept(token)
    assert ticket.principal == f"alice@{REALM}"
    assert ticket.reply
    with pytest.raises(AuthenticationFailed):
        await acceptor.accept(token)
    assert (await acceptor.accept(kdc.token())).principal == f"alice@{REALM}"


async def test_a_ticket_for_another_service_or_none_at_all_is_refused(kdc):
    acceptor = KerberosAcceptor(kdc.service_keytab)
    kdc.add(f"HTTP/elsewhere@{REALM}", kdc.folder / "elsewhere.keytab")
    kdc.login("alice")
    token = kdc.token("HTTP@elsewhere")
    flipped = kdc.token()
    middle = len(flipped) // 2
    changed = flipped[:middle] + ("A" if flipped[middle] != "A" else "B") + flipped[middle + 1 :]
    for one in (token, changed, "TlRMTVNTUAABAAAA", "AAAA", ""):
        with pytest.raises(AuthenticationFailed):
            await acceptor.accept(one)
    for one in ("no base64!", "A" * 70_000):
        with pytest.raises(InvalidRequest):
            await acceptor.accept(one)


def test_a_keytab_that_is_none_is_told_at_the_start(kdc, tmp_path: Path):
    with pytest.raises(KerberosUnavailableError, match="cannot be used"):
        KerberosAcceptor(tmp_path / "absent")
