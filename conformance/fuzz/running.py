"""One run of one target: its corpus and dictionary made ready, a process, and what it came to."""

import os
import re
import subprocess
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from conformance.fuzz.environment import ROOT, fuzz_folder
from tests.fuzzing.target import Target

RSS_MIB_MAX = 1024
_STUCK_SECONDS = 120
"""An input that never ends; those that merely take too long the child itself tells by CPU time."""
_STATUS = re.compile(
    r"^#\d+\s+\w+\s+cov: (\d+) ft: (\d+) corp: (\d+)/.* rss: (\d+)Mb", re.MULTILINE
)
_STAT = re.compile(r"^stat::(\w+):\s+(\d+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Run:
    """What a run came to."""

    target: str
    begun: str
    commit: str
    seconds: int
    cpu_seconds: int
    """What the machine gave it of them: `nice 19` yields to everybody."""
    executions: int
    edges: int
    features: int
    corpus: int
    rss_mib_first: int
    rss_mib_peak: int
    findings: tuple[str, ...]
    exit_code: int


def run_target(python: Path, target: Target, seconds: int) -> Run:
    """Fuzz one target for so long."""
    home = fuzz_folder()
    corpus, findings = home / "corpus" / target.name, home / "findings" / target.name
    begun, started = datetime.now(UTC).isoformat(timespec="seconds"), time.time()
    command = ["nice", "-n", "19", str(python), "-m", "conformance.fuzz.child"]
    command += [target.name, str(findings), *_options(target, corpus, seconds)]
    log = home / "logs" / f"{target.name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as file:
        process = subprocess.Popen(command, cwd=ROOT, stderr=file, stdout=file)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    text = log.read_text(errors="replace")
    states, stats = _STATUS.findall(text), dict(_STAT.findall(text))
    first, last = (states[0], states[-1]) if states else (("0",) * 4, ("0",) * 4)
    found = [one for one in findings.glob("*.input") if one.stat().st_mtime >= started]
    return Run(
        target=target.name,
        begun=begun,
        commit=_commit(),
        seconds=round(time.time() - started),
        cpu_seconds=round(usage.ru_utime + usage.ru_stime),
        executions=int(stats.get("number_of_executed_units", 0)),
        edges=int(last[0]),
        features=int(last[1]),
        corpus=int(last[2]),
        rss_mib_first=int(first[3]),
        rss_mib_peak=int(stats.get("peak_rss_mb", 0)),
        findings=tuple(sorted(one.stem for one in found)),
        exit_code=process.returncode,
    )


def _options(target: Target, corpus: Path, seconds: int) -> list[str]:
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(target.seeds):
        (corpus / f"seed-{number}").write_bytes(seed)
    dictionary = corpus.parent / f"{target.name}.dict"
    words = [word for word in target.words.split(b"|") if word]
    dictionary.write_text("".join(f'"{_escaped(word)}"\n' for word in words))
    return [
        str(corpus),
        f"-max_total_time={seconds}",
        f"-timeout={_STUCK_SECONDS}",
        f"-rss_limit_mb={RSS_MIB_MAX}",
        f"-max_len={target.bytes_max}",
        f"-artifact_prefix={corpus.parent.parent / 'findings' / target.name}/stopped-",
        "-print_final_stats=1",
        *([f"-dict={dictionary}"] if words else []),
    ]


def _escaped(word: bytes) -> str:
    return "".join(
        chr(one) if 32 <= one < 127 and chr(one) not in '"\\' else f"\\x{one:02X}" for one in word
    )


def _commit() -> str:
    told = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return told.stdout.strip()
