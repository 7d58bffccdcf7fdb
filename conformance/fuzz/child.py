"""One target under the coverage-guided fuzzer; runs in the fuzzing environment alone.

    python -m conformance.fuzz.child TARGET FINDINGS [libFuzzer's own words]

A finding does not end the run: it is kept once per kind (what was raised, and where), with the
shortest input that raises it. An input that takes longer than a second of CPU time is one too.
"""

import hashlib
import sys
import time
import traceback
from pathlib import Path
from types import TracebackType

import atheris

with atheris.instrument_imports(include=["gateway", "python_multipart"]):
    from tests.fuzzing.catalogue import TARGETS

INPUT_SECONDS_MAX = 1.0


class TooSlow(Exception):  # noqa: N818 - a finding, named for what it is
    """An input took longer than it may."""


class Findings:
    """What a run found, in files: `KIND.input` and `KIND.txt`."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._sizes: dict[str, int] = {}

    def keep(self, raw: bytes, error: BaseException) -> None:
        kind = _kind(error)
        if self._sizes.get(kind, sys.maxsize) <= len(raw):
            return
        self._sizes[kind] = len(raw)
        (self._folder / f"{kind}.input").write_bytes(raw)
        text = "".join(traceback.format_exception(error))
        (self._folder / f"{kind}.txt").write_text(text, errors="backslashreplace")


def _kind(error: BaseException) -> str:
    where = _last_frame(error.__traceback__)
    told = hashlib.sha256(f"{type(error).__name__} {where}".encode()).hexdigest()
    return f"{type(error).__name__}-{told[:10]}"


def _last_frame(trace: TracebackType | None) -> str:
    """Return the innermost line of ours."""
    frames = traceback.extract_tb(trace)
    ours = [one for one in frames if "/gateway/" in one.filename or "/tests/" in one.filename]
    return f"{ours[-1].filename}:{ours[-1].lineno}" if ours else ""


def main(words: list[str]) -> None:
    """Fuzz until libFuzzer's own bounds end it."""
    name, folder, *options = words
    target, findings = TARGETS[name], Findings(Path(folder))

    def run(raw: bytes) -> None:
        begun = time.process_time()
        try:
            target.run(raw)
        except Exception as error:  # noqa: BLE001 - whatever escapes is what is looked for
            findings.keep(raw, error)
        took = time.process_time() - begun
        if took > INPUT_SECONDS_MAX:
            findings.keep(raw, TooSlow(f"{took:.1f} seconds"))

    atheris.Setup([sys.argv[0], *options], run)
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1:])
