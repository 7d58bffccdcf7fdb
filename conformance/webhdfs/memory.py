"""The memory of a gateway: supervisor and workers together, sampled while something is done.

What is theirs (anonymous) is told apart from what is resident: the latter counts the pages of the
index, a file that every process maps and the kernel takes back, once for each of them.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_SAMPLE_SECONDS = 0.05


class Sampler:
    """The most that was seen."""

    def __init__(self, process_id: int) -> None:
        self._process_id = process_id
        self.at_rest = memory_bytes(process_id)
        self.peak = self.at_rest
        self.resident_at_rest = memory_bytes(process_id, "VmRSS:")
        self.resident_peak = self.resident_at_rest
        self._is_over = threading.Event()

    def run(self) -> None:
        """Look until told to stop."""
        while not self._is_over.wait(_SAMPLE_SECONDS):
            self.peak = max(self.peak, memory_bytes(self._process_id))
            resident = memory_bytes(self._process_id, "VmRSS:")
            self.resident_peak = max(self.resident_peak, resident)

    def stop(self) -> None:
        """Look no more."""
        self._is_over.set()


@contextmanager
def sampled(process_id: int) -> Iterator[Sampler]:
    """Sample until the block ends."""
    sampler = Sampler(process_id)
    thread = threading.Thread(target=sampler.run)
    thread.start()
    try:
        yield sampler
    finally:
        sampler.stop()
        thread.join()


def memory_bytes(process_id: int, kind: str = "RssAnon:") -> int:
    """Return the bytes of a process and its children; those that are gone count 0."""
    return sum(_bytes(one, kind) for one in (process_id, *_children(process_id)))


def _children(process_id: int) -> list[int]:
    try:
        listed = Path(f"/proc/{process_id}/task/{process_id}/children").read_text()
    except OSError:
        return []
    return [int(word) for word in listed.split()]


def _bytes(process_id: int, kind: str) -> int:
    try:
        lines = Path(f"/proc/{process_id}/status").read_text().splitlines()
    except OSError:
        return 0
    found = (line for line in lines if line.startswith(kind))
    return int(next(found, f"{kind} 0").split()[1]) * 1024
