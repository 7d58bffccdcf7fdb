"""Voices: told apart by their keys, and silent about them."""

from itertools import combinations

import pytest

from gateway.model.voices import FOREBAY, UNSIGNED, Keys, Voice, own_voice

KEYS = Keys("access", "a secret", "a token")
SITE = "https://shop.example.com"


def test_the_same_keys_are_one_voice():
    again = own_voice(Keys("access", "a secret", "a token"))
    assert own_voice(KEYS) == again
    assert len({own_voice(KEYS), again}) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    list(
        combinations(
            [
                FOREBAY,
                UNSIGNED,
                own_voice(KEYS),
                own_voice(Keys("another", "a secret", "a token")),
                own_voice(Keys("access", "another", "a token")),
                own_voice(Keys("access", "a secret", "another")),
                own_voice(Keys("access", "a secret")),
                FOREBAY.on_behalf_of(SITE, "GET"),
                FOREBAY.on_behalf_of("https://other.example.com", "GET"),
                FOREBAY.on_behalf_of(SITE, "HEAD"),
                UNSIGNED.on_behalf_of(SITE, "GET"),
                own_voice(KEYS).on_behalf_of(SITE, "GET"),
            ],
            2,
        )
    ),
)
def test_others_are_others(one: Voice, other: Voice):
    assert one != other
    assert one.mark != other.mark


def test_a_voice_on_behalf_of_a_site_keeps_its_keys():
    voice = own_voice(KEYS).on_behalf_of(SITE, "GET")
    assert (voice.keys, voice.site, voice.is_signed) == (KEYS, SITE, True)
    assert not UNSIGNED.on_behalf_of(SITE, "GET").is_signed
    assert FOREBAY.on_behalf_of("", "GET") is FOREBAY


def test_no_secret_is_shown():
    shown = f"{own_voice(KEYS)!r} {KEYS!r} {own_voice(KEYS).mark}"
    assert "a secret" not in shown
    assert "a token" not in shown
