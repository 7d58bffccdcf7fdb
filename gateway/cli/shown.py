"""Settings as people read them: the TOML that would give them, secrets masked."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from gateway.settings.tree import Settings


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
            yield f"{key} = {written(value)}"


def written(value: object) -> str:
    """Return a value as TOML on one line; strings, numbers and booleans are those of JSON."""
    if isinstance(value, Mapping):
        inside = ", ".join(f"{key} = {written(below)}" for key, below in value.items())
        return f"{{ {inside} }}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(written(below) for below in value)}]"
    return json.dumps(value, ensure_ascii=False)
