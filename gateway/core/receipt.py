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
    """own, joined, batched (a LIST page confirmed it with others), opening (the first GET was the
    question) or none."""
    reason: str = ""
    """Why it was a bypass."""
    is_explained: bool = False
    """Whether the client asks to be told: then it is found out where the bytes are."""
    tier: str = ""
    """Where the body is taken from: memory, flash, origin, or two of them."""
    chunks_hit: int = 0
    """Chunks of the range that were on flash as the read began."""
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
                "tier": self.tier or ("origin" if self.cache == "BYPASS" else "none"),
                "validation": self.validation,
                "reason": self.reason,
                "chunks_hit": self.chunks_hit,
                "chunks_missed": self.chunks_missed,
                "origin_requests": self.origin_requests,
                "restarts": self.restarts,
                "microseconds": self._durations(),
            },
            separators=(",", ":"),
        )

    def _durations(self) -> dict[str, int]:
        """Return how long each step took; one that was taken again has its times together."""
        taken: dict[str, int] = {}
        before = 0
        for step, at in self.steps:
            taken[step] = taken.get(step, 0) + at - before
            before = at
        return taken
