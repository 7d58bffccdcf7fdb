"""The application log: one line a record, without signatures."""

import json
import logging

import pytest

from gateway.telemetry.application_log import configure


@pytest.fixture(autouse=True)
def restored():
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def test_json_lines_name_the_process(capsys):
    configure("info", "json", "worker 1")
    logging.getLogger("gateway.core").warning("one\ntwo %d", 3)
    shown = json.loads(capsys.readouterr().err)
    assert shown["message"] == "one\ntwo 3"
    assert (shown["level"], shown["process"], shown["logger"]) == (
        "warning",
        "worker 1",
        "gateway.core",
    )


def test_text_is_for_people(capsys):
    configure("info", "text", "supervisor")
    logging.getLogger("x").info("ready")
    assert capsys.readouterr().err.endswith("supervisor: ready\n")


def test_levels_below_the_one_set_are_silent(capsys):
    configure("warning", "json", "supervisor")
    logging.getLogger("x").info("not written")
    logging.getLogger("asyncio").info("not written")
    assert capsys.readouterr().err == ""


def test_signatures_in_messages_are_masked(capsys):
    configure("info", "json", "supervisor")
    logging.getLogger("x").info("GET /b/k?X-Amz-Signature=deadbeef&a=1 failed")
    assert "deadbeef" not in capsys.readouterr().err


def test_an_exception_is_kept_whole(capsys):
    configure("info", "json", "supervisor")
    try:
        json.loads("")
    except ValueError:
        logging.getLogger("x").exception("failed")
    assert "JSONDecodeError" in json.loads(capsys.readouterr().err)["exception"]
