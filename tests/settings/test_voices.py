"""Settings of identities with keys of their own at the origin: whole, masked, and in force."""

import pytest

from gateway.access.identities import Identities
from gateway.model.voices import FOREBAY, UNSIGNED, Keys, own_voice
from gateway.settings.reading import SettingsError, read_settings, to_json

FACE = """
[[identities]]
name = "ann"
access_key = "ann"
secret_key = "here"
policy = "admin"
"""
OWN = 'origin_access_key = "ANN"\norigin_secret_key = "there-secret"\n'


@pytest.fixture
def read(tmp_path):
    def read_text(text):
        path = tmp_path / "forebay.toml"
        path.write_text(text)
        return read_settings(path, {})

    return read_text


def voice_of(settings):
    return settings.identities[0].as_identity().voice


def test_an_identity_speaks_with_its_own_keys_or_as_forebay(read):
    assert voice_of(read(FACE)) is FOREBAY
    voice = voice_of(read(FACE + OWN))
    assert voice == own_voice(Keys("ANN", "there-secret"))
    assert voice.keys == Keys("ANN", "there-secret")
    with_token = voice_of(read(FACE + OWN + 'origin_session_token = "the-token"\n'))
    assert with_token.keys == Keys("ANN", "there-secret", "the-token")


def test_the_secrets_are_shown_only_to_workers(read):
    settings = read(FACE + OWN + 'origin_session_token = "the-token"\n')
    for secret in ("there-secret", "the-token"):
        assert secret not in settings.model_dump_json()
        assert secret not in repr(settings)
        assert secret not in repr(settings.identities[0].as_identity())
        assert secret in to_json(settings)


@pytest.mark.parametrize(
    ("added", "words"),
    [
        ('origin_access_key = "ANN"\n', ["origin_access_key", "origin_secret_key"]),
        ('origin_secret_key = "x"\n', ["origin_access_key", "origin_secret_key"]),
        ('origin_session_token = "x"\n', ["origin_session_token", "origin_access_key"]),
    ],
)
def test_what_is_half_said_is_refused(read, added, words):
    with pytest.raises(SettingsError) as refused:
        read(FACE + added)
    assert all(word in str(refused.value) for word in ["ann", *words])


PUBLIC = '[[identities]]\nname = "everyone"\nanonymous = true\n'
MAY = 'policy = "read-only"\n'


def test_without_an_anonymous_identity_there_is_none(read):
    assert Identities(one.as_identity() for one in read(FACE).identities).anonymous is None


def test_the_anonymous_identity_signs_nothing_here_nor_there(read):
    settings = read(FACE + PUBLIC + MAY)
    known = Identities(one.as_identity() for one in settings.identities)
    assert known.anonymous is not None
    assert (known.anonymous.name, known.anonymous.voice) == ("everyone", UNSIGNED)
    assert known.find("") is None
    assert known.find_name("everyone") is known.anonymous


def test_the_anonymous_identity_may_have_keys_at_the_origin(read):
    settings = read(FACE + PUBLIC + MAY + OWN)
    voice = settings.identities[1].as_identity().voice
    assert voice == own_voice(Keys("ANN", "there-secret"))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (PUBLIC, ["everyone", "policy"]),
        (PUBLIC + MAY + 'access_key = "x"\nsecret_key = "y"\n', ["everyone", "anonymous"]),
        (PUBLIC + MAY + 'secret_key = "y"\n', ["everyone", "secret_key"]),
        (PUBLIC + MAY + PUBLIC.replace("everyone", "again") + MAY, ["anonymous", "one"]),
        ('[[identities]]\nname = "who"\n' + MAY, ["who", "access_key"]),
        ('[[identities]]\nname = "who"\naccess_key = "x"\n' + MAY, ["who", "secret_key"]),
    ],
)
def test_who_is_half_anonymous_is_refused(read, text, words):
    with pytest.raises(SettingsError) as refused:
        read(FACE + text)
    assert all(word in str(refused.value) for word in words)
