"""The golden files of WebHDFS hold what the scenes ask, and nothing that differs between runs."""

import re

import pytest

from conformance.webhdfs.golden import GOLDEN, SCENES, golden_path, read_golden
from conformance.webhdfs.normal import normal_document, normal_text


@pytest.mark.parametrize("scene", SCENES)
def test_every_told_step_of_a_scene_was_recorded(scene):
    cases = [step.case for step in SCENES[scene] if step.case]
    assert [one["case"] for one in read_golden(scene)] == cases
    assert len(set(cases)) == len(cases)


def test_there_is_no_golden_file_without_a_scene():
    assert set(GOLDEN.glob("*.json")) == {golden_path(scene) for scene in SCENES}


@pytest.mark.parametrize("scene", SCENES)
def test_no_port_moment_or_stack_trace_was_recorded(scene):
    text = golden_path(scene).read_text("utf-8")
    assert re.findall(r"(?:localhost|127\.0\.0\.1):\d+", text) == []
    assert re.findall(r'Time": 1[789]\d{11}', text) == []
    assert "\\tat org.apache" not in text


def test_what_differs_between_runs_becomes_a_word():
    told = {"FileStatus": {"fileId": 17, "modificationTime": 1_790_000_000_000, "length": 3}}
    assert normal_document(told) == {
        "FileStatus": {"fileId": "<ID>", "modificationTime": "<TIME>", "length": 3}
    }
    assert (
        normal_text("http://127.0.0.1:1234/a?b=c\n\tat java.lang") == "http://<HOST>:<PORT>/a?b=c"
    )


def test_what_a_scene_sets_itself_is_kept():
    assert normal_document({"accessTime": 0}) == {"accessTime": 0}
    assert normal_document({"modificationTime": 1_000_000_000_000}) == {
        "modificationTime": 1_000_000_000_000
    }
