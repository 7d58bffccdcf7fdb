"""What a text in a policy matches: wildcards and variables, parsed when it is read (pure).

`*` is any run of characters, `?` any one. `${key}` is the request's value of a condition key,
`${key, 'else'}` has a default, and `${*}`, `${?}`, `${$}` are the characters themselves. A value
stands for itself: a user who is called `*` is not everybody. A text whose variable has no value in
the request matches nothing.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from itertools import groupby
from typing import Final

from gateway.access.policy_refusals import PolicyError, nearest
from gateway.access.request_context import KEYS, RequestContext

COMPILED_MAX: Final = 1024
"""Remembered expressions of texts with variables, of all policies together."""

_SPECIAL: Final = frozenset("*?$")
_DEFAULTED: Final = re.compile(r"([^,'\s]+)\s*,\s*'([^']*)'").fullmatch


class Wildcard(Enum):
    """A character of a pattern that stands for others."""

    RUN = "*"
    ONE = "?"


@dataclass(frozen=True, slots=True)
class Variable:
    """What the request says takes its place; `key` is in lower case."""

    key: str
    default: str | None


Token = str | Wildcard | Variable


@dataclass(frozen=True, slots=True)
class Text:
    """One text of a policy, taken apart."""

    tokens: tuple[Token, ...]

    @property
    def keys(self) -> frozenset[str]:
        """Return the condition keys that it asks the request for."""
        return frozenset(one.key for one in self.tokens if isinstance(one, Variable))

    @property
    def beginning(self) -> str:
        """Return what every text that it matches begins with: all before a wildcard or variable."""
        first = self.tokens[0] if self.tokens else ""
        return first if isinstance(first, str) else ""

    def filled(self, context: RequestContext) -> tuple[str | Wildcard, ...] | None:
        """Return the tokens with variables in place; None where one of them has no value."""
        tokens: list[str | Wildcard] = []
        for token in self.tokens:
            if isinstance(token, Variable):
                value = context.find(token.key)
                value = token.default if value is None else value
                if value is None:
                    return None
                tokens.append(value)
            else:
                tokens.append(token)
        return tuple(tokens)

    def matches(self, value: str, context: RequestContext) -> bool:
        """Return whether `value` is like the text, its variables in place."""
        tokens = self.filled(context)
        return tokens is not None and bool(_compiled(tokens).fullmatch(value))

    def find_literal(self, context: RequestContext) -> str | None:
        """Return a text without wildcards as it reads in this request; None: it has no value."""
        tokens = self.filled(context)
        return None if tokens is None else "".join(str(token) for token in tokens)


def parse_text(text: str, *, has_wildcards: bool) -> Text:
    """Return a text taken apart; raises PolicyError for a variable that is not known."""
    tokens: list[Token] = []
    rest = text
    while rest:
        before, mark, rest = rest.partition("${")
        tokens += _wild(before) if has_wildcards else [before]
        if mark:
            inside, end, rest = rest.partition("}")
            if not end:
                raise PolicyError(f'"{text}" has a "${{" without "}}": write "${{$}}" for a "$"')
            tokens.append(inside if inside in _SPECIAL else _variable(inside, text))
    return Text(tuple(token for token in tokens if token != ""))


def _wild(text: str) -> Iterable[str | Wildcard]:
    """Yield runs of literal characters and the wildcards between them; `**` is `*`."""
    for letter, run in groupby(text, key=lambda one: one if one in "*?" else ""):
        if letter == "*":
            yield Wildcard.RUN
        elif letter == "?":
            yield from (Wildcard.ONE for _ in run)
        else:
            yield "".join(run)


def _variable(inside: str, text: str) -> Variable:
    defaulted = _DEFAULTED(inside)
    name, default = (defaulted[1], defaulted[2]) if defaulted else (inside, None)
    if name.lower() not in KEYS:
        known = nearest(name, (key.name for key in KEYS.values()))
        raise PolicyError(
            f'"{text}" has the variable ${{{inside}}}, which is not known: '
            f"the nearest is ${{{known}}}"
        )
    return Variable(name.lower(), default)


EVERYTHING: Final = Text((Wildcard.RUN,))
"""What `*` alone matches."""


def compile_texts(texts: Iterable[Text], flags: re.RegexFlag = re.NOFLAG) -> re.Pattern[str]:
    """Return one expression for texts that have no variables."""
    alternatives = "|".join(_expression(text.tokens) for text in texts)
    return re.compile(alternatives, flags | re.DOTALL)


@lru_cache(maxsize=COMPILED_MAX)
def _compiled(tokens: tuple[str | Wildcard, ...]) -> re.Pattern[str]:
    return re.compile(_expression(tokens), re.DOTALL)


def _expression(tokens: Sequence[Token]) -> str:
    """Return the regular expression of tokens in which no variable is left.

    Atomic groups keep the match linear: after `*` the shortest run that lets the next literal
    match is final, so no pattern of a policy can make a request expensive.
    """
    pieces = [""]
    for token in tokens:
        if token is Wildcard.RUN:
            pieces.append("")
        else:
            pieces[-1] += "." if token is Wildcard.ONE else re.escape(str(token))
    first, *rest = pieces
    if not rest:
        return first
    *middle, last = rest
    return first + "".join(f"(?>.*?{piece})" for piece in middle) + f".*{last}"
