"""What was measured on what: the machine, its load, the versions of everything involved."""

import os
import platform
import re
import subprocess
from importlib.metadata import version
from pathlib import Path

from conformance.performance.tools import find_tool

_LIBRARIES = ("aiohttp", "lmdb", "awscrt")


def describe() -> dict[str, object]:
    """Return the machine and the versions as JSON can say them."""
    return {
        "cores": os.cpu_count(),
        "processor": _first_match(Path("/proc/cpuinfo"), r"model name\s*:\s*(.+)"),
        "memory_gib": round(int(_first_match(Path("/proc/meminfo"), r"MemTotal:\s*(\d+)")) / 2**20),
        "kernel": platform.release().split("-")[0],
        "nice": _nice(),
        "python": platform.python_version(),
        "commit": _said("git", "rev-parse", "--short", "HEAD"),
        **{name: version(name) for name in _LIBRARIES},
        "nginx": _said("nginx", "-v").removeprefix("nginx version: nginx/"),
        "wrk": _said("wrk", "-v").split(" [", 1)[0].removeprefix("wrk "),
        "curl": _said("curl", "--version").split(" ", 2)[1],
        "versitygw": _go_version("versitygw"),
        "minio": _go_version("minio"),
    }


def is_same_code(commit: str) -> bool:
    """Return whether gateway and suite are as they were at a commit, edits counted."""
    command = ["git", "diff", "--quiet", commit, "--", "gateway", "conformance/performance"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def _nice() -> int:
    """Return the priority that counts: the session's where the kernel groups by session."""
    group = Path("/proc/self/autogroup")
    said = group.read_text().split() if group.exists() else []
    return int(said[-1]) if said and said[-1].lstrip("-").isdigit() else os.nice(0)


def load_average() -> float:
    """Return the runnable processes of the last minute: on a quiet machine, this run's own."""
    return os.getloadavg()[0]


def _said(*command: str) -> str:
    """Return the first line that a tool says of itself; '' where it is not installed."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return ""
    return (done.stdout or done.stderr).split("\n", 1)[0].strip()


def _first_match(path: Path, pattern: str) -> str:
    found = re.search(pattern, path.read_text())
    return found[1] if found else "0"


def _go_version(name: str) -> str:
    """Return the module version that Go wrote into a binary (debug/buildinfo)."""
    path = find_tool(name)
    if path is None:
        return ""
    content = path.read_bytes()
    found = re.search(rb"\nmod\tgithub\.com/[a-z]+/[a-z]+\t(v[^\t\n]+)", content)
    return found[1].decode() if found else "unknown"
