"""How an answer was made: what X-Cache, Age, explain and the access log say of it."""

import json
from dataclasses import dataclass, field
from time import perf_counter


@dataclass(slots=True)
class Receipt:
    """The decisions of one request, written down as they are taken."""

    cache: str = ""
    """HIT, MISS, REVALIDATED, BYPASS or STALE; empty where nothing could be cached."""
    age_seconds: int = 0
    rule: str = ""
    freshness: str = ""
    validation: str = "none"
    """own, joined, opening (the first GET was the question) or none."""
    reason: str = ""
    """Why it was a bypass."""
    chunks_hit: int = 0
    chunks_missed: int = 0
    origin_requests: int = 0
    restarts: int = 0
    started: float = field(default_factory=perf_counter)
    steps: list[tuple[str, int]] = field(default_factory=list)
    """(step, microseconds since the request arrived)."""

    def mark(self, step: str) -> None:
        """Note that `step` is done now."""
        self.steps.append((step, int((perf_counter() - self.started) * 1e6)))

    def explanation(self) -> str:
        """Return the whole decision as one line of JSON (`x-forebay-explain: 1`)."""
        return json.dumps(
            {
                "cache": self.cache,
                "rule": self.rule,
                "freshness": self.freshness,
                "validation": self.validation,
                "reason": self.reason,
                "chunks_hit": self.chunks_hit,
                "chunks_missed": self.chunks_missed,
                "origin_requests": self.origin_requests,
                "restarts": self.restarts,
                "microseconds": dict(self.steps),
            },
            separators=(",", ":"),
        )
