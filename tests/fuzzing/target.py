"""What a fuzz target is: bytes in, and out comes a value or a documented failure, in bounded time.

A target takes any bytes at all. What it lets escape is a finding: an exception that is not a
`Failure` (or not among those that the parser documents), or an oracle's AssertionError. The same
targets run for a moment under Hypothesis (`test_targets.py`) and for hours under a coverage-guided
fuzzer (`conformance/run.py fuzz`).
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from random import Random
from typing import Any, TypeVar
from zlib import crc32

from multidict import CIMultiDict, CIMultiDictProxy

from gateway.model.failures import Failure
from gateway.protocol.http.head import RequestHead, split_target

Option = TypeVar("Option")

_IS_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+").fullmatch
_NO_VALUE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


@dataclass(frozen=True)
class Target:
    """One parser, or a few that read the same bytes."""

    name: str
    run: Callable[[bytes], None]
    seeds: tuple[bytes, ...]
    words: bytes = b""
    """What its language is made of, parted by `|`: the fuzzer's dictionary."""
    bytes_max: int = 4096


class Portions:
    """Bytes dealt out in order: numbers, choices and pieces; when they end, zeros and nothing."""

    def __init__(self, source: bytes) -> None:
        self._source = source
        self._at = 0

    def __bool__(self) -> bool:
        return self._at < len(self._source)

    def number(self, below: int) -> int:
        width = 1 if below <= 256 else 2
        return int.from_bytes(self.piece(width), "big") % below

    def choice(self, options: Sequence[Option]) -> Option:
        return options[self.number(len(options))]

    def piece(self, count: int) -> bytes:
        taken = self._source[self._at : self._at + count]
        self._at += count
        return taken

    def rest(self) -> bytes:
        return self.piece(len(self._source))


def text_of(raw: bytes) -> str:
    """Return what stood on the wire as aiohttp hands it over."""
    return raw.decode("utf-8", "surrogateescape")


def head_of(raw: bytes, *, secure: bool = False) -> RequestHead:
    """Return the request head of `METHOD target` and a header a line, as aiohttp would let it in.

    Names are tokens and values have no control characters: others are refused before our door.
    """
    first, *lines = text_of(raw).split("\n")
    method, _, target = first.partition(" ")
    path, query = split_target(_NO_VALUE.sub("", target))
    headers: CIMultiDict[str] = CIMultiDict()
    for line in lines:
        name, mark, value = line.partition(":")
        if mark and _IS_NAME(name):
            headers.add(name, _NO_VALUE.sub("", value).strip(" \t"))
    return RequestHead(method, path, query, CIMultiDictProxy(headers), secure=secure)


def verdict(judge: Callable[[], Any]) -> tuple[Any, ...]:
    """Return what `judge` returns, or the failure that it raises, in a form that compares."""
    try:
        return ("value", judge())
    except Failure as failure:
        return ("failure", type(failure).__name__, failure.code, failure.message)


def cuts_of(body: bytes, cuts_max: int = 12) -> list[list[bytes]]:
    """Return the body whole, byte by byte where it is short, and cut at random, always the same."""
    cut = [[body]] if body else [[]]
    if len(body) <= 512:
        cut.append([body[at : at + 1] for at in range(len(body))])
    random = Random(crc32(body))
    for _ in range(2):
        edges = sorted(random.randrange(len(body) + 1) for _ in range(cuts_max))
        cut.append([body[a:b] for a, b in pairwise([0, *edges, len(body)])])
    return cut
