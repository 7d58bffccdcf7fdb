"""Trusts in the settings: networks, judged at the start, and the trust that they make."""

import pytest
from pydantic import ValidationError

from gateway.access.trusts import Trusts
from gateway.settings.reading import read_settings
from gateway.settings.trusts import TrustSettings


def test_a_trust_is_networks_and_whom_their_users_are():
    written = {"networks": "10.1.0.0/16", "identity": "spark", "users": {"hdfs": "operator"}}
    made = TrustSettings.model_validate(written)
    trusts = Trusts([made.as_trust()])
    assert trusts.find("10.1.2.3", "hdfs") == "operator"
    assert trusts.find("10.1.2.3", "zoe") == "spark"
    assert trusts.find("10.2.2.3", "hdfs") is None
    assert TrustSettings.model_validate_json(made.model_dump_json()) == made


@pytest.mark.parametrize(
    "written",
    [
        {"networks": "10.1.0.0/16"},
        {"networks": [], "identity": "spark"},
        {"networks": "10.1.2.3/16", "identity": "spark"},
        {"networks": "everywhere", "identity": "spark"},
        {"networks": "::/0", "users": {"../x": "spark"}},
        {"networks": "::/0", "identity": ""},
        {"networks": "::/0", "identity": "spark", "header": "X-Forwarded-For"},
    ],
)
def test_what_trusts_nobody_or_nowhere_is_refused(written):
    with pytest.raises(ValidationError):
        TrustSettings.model_validate(written)


def test_tables_of_the_door_are_read_from_a_file(tmp_path):
    (tmp_path / "http.keytab").write_bytes(b"k")
    (tmp_path / "forebay.toml").write_text(
        """
        [webhdfs]
        listen = "127.0.0.1:0"
        mounts = { "/models" = "s3://models/prod" }
        kerberos_keytab = "http.keytab"
        kerberos_identities = { "alice@A.TEST" = "ann" }
        [[webhdfs.trusts]]
        networks = "10.1.0.0/16"
        users = { alice = "ann" }
        """
    )
    made = read_settings(tmp_path / "forebay.toml", {}).webhdfs
    assert made.mounts == {"/models": "s3://models/prod"}
    assert made.kerberos_identities == {"alice@A.TEST": "ann"}
    assert made.trusts[0].users == {"alice": "ann"}
