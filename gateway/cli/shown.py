"""Settings as people read them: the TOML that would give them, secrets masked."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from gateway.settings.tree import Settings

_IS_BARE: Final = re.compile(r"[A-Za-z0-9_-]+").fullmatch


def as_toml(settings: Settings) -> str:
    """Return the settings that apply as TOML; keys that are not set are left out."""
    return "\n".join(_tables(settings.model_dump(mode="json"))) + "\n"


def _tables(tree: Mapping[str, Any]) -> Iterator[str]:
    for name, value in tree.items():
        headings = [(f"[[{name}]]", entry) for entry in value] if isinstance(value, list) else []
        for heading, table in headings or [(f"[{name}]", value)]:
            if table:
                yield heading
                yield from _lines(table)
                yield ""


def _lines(table: Mapping[str, Any]) -> Iterator[str]:
    for key, value in table.items():
        if value is not None:
            yield f"{_key(key)} = {written(value)}"


def written(value: object) -> str:
    """Return a value as TOML on one line; strings, numbers and booleans are those of JSON."""
    if isinstance(value, Mapping):
        told = ((key, below) for key, below in value.items() if below is not None)
        inside = ", ".join(f"{_key(key)} = {written(below)}" for key, below in told)
        return f"{{ {inside} }}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(written(below) for below in value)}]"
    return json.dumps(value, ensure_ascii=False)


def _key(name: str) -> str:
    """Return a key as TOML; one that is more than letters is quoted: a path, a condition's key."""
    return name if _IS_BARE(name) else json.dumps(name, ensure_ascii=False)
