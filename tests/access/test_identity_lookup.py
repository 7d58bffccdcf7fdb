"""Who signs with a key as of now: changes hold at once, and cost no more than what changed."""

import pytest

from gateway.access import identity_lookup
from gateway.access.identities import Identities, Written
from gateway.access.identity_ledger import Wanted
from gateway.access.identity_lookup import IdentityLookup
from gateway.access.kept_identities import PURPOSE, KeyPair
from gateway.state.sealing import Sealer
from tests.support.kept import BY, OTHER_KEY, SETTLED, WRITTEN, Kept


@pytest.fixture
def kept(tmp_path):
    with Kept(tmp_path / "state") as opened:
        yield opened


def add(kept, name="ann", policy="read-only", groups=()):
    return kept.ledger.add(Wanted(name, policy, groups), by=BY)[1]


def test_settings_and_state_stand_side_by_side(kept):
    keys = add(kept)
    assert kept.lookup.find("settled-key") is SETTLED
    found = kept.lookup.find(keys.access_key)
    assert (found.name, found.secret_key) == ("ann", keys.secret_key)
    assert found.policy.allows("s3:GetObject", "b/k")
    assert not found.policy.allows("s3:PutObject", "b/k")


def test_without_a_state_the_settings_are_all():
    lookup = IdentityLookup(WRITTEN)
    assert lookup.find("settled-key") is SETTLED
    assert lookup.find("another") is None


@pytest.mark.parametrize("access_key", ["", "nobody", "x" * 1000, "ключ", "a\0b"])
def test_a_key_that_is_nobodys_finds_nobody(kept, access_key):
    assert kept.lookup.find(access_key) is None


def test_groups_of_the_settings_count(kept):
    keys = add(kept, policy=None, groups=("readers",))
    policy = kept.lookup.find(keys.access_key).policy
    assert policy.decide("s3:GetObject", "a/k").statement == 'group "readers", statement 1'
    assert not policy.allows("s3:GetObject", "b/k")


def test_a_reading_is_remembered_until_its_row_changes(kept):
    ann, ben = add(kept), add(kept, "ben")
    found = kept.lookup.find(ann.access_key)
    assert kept.lookup.find(ann.access_key) is found
    kept.ledger.disable("ben", by=BY)
    assert kept.lookup.find(ann.access_key) is found
    kept.ledger.disable("ann", by=BY)
    assert kept.lookup.find(ann.access_key) is None
    kept.ledger.enable("ann", by=BY)
    assert kept.lookup.find(ann.access_key) is not found
    assert kept.lookup.find(ben.access_key) is None


def test_one_policy_is_compiled_once(kept):
    ann, ben, cay = add(kept), add(kept, "ben"), add(kept, "cay", policy="admin")
    policies = {kept.lookup.find(keys.access_key).policy for keys in (ann, ben, cay)}
    assert len(policies) == 2


def test_what_is_remembered_is_bounded(kept, monkeypatch):
    monkeypatch.setattr(identity_lookup, "REMEMBERED_MAX", 3)
    monkeypatch.setattr(identity_lookup, "POLICIES_MAX", 2)
    statement = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "b/k"}
    added = [
        add(kept, f"user{number}", [{**statement, "Sid": f"S{number}"}]) for number in range(9)
    ]
    for keys in added * 2:
        assert kept.lookup.find(keys.access_key).secret_key == keys.secret_key
    assert len(kept.lookup._remembered) == 3
    assert len(kept.lookup._policies) <= 2


def test_who_cannot_be_judged_as_meant_may_do_nothing(kept, caplog):
    keys = add(kept, groups=("readers",))
    sealers = Sealer([OTHER_KEY], PURPOSE), kept.lookup._sealer
    settings = WRITTEN, Written(Identities())
    for sealer, written in zip(sealers, settings, strict=True):
        lookup = IdentityLookup(written, kept.store, sealer)
        assert lookup.find(keys.access_key) is None
        assert lookup.find(keys.access_key) is None
    first, second = [one.getMessage() for one in caplog.records if one.levelname == "ERROR"]
    assert "the identity ann of the state is refused: it was sealed with another key" in first
    assert 'there is no group "readers"' in second


def test_a_key_that_moves_to_another_identity_is_that_ones(kept):
    pair = KeyPair("own", "first-secret")
    kept.ledger.add(Wanted("ann", "admin", keys=pair), by=BY)
    assert kept.lookup.find("own").name == "ann"
    kept.ledger.remove("ann", by=BY)
    kept.ledger.add(Wanted("ben", "read-only", keys=KeyPair("own", "second-secret")), by=BY)
    found = kept.lookup.find("own")
    assert (found.name, found.secret_key) == ("ben", "second-secret")
