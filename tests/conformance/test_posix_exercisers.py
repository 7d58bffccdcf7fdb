"""An exerciser's last words: one that was killed has said nothing, and has not passed."""

from pathlib import Path

from conformance.posix.exercisers import last_words


def test_one_that_was_killed_has_failed(tmp_path: Path):
    assert last_words(["sh", "-c", "kill -TERM $$"], tmp_path) == "it ended with -15: "


def test_one_that_failed_is_quoted_and_one_that_ended_well_is_not(tmp_path: Path):
    assert last_words(["sh", "-c", "echo miscompare; exit 3"], tmp_path).endswith("miscompare\n")
    assert not last_words(["sh", "-c", "echo all is well"], tmp_path)
