"""How a settings key is declared, and how what contradicts itself is refused."""

from collections.abc import Iterable
from typing import Any, NoReturn

from pydantic import BaseModel, ConfigDict, Field


class Contradiction(ValueError):  # noqa: N818 - it is one, and pydantic wants a ValueError
    """Two keys do not go together; the message is the whole sentence for the user."""


class Section(BaseModel):
    """A table of the settings file: frozen, and closed to keys it does not know.

    Defaults are validated too, so that a relative default path is resolved like a written one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)


def setting(description: str, default: Any = ..., *, unit: str = "", **bounds: Any) -> Any:  # noqa: ANN401
    """Return the pydantic field of one key: what it is and why, its default, unit and bounds."""
    return Field(default, description=description, json_schema_extra={"unit": unit}, **bounds)


def refuse(sentence: str) -> NoReturn:
    """Refuse the settings as a whole."""
    raise Contradiction(sentence)


def refuse_half(table: Section, name: str, first: str, second: str) -> None:
    """Refuse one of two keys that only make sense together."""
    is_first, is_second = bool(getattr(table, first)), bool(getattr(table, second))
    if is_first != is_second:
        there, missing = (first, second) if is_first else (second, first)
        refuse(f"{name}.{there} stands without {name}.{missing}: set both or neither")


def refuse_twins(key: str, values: Iterable[str]) -> None:
    """Refuse a value that stands twice where it must tell two entries apart."""
    seen: set[str] = set()
    for value in values:
        if value in seen:
            refuse(f'{key} "{value}" stands twice: remove or rename one of the two')
        seen.add(value)
