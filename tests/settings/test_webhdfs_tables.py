"""A settings file may name mounts and users, whose keys are nobody's settings."""

from gateway.settings.reading import read_settings

WRITTEN = """
[origin]
endpoint = "http://o"
[webhdfs]
listen = "127.0.0.1:0"
mounts = { "/models" = "s3://models/prod" }
[[webhdfs.trusts]]
networks = ["10.0.0.0/8"]
users = { alice = "one", "b.c" = "one" }
[[identities]]
name = "one"
access_key = "key"
secret_key = "secret"
policy = "admin"
"""


def test_mounts_and_users_are_read_from_a_file(tmp_path):
    path = tmp_path / "forebay.toml"
    path.write_text(WRITTEN)
    read = read_settings(path, {}).webhdfs
    assert dict(read.mounts) == {"/models": "s3://models/prod"}
    assert dict(read.trusts[0].users) == {"alice": "one", "b.c": "one"}
