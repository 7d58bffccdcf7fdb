"""One command for every conformance suite: it starts what it needs, runs, and writes a scorecard.

    .venv/bin/python conformance/run.py clients --origin versitygw --https
    .venv/bin/python conformance/run.py SUITE --help

A suite is `main(words) -> exit code`; it is imported when it is asked for, since each needs
packages that the others do without.
"""

import argparse
import sys
from importlib import import_module
from pathlib import Path

SUITES = {
    "clients": "conformance.clients.suite:main",
    "doors": "conformance.machine.doors:main",
    "files": "conformance.machine.files:main",
    "flash-faults": "conformance.machine.flash_faults:main",
    "fuzz": "conformance.fuzz.suite:main",
    "integrity": "conformance.machine.integrity:main",
    "kills": "conformance.machine.kills:main",
    "machine": "conformance.machine.suite:main",
    "moves": "conformance.machine.moves:main",
    "passthrough": "conformance.passthrough.suite:main",
    "permissions": "conformance.permissions.suite:main",
    "patience": "conformance.patience.suite:main",
    "performance": "conformance.performance.suite:main",
    "policy": "conformance.policy.suite:main",
    "posix": "conformance.posix.suite:main",
    "slow-clients": "conformance.slow_clients.suite:main",
    "s3-tests": "conformance.s3_tests.suite:main",
    "spark": "conformance.spark.suite:main",
    "sts": "conformance.sts.suite:main",
    "webhdfs": "conformance.webhdfs.suite:main",
    "sigv4": "conformance.sigv4.suite:main",
}


def main(words: list[str]) -> int:
    """Run the suite that is named first; the rest are its own words."""
    parser = argparse.ArgumentParser(prog="conformance/run.py", description=__doc__.split("\n")[0])
    parser.add_argument("suite", choices=sorted(SUITES))
    parser.add_argument("words", nargs=argparse.REMAINDER, help="see SUITE --help")
    chosen = parser.parse_args(words)
    module, _, function = SUITES[chosen.suite].partition(":")
    import_module("tests.support.bytecode").compile_package()
    code: int = getattr(import_module(module), function)(chosen.words)
    return code


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    sys.exit(main(sys.argv[1:]))
