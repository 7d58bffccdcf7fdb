"""Runs in Spark's environment: one session, checks as lines of JSON on standard input, answers out.

python -m conformance.spark.driver < lines; the first line tells of the sides and the settings.
"""

import json
import sys
import time
import traceback
from importlib import import_module
from typing import Any

from conformance.spark.session import java_of, open_session
from conformance.spark.stage import Stage, UnsaidError, make_stage

_WORDS_MAX = 500


def judge(stage: Stage, asked: dict[str, Any]) -> dict[str, Any]:
    """Return the outcome of one check, and what it found."""
    began = time.monotonic()
    outcome, words, found = "pass", "", {}
    module, _, name = asked["check"].partition(".")
    check = getattr(import_module(f"conformance.spark.{module}"), name)
    try:
        found = check(stage, stage.sides[asked["side"]], **asked["told"]) or {}
    except UnsaidError as reason:
        outcome, words = "n/a", str(reason)
    except Exception as error:  # noqa: BLE001 - any failure is the check's outcome
        traceback.print_exc()
        outcome, words = "fail", f"{type(error).__name__}: {_first_words(error)}"[:_WORDS_MAX]
    seconds = round(time.monotonic() - began, 2)
    return {"outcome": outcome, "words": words, "found": found, "seconds": seconds}


def _first_words(error: Exception) -> str:
    """Return what went wrong without Java's stack; the causes are named where they differ."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    causes = [line for line in lines[1:] if line.startswith("Caused by:")]
    return " | ".join(dict.fromkeys([*lines[:2], *causes]))


def main() -> None:
    """Open the session, say what it is, and answer until the input ends."""
    # What Java prints is not an answer.
    answers, sys.stdout = sys.stdout, sys.stderr
    told = json.loads(sys.stdin.readline())
    spark = open_session(told)
    stage = make_stage(spark, told)
    hadoop = java_of(spark).org.apache.hadoop.util.VersionInfo.getVersion()
    version = {"spark": spark.version, "hadoop": str(hadoop)}
    print(json.dumps({"version": version}), file=answers, flush=True)
    for line in sys.stdin:
        print(json.dumps(judge(stage, json.loads(line))), file=answers, flush=True)
    spark.stop()


if __name__ == "__main__":
    main()
