"""The settings of what must never be lost: where it is kept, and what seals the secrets in it."""

from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, model_validator

from gateway.settings.fields import Section, refuse, setting
from gateway.settings.values import LocalPath, Secret, check_key


class StateSettings(Section):
    """What must never be lost: identities that were added while Forebay runs, and snapshots."""

    path: LocalPath = setting(
        "The folder of the state, made when it is first needed; snapshots lie in it too. Unlike "
        "the cache it cannot be fetched again: back it up.",
        Path("state"),
        unit="path",
    )
    key_file: LocalPath | None = setting(
        "The file with the key that seals secrets in the state and the tokens of temporary "
        "credentials: 32 random bytes in base64 (`openssl rand -base64 32`). With several lines "
        "the first seals and all open, so that a key can be replaced.",
        None,
        unit="path",
    )
    key: Annotated[Secret | None, AfterValidator(check_key)] = setting(
        "The same keys in place of a file, meant for the environment (`FOREBAY_STATE__KEY`).",
        None,
    )

    @model_validator(mode="after")
    def _check_one(self) -> Self:
        if self.key is not None and self.key_file is not None:
            refuse("state.key and state.key_file are both set: remove one")
        return self
