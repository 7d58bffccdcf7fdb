"""What a shaping proxy counts, and which requests it spoils."""

import random
import threading
from collections import Counter
from dataclasses import dataclass, field
from typing import Literal

from gateway.demo.shaping_heads import Request

Kind = Literal["reset", "truncate", "stall", "error", "etag"]


@dataclass(frozen=True, slots=True)
class FaultRule:
    """Spoil matching requests; the first rule that matches and fires decides."""

    kind: Kind
    method: str = ""
    """Only this one (`LIST` is a GET without a key); '' for any."""
    match: str = ""
    """Only targets that contain this."""
    probability: float = 1.0
    skip: int = 0
    """Spare that many matching requests first."""
    count: int = 1 << 62
    """Fire that often at most."""
    after_bytes: int | None = None
    """reset, truncate, stall: after that many body bytes of the answer; None: before the answer."""
    seconds: float = 3600.0
    """stall: for that long, and then go on."""
    status: int = 503
    """error: the status told."""
    etag: str = '"00000000000000000000000000000000"'
    """etag: the lie told."""


class FaultPlan:
    """The rules in force, and how often each has matched and fired."""

    def __init__(self, seed: int = 0) -> None:
        """Begin without rules; `seed` makes probabilities repeatable."""
        self._random = random.Random(seed)  # noqa: S311 - chance, not secrecy
        self._lock = threading.Lock()
        self._rules: tuple[FaultRule, ...] = ()
        self._matched: Counter[int] = Counter()
        self._fired: Counter[int] = Counter()

    def replace(self, rules: list[FaultRule]) -> None:
        """Put other rules in force."""
        with self._lock:
            self._rules = tuple(rules)
            self._matched.clear()
            self._fired.clear()

    def find(self, request: Request) -> FaultRule | None:
        """Return the rule that spoils this request, if any."""
        if not self._rules:
            return None
        with self._lock:
            for number, rule in enumerate(self._rules):
                if self._fires(number, rule, request):
                    self._fired[number] += 1
                    return rule
        return None

    def _fires(self, number: int, rule: FaultRule, request: Request) -> bool:
        if (
            rule.method not in {"", request.label, request.method}
            or rule.match not in request.target
        ):
            return False
        self._matched[number] += 1
        is_due = self._matched[number] > rule.skip and self._fired[number] < rule.count
        return is_due and self._random.random() < rule.probability


@dataclass(slots=True)
class Tally:
    """What passed since the last reset; bodies by their request's label, without framing."""

    connections: int = 0
    requests: Counter[str] = field(default_factory=Counter)
    request_body_bytes: Counter[str] = field(default_factory=Counter)
    response_body_bytes: Counter[str] = field(default_factory=Counter)
    statuses: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def count_connection(self) -> None:
        """Count a connection accepted."""
        with self._lock:
            self.connections += 1

    def add(self, counter: Counter[str], name: str, count: int = 1) -> None:
        """Add to one of the counters."""
        with self._lock:
            counter[name] += count

    def snapshot(self) -> dict[str, object]:
        """Return all counters as JSON can say them."""
        with self._lock:
            return {
                "connections": self.connections,
                "requests": dict(self.requests),
                "request_body_bytes": dict(self.request_body_bytes),
                "response_body_bytes": dict(self.response_body_bytes),
                "statuses": dict(self.statuses),
                "faults": dict(self.faults),
            }

    def reset(self) -> None:
        """Begin again at zero."""
        with self._lock:
            self.connections = 0
            for counter in (
                self.requests,
                self.request_body_bytes,
                self.response_body_bytes,
                self.statuses,
                self.faults,
            ):
                counter.clear()
