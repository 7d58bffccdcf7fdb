"""The reference: what every key held and when, and whether an answer could have been given.

The store is told each commit at the moment the origin makes it, and of each write that is under
way. A commit that nobody is making is a violation, and so is a write carried out twice. An answer
is judged by the interval of its request: it must be that of one version that was current at some
moment in it. Since commits are known exactly, this is linearizability per key.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import inf

Key = tuple[str, str]
"""Bucket and key."""


@dataclass(frozen=True, slots=True)
class Value:
    """What one version consists of, as far as a reader can see."""

    body: bytes = field(repr=False)
    meta: str
    """The user metadata's only value, another for each write."""
    etag: str = ""

    def __str__(self) -> str:
        return f"{len(self.body)} bytes {self.meta} {self.etag}"


@dataclass(frozen=True, slots=True)
class Span:
    """One value (None: absent) and when it was current: from `begin` until `end`."""

    value: Value | None
    begin: float
    end: float = inf


@dataclass(slots=True, eq=False)
class PendingWrite:
    """A write under way; `value` None is a deletion."""

    key: Key
    value: Value | None
    commits: int = 0

    def makes(self, value: Value | None) -> bool:
        """Return whether the commit of `value` is this write's doing; the origin gives the ETag."""
        if self.value is None or value is None:
            return self.value is value
        return (self.value.body, self.value.meta) == (value.body, value.meta)


@dataclass(frozen=True, slots=True)
class Seen:
    """An answer as its reader saw it."""

    status: int
    meta: str = ""
    body: bytes = field(default=b"", repr=False)
    size: int | None = None
    """Of the whole object, where the answer says it."""
    etag: str = ""
    part: tuple[int, int] | None = None
    """Start and stop of the bytes that a 206 says it holds."""
    is_cut: bool = False
    is_head: bool = False
    asked: str = ""
    """The ETag that a condition named."""

    def shows(self, value: Value | None) -> bool:
        """Return whether the answer is one that `value`, current, would have been given."""
        if self.status == 404:
            return value is None
        if value is None:
            return False
        if self.status == 304:
            return self.asked == value.etag
        if self.status == 412:
            return self.asked != value.etag
        if self.status == 416:
            return self.size == len(value.body)
        return self._shows_body(value)

    def _shows_body(self, value: Value) -> bool:
        if (self.meta, self.etag, self.size) != (value.meta, value.etag, len(value.body)):
            return False
        start, stop = self.part or (0, len(value.body))
        if self.is_head:
            return True
        whole = value.body[start:stop]
        return whole.startswith(self.body) if self.is_cut else whole == self.body


class BrokenPromiseError(AssertionError):
    """A promise was broken; `kind` is stale, mixed, resurrected, lost, or of a write."""

    def __init__(self, kind: str, sentence: str) -> None:
        super().__init__(f"{kind}: {sentence}")
        self.kind = kind


class ReferenceStore:
    """All keys with their whole history."""

    def __init__(self) -> None:
        self._history: dict[Key, list[Span]] = {}
        self._pending: list[PendingWrite] = []
        self._acknowledged: dict[Key, list[float]] = {}
        self._foreign: PendingWrite | None = None

    def begin(self, key: Key, value: Value | None) -> PendingWrite:
        """Announce a write."""
        pending = PendingWrite(key, value)
        self._pending.append(pending)
        return pending

    @contextmanager
    def foreign(self, key: Key, value: Value | None) -> Iterator[None]:
        """Announce a write that is one step at the origin: what is committed in it is its own."""
        self._foreign = PendingWrite(key, value)
        try:
            yield
            if self._foreign.commits != 1 and (value is not None or self.current(key) is not None):
                raise BrokenPromiseError("write", f"{key} did not become {value}")
        finally:
            self._foreign = None

    def commit(self, key: Key, value: Value | None, now: float) -> None:
        """Take note of what the origin made current; somebody must be about to write just that."""
        possible = self._pending if self._foreign is None else [self._foreign]
        makers = [it for it in possible if it.key == key and it.makes(value)]
        if not makers:
            raise BrokenPromiseError("unasked", f"{key} became {value}, which nobody writes")
        min(makers, key=lambda pending: pending.commits).commits += 1
        spans = self._history.setdefault(key, [Span(None, -inf)])
        spans[-1] = Span(spans[-1].value, spans[-1].begin, now)
        spans.append(Span(value, now))

    def end(self, pending: PendingWrite, status: int | None, now: float) -> None:
        """Judge a write by its answer; None is no answer at all."""
        self._pending.remove(pending)
        counts = {True: {1}, False: {0}, None: {0, 1}}[_is_done(status)]
        # A deletion of what is not there commits nothing, and may do so.
        if pending.value is None:
            counts |= {0}
        if pending.commits not in counts:
            raise BrokenPromiseError(
                "write",
                f"{pending.key} {pending.value} was answered {status} after "
                f"{pending.commits} commits",
            )
        if _is_done(status):
            self._acknowledged.setdefault(pending.key, []).append(now)

    def current(self, key: Key) -> Value | None:
        """Return what the key holds now."""
        return self._history[key][-1].value if key in self._history else None

    def has_changed(self, key: Key, begin: float, end: float) -> bool:
        """Return whether a commit on the key fell into that time."""
        return any(begin <= span.begin <= end for span in self._history.get(key, []))

    def during(self, key: Key, begin: float, end: float) -> Iterator[Value | None]:
        """Yield the values that were current at some moment of that time."""
        for span in self._history.get(key, [Span(None, -inf)]):
            if span.begin <= end and span.end >= begin:
                yield span.value

    def judge(
        self, key: Key, seen: Seen, begin: float, end: float, *, staleness_seconds: float = 0.0
    ) -> None:
        """Raise BrokenPromiseError unless `seen` could be the answer to a request of that time.

        Under `bounded` an answer may be that much older, but never older than the last write
        through the gateway that was acknowledged before the request.
        """
        earlier = (moment for moment in self._acknowledged.get(key, []) if moment <= begin)
        since = max(begin - staleness_seconds, max(earlier, default=-inf))
        possible = list(self.during(key, since, end))
        if any(seen.shows(value) for value in possible):
            return
        words = f"{key}: {seen} while it was {' or '.join(map(str, possible))}"
        raise BrokenPromiseError(self._kind(key, seen, possible), words)

    def _kind(self, key: Key, seen: Seen, possible: list[Value | None]) -> str:
        if seen.status == 404:
            return "lost"
        if any(seen.shows(span.value) for span in self._history.get(key, [])):
            return "stale" if any(possible) else "resurrected"
        return "mixed" if seen.status in (200, 206) else "odd"


def _is_done(status: int | None) -> bool | None:
    """Return whether the write so answered has happened; None where nobody knows."""
    if status is None or status >= 500:
        return None
    return status < 300
