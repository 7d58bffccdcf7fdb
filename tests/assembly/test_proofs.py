"""Proofs from settings: the key that workers share, and what a reload replaces."""

from base64 import b64encode
from datetime import timedelta

from gateway.access.delegation import Lifetimes
from gateway.assembly.proofs import make_proofs, renew_proofs
from gateway.doors.webhdfs.passes import Passed
from gateway.settings.tree import Settings
from gateway.settings.trusts import TrustSettings

TRUST = TrustSettings.model_validate({"networks": "10.1.0.0/16", "identity": "spark"})
PASSED = Passed("ann", "ann", "AK", "mark", 1)


def settings(tmp_path, key=None) -> Settings:
    state = {"path": str(tmp_path / "state")}
    if key is not None:
        state["key"] = b64encode(key).decode()
    return Settings.model_validate({"state": state})


def made(tmp_path, key=None, folder=None):
    return make_proofs(settings(tmp_path, key), [TRUST], Lifetimes(), None, folder)


def opens(one, other) -> bool:
    try:
        return other.passes.open(one.passes.seal(PASSED, "CREATE /a", 60), "CREATE /a") == PASSED
    except Exception as error:  # noqa: BLE001 - whatever it is, it did not open
        return error is None


def test_workers_of_one_run_share_a_key_that_nobody_else_reads(tmp_path):
    first, second = made(tmp_path, folder=tmp_path), made(tmp_path, folder=tmp_path)
    assert opens(first, second)
    assert opens(second, first)
    (file,) = tmp_path.glob("passes.key*")
    assert file.stat().st_mode & 0o077 == 0
    assert not opens(first, made(tmp_path))


def test_workers_with_a_key_need_no_folder(tmp_path):
    assert opens(made(tmp_path, bytes(32)), made(tmp_path, bytes(32)))
    assert not opens(made(tmp_path, bytes(32)), made(tmp_path, bytes(range(32))))


def test_a_reload_replaces_trusts_lifetimes_and_keys(tmp_path):
    proofs = made(tmp_path, bytes(32))
    assert proofs.trusts.find("10.1.2.3", "zoe") == "spark"
    lifetimes = Lifetimes(timedelta(hours=1).total_seconds(), 7200)
    renew_proofs(proofs, settings(tmp_path, bytes(range(32))), [], lifetimes)
    assert proofs.trusts.find("10.1.2.3", "zoe") is None
    assert proofs.tokens.lifetimes == lifetimes
    assert opens(proofs, made(tmp_path, bytes(range(32))))
