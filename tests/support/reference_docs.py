"""The tables in docs/ that are made from the code: `make docs` writes them, a test compares them.

A table stands between `<!-- settings -->` or `<!-- metrics -->` and `<!-- end -->`; all around it
is written by people.
"""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import annotated_types
from pydantic.fields import FieldInfo

from gateway.settings.reading import entry_model, environment_name
from gateway.settings.tree import Settings
from gateway.telemetry.metrics import METRICS
from tests.support import dashboard

DOCS = Path(__file__).parents[2] / "docs"
SIZES = ((2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB"))


def settings_reference() -> str:
    """Return every section with a table of its keys."""
    return "\n".join(line for name in Settings.model_fields for line in _section(name))


def metrics_reference() -> str:
    """Return the table of all metrics."""
    rows = [
        f"| `{metric.shown}` | {metric.kind} | {', '.join(metric.labels)} | {metric.text} |"
        for metric in METRICS.values()
    ]
    return "\n".join(["| metric | kind | labels | meaning |", "|---|---|---|---|", *rows])


REFERENCES: dict[tuple[str, str], Callable[[], str]] = {
    ("CONFIGURATION.md", "settings"): settings_reference,
    ("OPERATIONS.md", "metrics"): metrics_reference,
}


def with_reference(text: str, mark: str, table: str) -> str:
    """Return the page with the table between its marks; raises ValueError where there are none."""
    pattern = rf"(<!-- {mark} -->\n).*?(<!-- end -->)"
    fresh, count = re.subn(
        pattern, lambda found: f"{found[1]}{table}\n{found[2]}", text, flags=re.DOTALL
    )
    if count != 1:
        raise ValueError(f"the page needs one <!-- {mark} --> ... <!-- end -->")
    return fresh


def _section(name: str) -> Iterator[str]:
    field = Settings.model_fields[name]
    model = entry_model(field.annotation)
    assert model is not None
    is_list = field.annotation is not model
    heading = f"[[{name}]]" if is_list else f"[{name}]"
    yield f"### `{heading}`"
    yield ""
    yield (model.__doc__ or "").strip()
    if is_list:
        yield f"One table each; in the environment the whole list, `{environment_name(name)}`."
    yield ""
    yield "| key | default | bounds | what and why |"
    yield "|---|---|---|---|"
    yield from _rows(model)
    yield ""


def _rows(model: Any, prefix: str = "") -> Iterator[str]:
    """Yield a row for each key; keys of a list of tables within stand behind its own."""
    for key, below in model.model_fields.items():
        name = f"`{prefix}{key}`"
        yield f"| {name} | {_default(below)} | {_bounds(below)} | {below.description} |"
        entries = entry_model(below.annotation)
        if entries is not None:
            yield from _rows(entries, f"{prefix}{key}.")


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.default
    if value is None or value == ():
        return "not set"
    return f"`{_shown(value, _unit(field))}`"


def _bounds(field: FieldInfo) -> str:
    words = {
        annotated_types.Ge: ("ge", "at least"),
        annotated_types.Gt: ("gt", "more than"),
        annotated_types.Le: ("le", "at most"),
        annotated_types.MinLen: ("min_length", "at least"),
        annotated_types.MaxLen: ("max_length", "at most"),
    }
    found = [_unit(field) or _kind(field)]
    for bound in field.metadata:
        if type(bound) in words:
            name, word = words[type(bound)]
            value = _shown(getattr(bound, name), _unit(field))
            found.append(f"{word} {value}" + (" letters" if "length" in name else ""))
    return ", ".join(found)


def _kind(field: FieldInfo) -> str:
    choices = getattr(field.annotation, "__args__", ())
    if choices and all(isinstance(choice, str) for choice in choices):
        return " or ".join(f"`{choice}`" for choice in choices)
    return {bool: "true or false", str: "text"}.get(field.annotation, "text")


def _unit(field: FieldInfo) -> str:
    extra: Any = field.json_schema_extra
    return str(extra["unit"])


def _shown(value: object, unit: str) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if unit == "size" and isinstance(value, int):
        for size, name in SIZES:
            if value and value % size == 0:
                return f"{value // size}{name}"
    if unit == "duration" and isinstance(value, int | float):
        return f"{value:g}s"
    return str(value)


def main() -> None:
    """Write every table anew, and the dashboard."""
    for (page, mark), reference in REFERENCES.items():
        path = DOCS / page
        path.write_text(with_reference(path.read_text(), mark, reference()))
    dashboard.PATH.write_text(dashboard.written())


if __name__ == "__main__":
    main()
