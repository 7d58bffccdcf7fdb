"""In whose voice another process ends a move: kept without its keys, found again by name."""

from typing import Final

from gateway.access.authentication import Principal
from gateway.access.identities import KnownIdentities
from gateway.access.roles import Roles
from gateway.model.voices import FOREBAY, UNSIGNED, Voice

_KEY: Final = "key:"
_ROLE: Final = "role:"
_NOBODY: Final = "nobody"


def speaker_of(principal: Principal) -> str:
    """Return who speaks for a principal at the origin, as a journal keeps it."""
    if principal.voice.is_forebay:
        return ""
    if principal.voice == UNSIGNED:
        return _NOBODY
    session = principal.session
    if session is None:
        return _KEY + principal.access_key
    return _ROLE + session.role if session.role else _KEY + session.identity_key


def find_voice(speaker: str, identities: KnownIdentities, roles: Roles) -> Voice | None:
    """Return the voice of who was kept; None: they are no more."""
    if not speaker:
        return FOREBAY
    if speaker == _NOBODY:
        return UNSIGNED
    if speaker.startswith(_ROLE):
        role = roles.find(speaker.removeprefix(_ROLE))
        return None if role is None else role.voice
    identity = identities.find(speaker.removeprefix(_KEY))
    return None if identity is None else identity.voice
