"""Remembered proofs of presigned requests, and identities that change in the state under them."""

import pytest
from multidict import CIMultiDict, CIMultiDictProxy

from gateway.access.authentication import Authentication
from gateway.access.identity_ledger import Wanted
from gateway.access.kept_identities import KeyPair
from gateway.model.failures import AuthenticationFailed
from gateway.protocol.http.head import RequestHead
from gateway.protocol.s3.sigv4 import presign, sign_headers
from tests.support.kept import BY, Kept

HOST = "localhost:9000"
KEYS = KeyPair("own-key", "own-secret")


@pytest.fixture
def kept(tmp_path):
    with Kept(tmp_path / "state") as opened:
        opened.ledger.add(Wanted("ann", "admin", keys=KEYS), by=BY)
        yield opened


@pytest.fixture
def identify(kept):
    """Give what asks again with one presigned request."""
    moment = kept.clock().strftime("%Y%m%dT%H%M%SZ")
    query = presign(
        "GET", HOST, "/b/k", "", {}, access_key=KEYS.access_key, secret=KEYS.secret_key,
        session_token=None, region="us-east-1", amz_date=moment, expires_seconds=600,
    )  # fmt: skip
    head = RequestHead("GET", "/b/k", query, CIMultiDictProxy(CIMultiDict({"Host": HOST})))
    judge = Authentication(kept.lookup, kept.clock)
    return lambda: judge.identify(head)


@pytest.fixture
def holds(kept):
    """Give what asks whether a proof by a signed head still holds."""
    moment = kept.clock().strftime("%Y%m%dT%H%M%SZ")
    sent = {"Host": HOST} | sign_headers(
        "GET", HOST, "/b/k", "", {}, access_key=KEYS.access_key, secret=KEYS.secret_key,
        session_token=None, region="us-east-1", amz_date=moment, payload_hash="UNSIGNED-PAYLOAD",
    )  # fmt: skip
    judge = Authentication(kept.lookup, kept.clock)
    _, proof = judge.prove(RequestHead("GET", "/b/k", "", CIMultiDictProxy(CIMultiDict(sent))))
    return lambda: judge.holds(proof)


def test_a_proof_holds_whatever_becomes_of_others(kept, holds):
    kept.ledger.add(Wanted("ben", "admin"), by=BY)
    kept.ledger.remove("ben", by=BY)
    assert holds()


@pytest.mark.parametrize("change", ["disable", "rotate", "remove"])
def test_a_proof_does_not_hold_once_its_identity_changed(kept, holds, change):
    assert holds()
    getattr(kept.ledger, change)("ann", by=BY)
    assert not holds()


def test_a_proof_does_not_hold_for_another_policy_under_the_same_keys(kept, holds):
    kept.ledger.remove("ann", by=BY)
    kept.ledger.add(Wanted("ann", "read-only", keys=KEYS), by=BY)
    assert not holds()


def test_a_proof_is_remembered_while_nothing_of_it_changes(kept, identify):
    first = identify()
    kept.ledger.add(Wanted("ben", "admin"), by=BY)
    assert identify() is first


@pytest.mark.parametrize("change", ["disable", "rotate", "remove"])
def test_a_proof_ends_with_what_proved_it(kept, identify, change):
    identify()
    getattr(kept.ledger, change)("ann", by=BY)
    with pytest.raises(AuthenticationFailed, match="does not exist"):
        identify()


def test_a_proof_does_not_outlive_its_secret_or_its_policy(kept, identify):
    assert identify().policy.allows("s3:PutObject", "b/k")
    kept.ledger.remove("ann", by=BY)
    kept.ledger.add(Wanted("ann", "read-only", keys=KEYS), by=BY)
    assert not identify().policy.allows("s3:PutObject", "b/k")
    kept.ledger.remove("ann", by=BY)
    kept.ledger.add(Wanted("ann", "admin", keys=KeyPair(KEYS.access_key, "other-secret")), by=BY)
    with pytest.raises(AuthenticationFailed, match="does not match"):
        identify()
