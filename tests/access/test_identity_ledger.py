"""Changing the state's identities: what is kept, what is shown, and what is refused in words."""

import logging
from datetime import UTC, datetime

import pytest

from gateway.access.identities import Identities, Identity, Written
from gateway.access.identity_ledger import Wanted, new_key_pair
from gateway.access.kept_identities import KeyPair
from gateway.access.policy import compile_policy
from gateway.model.failures import InvalidRequest, NotFound
from gateway.model.rates import UNLIMITED, allowance_of
from gateway.state.sealing import SealError
from tests.support.kept import BY, KEY, OTHER_KEY, WRITTEN, Kept

ANN = Wanted("ann", "read-only")
READ = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "a/*"}


@pytest.fixture
def kept(tmp_path):
    with Kept(tmp_path / "state") as opened:
        yield opened


def refusal(kept, wanted) -> InvalidRequest:
    with pytest.raises(InvalidRequest) as refused:
        kept.ledger.add(wanted, by=BY)
    assert kept.ledger.count() == 0
    return refused.value


def test_made_keys_look_like_aws_and_differ():
    pairs = [new_key_pair() for _ in range(100)]
    assert {len(pair.access_key) for pair in pairs} == {20}
    assert {len(pair.secret_key) for pair in pairs} == {40}
    assert {pair.access_key[:4] for pair in pairs} == {"FBAK"}
    assert len({pair.access_key for pair in pairs} | {pair.secret_key for pair in pairs}) == 200


def test_an_identity_is_kept_as_it_was_added(kept):
    policy = {"Version": "2012-10-17", "Statement": [{**READ, "Sid": "One"}]}
    added, keys = kept.ledger.add(Wanted("ann", policy, ("readers",)), by=BY)
    assert kept.ledger.get("ann") == added
    assert (added.access_key, added.policy, added.groups) == (keys.access_key, policy, ("readers",))
    assert added.is_enabled
    assert kept.ledger.all() == [added]


def test_own_keys_are_taken(kept):
    _, keys = kept.ledger.add(Wanted("ann", "admin", keys=KeyPair("own", "own-secret")), by=BY)
    assert keys == KeyPair("own", "own-secret")
    assert kept.lookup.find("own").secret_key == "own-secret"


@pytest.mark.parametrize(
    ("wanted", "code", "words"),
    [
        (Wanted("", "admin"), "ValidationError", "is no name"),
        (Wanted("a/b", "admin"), "ValidationError", "is no name"),
        (Wanted("a" * 129, "admin"), "ValidationError", "is no name"),
        (Wanted("a*", "admin"), "ValidationError", "is no name"),
        (Wanted("ann"), "ValidationError", "neither policy nor groups"),
        (Wanted("ann", "amdin"), "MalformedPolicyDocument", '"amdin" is not a policy'),
        (Wanted("ann", [{**READ, "Condition": {}}]), "MalformedPolicyDocument", "Condition"),
        (Wanted("ann", None, ("reders",)), "NoSuchGroup", 'the nearest is "readers"'),
        (
            Wanted("ann", "admin", keys=KeyPair("a/b", "long enough")),
            "ValidationError",
            "access key",
        ),
        (Wanted("ann", "admin", keys=KeyPair("own", "short")), "ValidationError", "secret key"),
        (Wanted("settled", "admin"), "EntityAlreadyExists", "stands in the settings"),
        (
            Wanted("ann", "admin", keys=KeyPair("settled-key", "long-enough")),
            "EntityAlreadyExists",
            "stands in the settings",
        ),
    ],
)
def test_what_could_not_be_judged_is_not_added(kept, wanted, code, words):
    refused = refusal(kept, wanted)
    assert refused.code == code
    assert words in refused.message


def test_a_name_and_an_access_key_are_one_identitys(kept):
    kept.ledger.add(Wanted("ann", "admin", keys=KeyPair("own", "own-secret")), by=BY)
    for twin in (
        Wanted("ann", "admin"),
        Wanted("ben", "admin", keys=KeyPair("own", "own-secret")),
    ):
        with pytest.raises(InvalidRequest, match="already") as refused:
            kept.ledger.add(twin, by=BY)
        assert refused.value.code == "EntityAlreadyExists"
    assert [one.name for one in kept.ledger.all()] == ["ann"]


def test_a_rotation_gives_other_keys_and_ends_sessions(kept):
    before, old = kept.ledger.add(ANN, by=BY)
    after, new = kept.ledger.rotate("ann", by=BY)
    assert old.access_key != new.access_key
    assert old.secret_key != new.secret_key
    assert kept.lookup.find(old.access_key) is None
    assert kept.lookup.find(new.access_key).secret_key == new.secret_key
    assert after.sessions_from == after.rotated > before.sessions_from
    assert after.created == before.created


def test_disable_and_enable_keep_the_keys_and_end_sessions(kept):
    before, keys = kept.ledger.add(ANN, by=BY)
    disabled = kept.ledger.disable("ann", by=BY)
    assert disabled.sessions_from > before.sessions_from
    assert kept.lookup.find(keys.access_key) is None
    enabled = kept.ledger.enable("ann", by=BY)
    assert enabled.sessions_from == disabled.sessions_from
    assert kept.lookup.find(keys.access_key).sessions_from == disabled.sessions_from


def test_what_was_removed_is_gone_and_its_name_and_key_are_free(kept):
    first, keys = kept.ledger.add(ANN, by=BY)
    assert kept.ledger.remove("ann", by=BY).name == "ann"
    assert kept.ledger.all() == []
    assert kept.lookup.find(keys.access_key) is None
    second, _ = kept.ledger.add(Wanted("ann", "read-only", keys=keys), by=BY)
    assert second.sessions_from > first.sessions_from


def test_moments_move_on_when_the_clock_goes_back(kept):
    kept.ledger.add(ANN, by=BY)
    before = kept.ledger.disable("ann", by=BY).sessions_from
    kept.clock.now = datetime(2000, 1, 1, tzinfo=UTC)
    assert kept.ledger.disable("ann", by=BY).sessions_from > before


@pytest.mark.parametrize("change", ["get", "rotate", "disable", "enable", "remove"])
def test_who_is_not_there_cannot_be_changed(kept, change):
    by = {} if change == "get" else {"by": BY}
    with pytest.raises(NotFound, match='no identity "ben" in the state') as refused:
        getattr(kept.ledger, change)("ben", **by)
    assert refused.value.code == "NoSuchEntity"
    with pytest.raises(NotFound, match="change it there"):
        getattr(kept.ledger, change)("settled", **by)
    with pytest.raises(NotFound):
        getattr(kept.ledger, change)("x" * 1000, **by)


def test_every_change_is_logged_and_no_secret_is(kept, caplog):
    caplog.set_level(logging.INFO)
    _, first = kept.ledger.add(ANN, by=BY)
    _, second = kept.ledger.rotate("ann", by=BY)
    for change in ("disable", "enable", "remove"):
        getattr(kept.ledger, change)("ann", by=BY)
    said = [record.getMessage() for record in caplog.records]
    assert [line.split(" was ")[1] for line in said] == [
        f"{what} by {BY}" for what in ("added", "rotated", "disabled", "enabled", "removed")
    ]
    for secret in (first.secret_key, second.secret_key):
        assert secret not in "".join(said)


def test_a_secret_is_neither_shown_nor_kept_in_the_clear(kept, tmp_path):
    added, keys = kept.ledger.add(ANN, by=BY)
    assert keys.secret_key not in repr((added, keys, kept.lookup.find(keys.access_key)))
    assert keys.secret_key not in str(added.shown())
    assert keys.secret_key.encode() not in (tmp_path / "state" / "data.mdb").read_bytes()


def test_a_new_key_seals_anew_and_the_old_one_may_go(tmp_path):
    path = tmp_path / "state"
    with Kept(path) as kept:
        _, keys = kept.ledger.add(ANN, by=BY)
    with Kept(path, keys=(OTHER_KEY, KEY)) as kept:
        assert kept.lookup.find(keys.access_key).secret_key == keys.secret_key
        assert (kept.ledger.reseal(by=BY), kept.ledger.reseal(by=BY)) == (1, 0)
    with Kept(path, keys=(OTHER_KEY,)) as kept:
        assert kept.lookup.find(keys.access_key).secret_key == keys.secret_key
        assert list(kept.ledger.refusals()) == []
    with Kept(path, keys=(KEY,)) as kept, pytest.raises(SealError, match="another key"):
        kept.ledger.reseal(by=BY)


def test_what_does_not_fit_the_settings_is_told(tmp_path):
    path = tmp_path / "state"
    with Kept(path) as kept:
        kept.ledger.add(Wanted("ann", None, ("readers",)), by=BY)
        kept.ledger.add(Wanted("ben", "admin", keys=KeyPair("own", "own-secret")), by=BY)
        assert list(kept.ledger.refusals()) == []
    policy = compile_policy("admin")
    twins = Written(
        Identities([Identity("ann", "k", "s", policy), Identity("x", "own", "s", policy)])
    )
    with Kept(path, written=twins) as kept:
        said = "\n".join(kept.ledger.refusals())
    assert 'the identity "ann" of the state stands in the settings too' in said
    assert 'the identity "ben" of the state has an access key of the settings' in said
    assert 'there is no group "readers"' in said
    with Kept(path, keys=(OTHER_KEY,), written=WRITTEN) as kept:
        [first, second] = kept.ledger.refusals()
    assert "add that key to state.key_file" in first
    assert "add that key to state.key_file" in second


def test_a_change_holds_at_once_and_leaves_keys_and_sessions(kept):
    before, keys = kept.ledger.add(ANN, by=BY)
    assert not kept.lookup.find(keys.access_key).policy.allows("s3:PutObject", "a/k")
    changes = {"policy": "admin", "groups": ("readers",), "requests_per_second_max": 5.0}
    after = kept.ledger.change("ann", changes, by=BY)
    assert (after.policy, after.groups, after.access_key) == (
        "admin",
        ("readers",),
        keys.access_key,
    )
    assert after.sessions_from == before.sessions_from
    found = kept.lookup.find(keys.access_key)
    assert found.policy.allows("s3:PutObject", "a/k")
    assert found.secret_key == keys.secret_key
    assert found.allowance == allowance_of(5.0, None)
    kept.ledger.change("ann", {"requests_per_second_max": None}, by=BY)
    assert kept.lookup.find(keys.access_key).allowance == UNLIMITED
    assert kept.ledger.get("ann").policy == "admin"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"policy": None}, "ValidationError"),
        ({"policy": "nonsense"}, "MalformedPolicyDocument"),
        ({"groups": ("strangers",)}, "NoSuchGroup"),
        ({"requests_per_second_max": 0.0}, "ValidationError"),
        ({"bytes_per_second_max": 1}, "ValidationError"),
    ],
)
def test_a_change_that_is_refused_changes_nothing(kept, changes, code):
    before, _ = kept.ledger.add(ANN, by=BY)
    with pytest.raises(InvalidRequest) as refused:
        kept.ledger.change("ann", {"policy": "admin", **changes}, by=BY)
    assert refused.value.code == code
    assert kept.ledger.get("ann") == before


def test_nobody_is_changed_who_is_not_there(kept):
    with pytest.raises(NotFound, match="there is no identity"):
        kept.ledger.change("nobody", {"policy": "admin"}, by=BY)
