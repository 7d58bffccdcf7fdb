"""Settings: read from file and environment, judged together, refused in one sentence."""

from pathlib import Path

import pytest

from gateway.model.names import ObjectName
from gateway.model.rules import Freshness, Mode, Rules
from gateway.settings.reading import SettingsError, from_json, read_settings, to_json
from gateway.settings.tree import Settings
from gateway.settings.values import Address, parse_address, parse_seconds, parse_size

FACE = """
[s3]
listen = "127.0.0.1:9000"
[admin]
listen = "127.0.0.1:9090"
[origin]
endpoint = "http://127.0.0.1:7070"
region = "us-east-1"
[flash]
path = "flash"
size = "20GiB"
[workers]
count = 0
[[identities]]
name = "demo"
access_key = "demo"
secret_key = "not-so-secret"
policy = "admin"
[[rules]]
match = "models/*"
freshness = "strict"
"""
READER = """
[[identities]]
name = "reader"
access_key = "reader"
secret_key = "hidden"
[[identities.policy]]
Effect = "Allow"
Action = ["s3:GetObject"]
Resource = "models/*"
"""


@pytest.fixture
def read(tmp_path):
    def read_text(text: str, environ: dict[str, str] | None = None) -> Settings:
        path = tmp_path / "forebay.toml"
        path.write_text(text)
        return read_settings(path, environ or {})

    return read_text


@pytest.fixture
def sentence(read):
    def sentence_of(text: str, environ: dict[str, str] | None = None) -> str:
        with pytest.raises(SettingsError) as refused:
            read(text, environ)
        assert "\n" not in str(refused.value)
        return str(refused.value)

    return sentence_of


def test_the_face_is_read(read, tmp_path):
    settings = read(FACE)
    assert settings.s3.listen == Address("127.0.0.1", 9000)
    assert settings.origin.endpoint == "http://127.0.0.1:7070"
    assert settings.flash.path == tmp_path / "flash"
    assert settings.flash.size == 20 * 2**30
    assert settings.identities[0].as_identity().policy.allows("s3:PutObject", "a/b")
    assert Rules(one.as_rule() for one in settings.rules).find(ObjectName("models", "k"))


def test_an_empty_file_is_all_defaults(read, tmp_path):
    settings = read("")
    assert settings.flash.path == tmp_path / "flash"
    assert settings.s3.listen.host == settings.admin.listen.host == "127.0.0.1"
    assert settings.identities == ()


def test_settings_reach_a_worker_unchanged(read):
    settings = read(FACE + READER.replace("models/*", "bounded/*"))
    assert from_json(to_json(settings)) == settings


def test_secrets_are_shown_only_to_workers(read):
    settings = read(FACE.replace("region", 'access_key = "ak"\nsecret_key = "osecret"\nregion'))
    for shown in (repr(settings), str(settings), settings.model_dump_json(), str(settings.origin)):
        assert "not-so-secret" not in shown
        assert "osecret" not in shown
    assert "not-so-secret" in to_json(settings)


def test_a_policy_may_be_a_list_of_statements(read):
    policy = read(FACE + READER).identities[1].as_identity().policy
    assert policy.allows("s3:GetObject", "models/a")
    assert not policy.allows("s3:PutObject", "models/a")


def test_the_environment_wins_over_the_file(read):
    environ = {"FOREBAY_ORIGIN__ENDPOINT": "https://s3.example.com/", "FOREBAY_WORKERS__COUNT": "3"}
    settings = read(FACE, environ)
    assert settings.origin.endpoint == "https://s3.example.com"
    assert settings.origin.region == "us-east-1"
    assert settings.workers.count == 3


def test_the_environment_may_hold_lists():
    identity = '[{name = "a", access_key = "k", secret_key = "s", policy = "read-only"}]'
    environ = {"FOREBAY_IDENTITIES": identity, "FOREBAY_S3__DOMAIN": '["A.example", "b"]'}
    settings = read_settings(None, environ)
    assert settings.identities[0].name == "a"
    assert settings.s3.domain == ("a.example", "b")


def test_the_environment_of_tests_and_tools_and_empty_names_are_no_settings():
    environ = {"FOREBAY_TEST_ORIGIN": "x", "FOREBAY_TOOLS": "/t", "FOREBAY_ORIGIN__ENDPOINT": ""}
    assert read_settings(None, environ | {"PATH": "/bin"}).origin.endpoint is None


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("listen = ", "listn = ", ["s3.listn", "s3.listen"]),
        ("[flash]", "[flsh]", ["flsh", "flash"]),
        ("[flash]", '[flash]\nendpoint = ""', ["flash.endpoint", "origin.endpoint"]),
        ("match = ", "mtch = ", ["rules.mtch", "rules.match"]),
        ("[s3]", "listen = 1\n[s3]", ["listen", "s3.listen"]),
        ("policy = ", "polcy = ", ["identities.polcy", "identities.policy"]),
    ],
)
def test_an_unknown_key_is_refused_with_the_nearest_known(sentence, old, new, words):
    refused = sentence(FACE.replace(old, new, 1))
    assert "is not a setting" in refused
    for word in words:
        assert word in refused


def test_an_unknown_name_in_the_environment_is_refused_with_the_nearest_known(sentence):
    refused = sentence(FACE, {"FOREBAY_ORIGIN__ENDPONT": "x"})
    assert "FOREBAY_ORIGIN__ENDPONT" in refused
    assert "FOREBAY_ORIGIN__ENDPOINT" in refused


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("20GiB", "20Gibi", "flash.size"),
        ("20GiB", "1KiB", "flash.size"),
        ('"20GiB"', '"20GiB"\nsegment_size = "15GiB"', "flash.segment_size"),
        ('"20GiB"', '"8MiB"\nchunk_size = "8MiB"', "flash.size is too small"),
        ('"20GiB"', '"20GiB"\nsegment_size = "8KiB"', "flash.size is too small"),
        ('"20GiB"', '"20GiB"\nchunk_size = "64MiB"\nfill_memory = "1MiB"', "flash.fill_memory"),
        ('freshness = "strict"', 'freshness = "loose"', "rules[1].freshness"),
        ('"models/*"', '"models"', 'write "models/*"'),
        ('"strict"', '"strict"\nbatch_validation = true', "origin.list_consistency"),
        ('"models/*"', '"mod*els/*"', "rules[1].match"),
        ('"admin"', '"amdin"', "identities[1].policy"),
        (
            '"admin"',
            '[{Effect = "Allow", Action = "*", Resource = "*", Condition = {}}]',
            "Condition",
        ),
        ('"demo"', '""', "identities[1].name"),
        ('access_key = "demo"', 'access_key = "a/b"', "identities[1].access_key"),
        ('name = "demo"', "", "identities[1].name is missing"),
        ("9090", "9000", "s3.listen and admin.listen"),
        ('"127.0.0.1:9090"', '"0.0.0.0:9000"', "s3.listen and admin.listen"),
        ("127.0.0.1:9000", "localhost", "s3.listen"),
        ("127.0.0.1:9000", "127.0.0.1:70000", "s3.listen"),
        ("7070", "9000", "origin.endpoint is s3.listen"),
        ("http://127.0.0.1:7070", "127.0.0.1:7070", "origin.endpoint"),
        ("http://127.0.0.1:7070", "http://127.0.0.1:7070/bucket", "origin.endpoint"),
        ("count = 0", 'count = "many"', "workers.count"),
        ("count = 0", "count = -1", "workers.count"),
        ("[admin]", 'tls_cert = "cert.pem"\n[admin]', "s3.tls_cert stands without s3.tls_key"),
        ("[admin]", 'tls_key = "a"\ntls_cert = "b"\n[admin]', "not a file"),
        ("[admin]", 'domain = "http://x"\n[admin]', "s3.domain"),
        ("[flash]", 'access_key = "k"\n[flash]', "origin.access_key stands without"),
        ("[flash]", 'session_token = "k"\n[flash]', "origin.session_token"),
        ("[flash]", 'ca_file = "k"\n[flash]', "origin.ca_file"),
        ("[[rules]]", "[rules]", "double brackets"),
        ("[workers]", "[workers", "not TOML"),
    ],
)
def test_a_value_or_a_contradiction_is_refused_by_its_key(sentence, old, new, words):
    assert old in FACE
    assert words in sentence(FACE.replace(old, new, 1))


def test_twins_are_refused(sentence):
    rule = '[[rules]]\nmatch = "models/*"\nfreshness = "bypass"\n'
    assert 'rules.match "models/*" stands twice' in sentence(FACE + rule)
    other = READER.replace('access_key = "reader"', 'access_key = "demo"')
    assert "identities.access_key" in sentence(FACE + other)
    assert "identities.name" in sentence(FACE + READER.replace('name = "reader"', 'name = "demo"'))


def test_a_refused_secret_is_not_repeated(sentence):
    refused = sentence(FACE.replace('"not-so-secret"', "123456789"))
    assert "identities[1].secret_key" in refused
    assert "123456789" not in refused


def test_a_missing_file_is_said(tmp_path):
    with pytest.raises(SettingsError, match="there is no settings file"):
        read_settings(tmp_path / "absent.toml", {})


@pytest.mark.parametrize(
    ("text", "expected"),
    [("20GiB", 20 * 2**30), ("64 MB", 64_000_000), ("1.5KiB", 1536), (7, 7), ("9", 9)],
)
def test_sizes(text, expected):
    assert parse_size(text) == expected


@pytest.mark.parametrize("text", ["9" * 400 + "d", "9" * 400 + ".5s", 10**400, float("nan")])
def test_what_is_no_duration_is_refused(text):
    with pytest.raises(ValueError, match=r"no number|digits"):
        parse_seconds(text)


@pytest.mark.parametrize("value", ["[" * 20_000, "[" + "9" * 5_000 + "]", "[["])
def test_a_list_in_the_environment_that_is_none_is_refused_in_words(value):
    with pytest.raises(SettingsError, match="FOREBAY_S3__DOMAINS in the environment"):
        read_settings(None, {"FOREBAY_S3__DOMAINS": value})


def test_bytes_in_the_environment_that_are_no_text_are_refused_in_words():
    with pytest.raises(
        SettingsError, match="FOREBAY_ORIGIN__REGION in the environment is not UTF-8"
    ):
        read_settings(None, {"FOREBAY_ORIGIN__REGION": "eu\udcc8"})


@pytest.mark.parametrize("text", ["a = " + "[" * 20_000, "a = " + "9" * 5_000, "a ="])
def test_a_file_that_is_no_toml_is_refused_in_words(tmp_path, text):
    path = tmp_path / "settings.toml"
    path.write_text(text)
    with pytest.raises(SettingsError, match="is not TOML"):
        read_settings(path, {})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("30s", 30.0),
        ("500ms", 0.5),
        ("9ms", 0.009),
        ("5m", 300.0),
        ("1h", 3600.0),
        (2, 2.0),
        ("1.5s", 1.5),
    ],
)
def test_durations(text, expected):
    assert parse_seconds(text) == expected


HUGE = ["9" * 400, "9" * 5_000, 10**400, float("inf"), float("nan"), "1" + "0" * 20 + "GiB"]


@pytest.mark.parametrize("text", ["", "x", "1QiB", "-1", "1.5", True, None, [1], *HUGE])
def test_what_is_no_size_is_refused(text):
    with pytest.raises(ValueError):
        parse_size(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("[::1]:9000", Address("::1", 9000)), ("h:0", Address("h", 0))],
)
def test_addresses_read_as_they_are_written(text, expected):
    assert parse_address(text) == expected
    assert str(expected) == text


def test_what_is_no_address_is_refused():
    for text in ("", "h", ":1", "h:", "h:x", "h:65536", "[[::1]]:1", "[h:1", "h]:1", None, 1):
        with pytest.raises(ValueError, match="an address is written"):
            parse_address(text)


@pytest.mark.parametrize("seconds", [0.25, 0.009, 0.07, 30, 86400 * 365])
def test_bounded_freshness_survives_the_way_to_a_worker(read, seconds):
    rule = FACE.replace('"strict"', f'"bounded({seconds}s)"')
    settings = from_json(to_json(read(rule)))
    assert settings.rules[0].freshness == Freshness(Mode.BOUNDED, seconds)


def test_segments_fit_into_flash_at_every_size():
    for size in ("8MiB", "64MiB", "1GiB", "20GiB", "8TiB"):
        environ = {"FOREBAY_FLASH__SIZE": size, "FOREBAY_FLASH__CHUNK_SIZE": "64KiB"}
        flash = read_settings(None, environ).flash
        assert flash.chunk_size <= flash.segment_bytes <= flash.size // 4
    assert Path(flash.path).is_absolute()
