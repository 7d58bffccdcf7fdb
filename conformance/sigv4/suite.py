"""Signature Version 4 against the signers of others: AWS's vectors, botocore and the CRT.

    .venv/bin/python conformance/run.py sigv4 --cases 100000 [--vectors FOLDER] [--write]

A case is one request that another implementation signed (botocore's S3SigV4Auth and
S3SigV4QueryAuth, the CRT in header and query) or one body of signed chunks; each is verified, and
verified again after up to four changes, which must be judged as the independent model judges them.
FOLDER is `tests/aws-signing-test-suite/v4` of a checkout of awslabs/aws-c-auth (Apache-2.0), whose
vectors are AWS's own.
"""

import argparse
import json
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from conformance.sigv4.vectors import judged_vectors
from tests.models.sigv4_proof import prove, prove_chunks
from tests.models.sigv4_requests import CHANGES, SIGNERS, asked

_RESULTS = Path(__file__).resolve().parents[1] / "results"
_SHARES = {"botocore": 25, "botocore presigned": 25, "CRT": 20, "CRT presigned": 20, "chunks": 10}
"""Percent of the cases."""
_BATCH = 2_000
"""Examples of one Hypothesis run: its memory of what it tried grows with them."""
_changes = st.lists(
    st.tuples(st.sampled_from(sorted(CHANGES)), st.integers(0, 999)), min_size=1, max_size=4
)
_bodies = st.lists(st.binary(min_size=1, max_size=40), max_size=4)


def main(words: Sequence[str]) -> int:
    """Run; 1 where a signature was judged wrongly."""
    parser = argparse.ArgumentParser(prog="conformance/run.py sigv4", description=__doc__)
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--vectors", type=Path, help="AWS's signing test suite")
    parser.add_argument("--write", action="store_true", help="write conformance/results")
    chosen = parser.parse_args(words)
    begun = time.monotonic()
    counts: dict[str, Counter[str]] = {}
    failure = ""
    try:
        for name, share in _SHARES.items():
            counts[name] = Counter()
            _prove(name, chosen.cases * share // 100, chosen.seed, counts[name])
            print(f"{name}: {dict(counts[name])}", flush=True)
    except AssertionError as error:
        failure = "\n".join([str(error), *getattr(error, "__notes__", [])])
        print(failure)
    vectors = judged_vectors(chosen.vectors) if chosen.vectors else {}
    told = {
        "seed": chosen.seed,
        "seconds": round(time.monotonic() - begun),
        "cases": sum(rows["signed"] + rows["bodies of signed chunks"] for rows in counts.values()),
        "by signer": {name: dict(sorted(rows.items())) for name, rows in counts.items()},
        "vectors": vectors,
        "failure": failure,
    }
    print(_table(told))
    if chosen.write:
        _RESULTS.mkdir(exist_ok=True)
        (_RESULTS / "sigv4.json").write_text(json.dumps(told, indent=1) + "\n")
        (_RESULTS / "sigv4.md").write_text(_table(told))
    return int(bool(failure) or "WRONG" in vectors.values())


def _prove(name: str, cases: int, first_seed: int, counts: Counter[str]) -> None:
    for number in range(0, cases, _BATCH):
        batch = min(_BATCH, cases - number)
        bounds = settings(
            max_examples=batch,
            deadline=None,
            database=None,
            phases=[Phase.generate, Phase.shrink],
            suppress_health_check=list(HealthCheck),
        )
        # Hypothesis ends a run early where it has tried all; here that never is.
        seed(first_seed * 1_000_000 + number)(bounds(_property(name, counts)))()


def _property(name: str, counts: Counter[str]) -> Callable[[], None]:
    if name in SIGNERS:

        @given(asked, _changes)
        def signed(one, changes):
            prove(name, one, changes, counts)

        return signed

    @given(_bodies, st.booleans(), st.integers(0, 600), st.integers(0, 999))
    def chunks(bodies, has_trailer, cut, at):
        prove_chunks(bodies, has_trailer=has_trailer, cut=cut, at=at, counts=counts)

    return chunks


def _table(told: dict) -> str:
    lines = [
        "# Signature Version 4: what others sign, and what is changed of it",
        "",
        f"{told['cases']:,} cases, seed {told['seed']}, {told['seconds']:,} s.",
        f"Judged wrongly: {'some, see below' if told['failure'] else 'none'}.",
        "",
        "| signed by | what | how often |",
        "|---|---|---:|",
    ]
    for name, rows in told["by signer"].items():
        lines += [f"| {name} | {what} | {count:,} |" for what, count in sorted(rows.items())]
    if told["vectors"]:
        outcomes = Counter(told["vectors"].values())
        lines += ["", "AWS's vectors (aws-c-auth's signing test suite, v4):", ""]
        lines += [f"- {count} {outcome}" for outcome, count in sorted(outcomes.items())]
    if told["failure"]:
        lines += ["", "```", told["failure"], "```"]
    return "\n".join(lines) + "\n"
