"""How a policy that cannot be judged is refused: a sentence, and the nearest name (pure)."""

import difflib
from collections.abc import Iterable


class PolicyError(ValueError):
    """A policy cannot be judged as it is written; the sentence says what to change."""


def nearest(unknown: str, known: Iterable[str]) -> str:
    """Return the known name that looks most like `unknown`, whatever its case."""
    by_lower = {name.lower(): name for name in known}
    found = difflib.get_close_matches(unknown.lower(), list(by_lower), n=1, cutoff=0.0)
    return by_lower[found[0]]


def texts(name: str, value: object) -> tuple[str, ...]:
    """Return a text or a list of texts as a tuple of at least one; raises PolicyError."""
    listed = (value,) if isinstance(value, str) else value
    if (
        not isinstance(listed, list | tuple)
        or not listed
        or not all(isinstance(one, str) for one in listed)
    ):
        raise PolicyError(f"{name} must be a string or a list of strings")
    return tuple(listed)
