"""The settings of the WebHDFS door, as a file has them."""

import pytest

from gateway.settings.reading import SettingsError, read_settings

WHOLE = """
[webhdfs]
listen = "127.0.0.1:9870"

[webhdfs.mounts]
"/models" = "s3://models/prod"

[[webhdfs.trusts]]
networks = "10.1.0.0/16"
identity = "others"
users = { alice = "ann" }
"""


def read(tmp_path, text):
    path = tmp_path / "forebay.toml"
    path.write_text(text)
    return read_settings(path, {})


def test_mounts_and_trusts_are_read_from_a_file(tmp_path):
    chosen = read(tmp_path, WHOLE).webhdfs
    assert chosen.mounts == {"/models": "s3://models/prod"}
    assert chosen.trusts[0].users == {"alice": "ann"}
    assert str(chosen.listen) == "127.0.0.1:9870"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('mounts = { "/a" = "b" }', "s3://"),
        ('mounts = { "/a" = "s3://b", "/a/c" = "s3://d" }', "there is another under it"),
        ('block_size = "2000001"', "multiple"),
        ('home = "user"', "absolute"),
        ('token_seconds = "20d"', "token_seconds_max"),
        ('tls_cert = "a.pem"', "tls_key"),
        ('listen = "127.0.0.1:9000"', "webhdfs.listen"),
    ],
)
def test_what_cannot_be_is_refused_in_words(tmp_path, line, words):
    with pytest.raises(SettingsError, match=words):
        read(tmp_path, f"[webhdfs]\n{line}\n")
