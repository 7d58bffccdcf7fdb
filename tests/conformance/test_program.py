"""A client in another language: orders and answers as lines of JSON, its words when it says no."""

import sys
from pathlib import Path
from typing import ClassVar

import pytest

from conformance.clients.program import Program, ProgramSaidNoError
from conformance.support.raw_s3 import Place

PLACE = Place("http://127.0.0.1:1", "bucket", "key", "secret")
SCRIPT = """
import json, pathlib, sys
sys.stdin.readline()
print(json.dumps({"value": "script 1"}), flush=True)
for line in sys.stdin:
    told = json.loads(line)
    verb, key = told["verb"], told["key"]
    if verb == "find_changed":
        said = {"value": False}
    elif key == "missing":
        said = {"error": "404 NoSuchKey"}
    elif verb == "get":
        pathlib.Path(told["to"]).write_bytes(key.encode())
        said = {"value": None}
    else:
        break
    print(json.dumps(said), flush=True)
"""


class Script(Program):
    LANGUAGE: ClassVar = "none"

    def command(self) -> list[str]:
        return [sys.executable, "-c", SCRIPT]


@pytest.fixture
def script(tmp_path: Path):
    client = Script(PLACE, tmp_path)
    yield client
    client.close()


def test_each_verb_is_a_line_and_its_answer_another(script: Script):
    assert script.version() == "script 1"
    assert script.get("a +é\n") == "a +é\n".encode()
    assert script.find_changed("a", '"etag"') is None


def test_a_refusal_is_raised_in_the_clients_own_words(script: Script):
    with pytest.raises(ProgramSaidNoError, match="404 NoSuchKey"):
        script.get("missing")
    assert script.get("still there") == b"still there"


def test_a_program_that_ends_is_a_failure_and_not_a_wait(script: Script):
    with pytest.raises(ProgramSaidNoError, match="ended with 0"):
        script.delete("a")
