"""The state's identities against a model: any changes, reopenings and lost writers in any order."""

import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from gateway.access.identity_ledger import Wanted
from gateway.access.identity_lookup import IdentityLookup
from gateway.access.kept_identities import KeyPair
from gateway.model.failures import InvalidRequest, NotFound
from tests.support.kept import BY, Kept

NAMES = st.sampled_from(["ann", "ben", "cay", "settled"])
GIVEN = st.none() | st.sampled_from(["own-1", "own-2", "settled-key"])
POLICIES = st.sampled_from(["admin", "read-only"])


class LostWriterError(Exception):
    """A writer died inside its change."""


class Machine(RuleBasedStateMachine):
    """Drives ledger and lookup; `model` is what they should know."""

    issued = Bundle("issued")

    @initialize()
    def begin(self):
        self.folder = Path(tempfile.mkdtemp())
        self.kept = Kept(self.folder / "state").__enter__()
        self.model: dict[str, dict] = {}
        self.latest = self.kept.clock.now

    def teardown(self):
        self.kept.__exit__()
        shutil.rmtree(self.folder)

    def is_key_taken(self, access_key):
        return access_key == "settled-key" or any(
            one["keys"].access_key == access_key for one in self.model.values()
        )

    def moved(self, kept):
        assert kept.sessions_from > self.latest
        self.latest = kept.sessions_from

    @rule(target=issued, name=NAMES, policy=POLICIES, given=GIVEN)
    def add(self, name, policy, given):
        keys = None if given is None else KeyPair(given, "secret-of-" + given)
        wanted = Wanted(name, policy, keys=keys)
        if name in self.model or name == "settled" or self.is_key_taken(given):
            with pytest.raises(InvalidRequest, match="choose another"):
                self.kept.ledger.add(wanted, by=BY)
            return multiple()
        kept, keys = self.kept.ledger.add(wanted, by=BY)
        self.moved(kept)
        self.model[name] = {"keys": keys, "policy": policy, "enabled": True}
        return keys.access_key

    @rule(target=issued, name=NAMES, given=GIVEN)
    def rotate(self, name, given):
        keys = None if given is None else KeyPair(given, "rotated-" + given)
        if name not in self.model or self.is_key_taken(given):
            with pytest.raises((InvalidRequest, NotFound)):
                self.kept.ledger.rotate(name, keys, by=BY)
            return multiple()
        kept, keys = self.kept.ledger.rotate(name, keys, by=BY)
        self.moved(kept)
        self.model[name]["keys"] = keys
        return keys.access_key

    @rule(name=NAMES, change=st.sampled_from(["disable", "enable", "remove"]))
    def change(self, name, change):
        if name not in self.model:
            with pytest.raises(NotFound):
                getattr(self.kept.ledger, change)(name, by=BY)
            return
        kept = getattr(self.kept.ledger, change)(name, by=BY)
        if change == "disable":
            self.moved(kept)
        if change == "remove":
            del self.model[name]
        else:
            self.model[name]["enabled"] = change == "enable"

    @rule()
    def reopen(self):
        self.kept.__exit__()
        self.kept.__enter__()

    @rule()
    def reload(self):
        self.kept.lookup = IdentityLookup(
            self.kept.written, self.kept.store, self.kept.lookup._sealer
        )

    @rule(name=NAMES)
    def lose_a_writer(self, name):
        def change(writing):
            writing.delete("identities", name.encode())
            raise LostWriterError

        with pytest.raises(LostWriterError):
            self.kept.store.write(change)

    @rule(access_key=consumes(issued))
    def ask_for_an_old_key(self, access_key):
        owners = [
            name
            for name, one in self.model.items()
            if one["enabled"] and one["keys"].access_key == access_key
        ]
        found = self.kept.lookup.find(access_key)
        assert owners == ([] if found is None else [found.name])

    @invariant()
    def everybody_is_who_they_are(self):
        assert [one.name for one in self.kept.ledger.all()] == sorted(self.model)
        for name, one in self.model.items():
            found = self.kept.lookup.find(one["keys"].access_key)
            assert (found is not None) == one["enabled"]
            if found is not None:
                assert (found.name, found.secret_key) == (name, one["keys"].secret_key)
                may_write = found.policy.allows("s3:PutObject", "b/k")
                assert may_write == (one["policy"] == "admin")


def test_identities_are_those_of_the_model():
    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=30,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
