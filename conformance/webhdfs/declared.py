"""Where Forebay answers otherwise than HDFS on purpose: which answer it must be, and why (pure)."""

from dataclasses import dataclass

from conformance.webhdfs.comparing import Record, exception_of, outcome


@dataclass(frozen=True, slots=True)
class Declared:
    """An answer that differs, and must be exactly this."""

    status: int
    words: str
    exception: str = ""

    def holds(self, record: Record) -> bool:
        """Return whether it is what was declared."""
        answer = outcome(record)
        name = exception_of(answer).rpartition(".")[2].rpartition("$")[2]
        return answer["status"] == self.status and name == self.exception


DECLARED: dict[tuple[str, str], Declared] = {}
"""(scene, case) -> what Forebay answers."""
LENIENT: dict[str, Declared] = {}
"""case -> the same in every scene."""
