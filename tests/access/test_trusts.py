"""Trusts: who is believed by the network that they speak from, and who is not."""

from ipaddress import ip_network

import pytest

from gateway.access.trusts import Trust, Trusts, is_loopback

CLUSTER = ip_network("10.1.0.0/16")
TRUSTS = Trusts(
    [
        Trust((ip_network("10.1.2.0/24"),), {"hdfs": "operator"}),
        Trust((CLUSTER, ip_network("fd00::/8")), {"alice": "ann"}, "everybody"),
    ]
)


@pytest.mark.parametrize(
    ("remote", "user", "identity"),
    [
        ("10.1.2.3", "hdfs", "operator"),
        ("10.1.2.3", "alice", "ann"),
        ("10.1.2.3", "zoe", "everybody"),
        ("10.1.9.9", "hdfs", "everybody"),
        ("fd00::1", "alice", "ann"),
        ("fd00::1%eth0", "alice", "ann"),
        ("::ffff:10.1.9.9", "alice", "ann"),
        ("10.2.0.1", "alice", None),
        ("127.0.0.1", "alice", None),
        ("-", "alice", None),
        ("10.1.2.3, 127.0.0.1", "alice", None),
        ("10.1.9.9", "../alice", None),
        ("10.1.9.9", "", None),
    ],
)
def test_a_user_is_who_the_first_trust_of_its_network_says(remote, user, identity):
    assert TRUSTS.find(remote, user) == identity


def test_without_trusts_nobody_is_believed():
    assert not Trusts()
    assert Trusts().find("127.0.0.1", "alice") is None


@pytest.mark.parametrize(
    ("remote", "expected"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("10.0.0.1", False),
        ("-", False),
        ("", False),
    ],
)
def test_loopback_is_this_machine(remote, expected):
    assert is_loopback(remote) is expected
