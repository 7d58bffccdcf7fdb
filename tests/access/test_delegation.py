"""Delegation tokens: given, opened, renewed, cancelled, swept; by two workers over one state."""

import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from gateway.access.delegation import PURPOSE, ROWS, DelegationTokens, Lifetimes
from gateway.access.identity_ledger import Wanted
from gateway.access.lent_tokens import short_name
from gateway.access.sessions import lender_of
from gateway.model.failures import (
    AccessDenied,
    AuthenticationFailed,
    InvalidRequest,
    NotSupported,
    Overloaded,
)
from gateway.protocol.webhdfs.tokens import Token, decode_identifier, decode_token
from gateway.state.sealing import Prover
from gateway.state.store import Store
from tests.support.kept import BY, KEY, OTHER_KEY, SETTLED, Kept

NOW = datetime(2026, 11, 28, 20, tzinfo=UTC)
DAY = 86_400_000


class Stage:
    """Two workers' tokens over one state; the clock may be set."""

    def __init__(self, path):
        self.now = NOW
        self.store = Store(path)
        self.one = self.worker(self.store)

    def worker(self, store, keys=(KEY,)):
        prover = Prover(keys, PURPOSE) if keys else None
        return DelegationTokens(store, prover, Lifetimes(), lambda: self.now)

    def give(self, user="alice", renewer="yarn"):
        return self.one.give(PRINCIPAL, user, renewer, SETTLED)

    def rows(self):
        with self.store.read() as reading:
            return reading.count(ROWS)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.store.close()


class _Principal:
    session = None


PRINCIPAL = _Principal()


@pytest.fixture
def stage(tmp_path):
    with Stage(tmp_path / "state") as made:
        yield made


def is_void(tokens, text) -> bool:
    try:
        tokens.open(text)
    except AuthenticationFailed as refused:
        return refused.code == "InvalidToken"
    return False


def test_a_token_says_whose_it_is_and_stands_for_them(stage):
    text = stage.give(renewer="yarn/host@EXAMPLE.COM")
    said = decode_identifier(decode_token(text).identifier)
    assert (said.owner, said.renewer, said.real_user) == ("alice", "yarn", "")
    assert said.issue_ms == NOW.timestamp() * 1000
    assert said.max_ms == said.issue_ms + 7 * DAY
    lent = stage.one.open(text)
    assert (lent.user, lent.identity, lent.identity_key) == ("alice", "settled", "settled-key")
    assert lent.expires_ms == said.issue_ms + DAY
    assert SETTLED.secret_key not in lent.row().decode()


def test_a_token_is_good_after_a_restart_and_no_two_have_one_number(stage):
    first = stage.give()
    stage.one.cancel(stage.one.open(first))
    stage.one = stage.worker(stage.store)
    second = stage.give()
    assert is_void(stage.one, first)
    assert stage.one.open(second).sequence == 2


def test_a_token_expires_and_only_until_then_is_renewed_never_beyond_its_end(stage):
    text = stage.give()
    issued_ms = int(NOW.timestamp() * 1000)
    stage.now = NOW + timedelta(hours=23, minutes=59)
    assert stage.one.renew(stage.one.open(text)) == issued_ms + DAY + DAY - 60_000
    stage.now = NOW + timedelta(days=1, hours=23, minutes=58)
    lent = stage.one.open(text)
    stage.now += timedelta(minutes=1)
    assert is_void(stage.one, text)
    with pytest.raises(AuthenticationFailed):
        stage.one.renew(lent)
    late = stage.give()
    until = []
    for _ in range(11):
        stage.now += timedelta(hours=14)
        until.append(stage.one.renew(stage.one.open(late)))
    assert until[-2] < until[-1] == stage.one.open(late).max_ms
    stage.now = NOW + timedelta(days=9)
    assert is_void(stage.one, late)


def test_a_token_is_renewed_by_its_renewer_and_cancelled_by_its_owner_too(stage):
    lent = stage.one.open(stage.give())
    assert lent.may_be_renewed_by("yarn").is_allowed
    assert lent.may_be_cancelled_by("yarn").is_allowed
    assert not lent.may_be_renewed_by("alice").is_allowed
    assert lent.may_be_cancelled_by("alice").is_allowed
    assert not lent.may_be_cancelled_by("bob").is_allowed
    nobodys = replace(lent, renewer="")
    assert not nobodys.may_be_renewed_by("").is_allowed
    assert short_name("yarn/host@R") == short_name("yarn@R") == short_name("yarn") == "yarn"


def test_what_another_process_cancels_is_void_at_the_next_use(tmp_path, stage):
    text = stage.give()
    assert not is_void(stage.one, text)
    # A second environment in one process is LMDB's one taboo, so the other process is a real one.
    cancel_elsewhere(tmp_path / "state", stage.one.open(text).sequence)
    assert is_void(stage.one, text)


def cancel_elsewhere(path, sequence):
    program = (
        "import sys; from pathlib import Path; from gateway.state.store import Store;"
        "from gateway.access.lent_tokens import row_key\n"
        "with Store(Path(sys.argv[1])) as store:\n"
        "    store.write(lambda w: w.delete('delegation_tokens', row_key(int(sys.argv[2]))))\n"
    )
    subprocess.run([sys.executable, "-c", program, str(path), str(sequence)], check=True)


def test_a_token_that_was_changed_or_made_elsewhere_is_none(stage):
    text = stage.give()
    token = decode_token(text)
    said = decode_identifier(token.identifier)
    other = stage.worker(stage.store, (OTHER_KEY,))
    forged = (
        replace(token, password=bytes(32)),
        replace(token, password=b""),
        replace(token, identifier=replace(said, owner="root").encoded()),
        replace(token, identifier=replace(said, sequence=2).encoded()),
        replace(token, identifier=replace(said, max_ms=said.max_ms * 2).encoded()),
        Token(token.identifier, other.prover.proof(token.identifier)),
    )
    assert all(is_void(stage.one, one.encoded()) for one in forged)
    assert is_void(other, text)
    assert is_void(stage.one, "")
    relabelled = replace(token, kind="HDFS_DELEGATION_TOKEN", service="10.0.0.1:9870")
    assert stage.one.open(relabelled.encoded()).user == "alice"


def test_a_new_key_proves_and_the_old_one_is_still_believed_until_it_goes(stage):
    text = stage.give()
    stage.one.prover = Prover((OTHER_KEY, KEY), PURPOSE)
    newer = stage.give()
    assert not is_void(stage.one, text)
    stage.one.prover = Prover((OTHER_KEY,), PURPOSE)
    assert is_void(stage.one, text)
    assert not is_void(stage.one, newer)


def test_nothing_is_given_without_a_key_or_to_a_session_or_to_nobody(stage):
    keyless = stage.worker(stage.store, ())
    with pytest.raises(NotSupported, match=r"state\.key_file"):
        keyless.give(PRINCIPAL, "alice", "yarn", SETTLED)
    assert is_void(keyless, stage.give())
    lent = _Principal()
    lent.session = object()
    for principal, identity in ((PRINCIPAL, None), (lent, SETTLED)):
        with pytest.raises(AccessDenied):
            stage.one.give(principal, "alice", "yarn", identity)
    with pytest.raises(InvalidRequest):
        stage.give(renewer="y" * 257)


def test_what_has_expired_is_swept_and_nothing_else(stage, monkeypatch):
    monkeypatch.setattr("gateway.access.delegation.SWEPT_MAX", 2)
    old = [stage.give() for _ in range(5)]
    stage.now += timedelta(hours=12)
    stage.one.renew(stage.one.open(old[3]))
    new = stage.give()
    assert stage.one.sweep() == 0
    stage.now = NOW + timedelta(days=1)
    assert stage.one.sweep() == 4
    assert stage.rows() == 2
    assert not is_void(stage.one, old[3])
    assert not is_void(stage.one, new)


def test_what_is_renewed_while_it_is_swept_stays(stage, monkeypatch):
    text = stage.give()
    lent = stage.one.open(text)
    found = stage.one._ended

    def renewed_in_between(*where):
        stage.now = NOW + timedelta(days=1)
        ended = found(*where)
        stage.now = NOW + timedelta(hours=23)
        stage.one.renew(lent)
        return ended

    monkeypatch.setattr(stage.one, "_ended", renewed_in_between)
    assert stage.one.sweep() == 0
    assert not is_void(stage.one, text)


def test_there_are_only_so_many(stage, monkeypatch):
    monkeypatch.setattr("gateway.access.delegation.TOKENS_MAX", 2)
    assert stage.give() != stage.give()
    with pytest.raises(Overloaded, match="2 delegation tokens are in use"):
        stage.give()


def test_a_kept_identity_takes_its_tokens_along(tmp_path):
    with Kept(tmp_path) as kept:
        tokens = DelegationTokens(kept.store, Prover((KEY,), PURPOSE), Lifetimes(), kept.clock)
        kept.ledger.add(Wanted("zoe", "admin"), by=BY)
        lent = tokens.open(tokens.give(PRINCIPAL, "zoe", "", kept.lookup.find_name("zoe")))
        assert lender_of(lent, kept.lookup).name == "zoe"
        kept.ledger.disable("zoe", by=BY)
        with pytest.raises(AuthenticationFailed):
            lender_of(lent, kept.lookup)
        kept.ledger.enable("zoe", by=BY)
        with pytest.raises(AuthenticationFailed):
            lender_of(lent, kept.lookup)
