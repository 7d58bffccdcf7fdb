"""Logs: one JSON line a request, written behind its back, without what proves an identity."""

import json
import os
import threading

import pytest

from gateway.telemetry import metrics
from gateway.telemetry.logs import RECORDS_MAX, AccessLog, AccessRecord, masked_query


def record(**changes):
    fields = {
        "request_id": "0123456789ABCDEF",
        "remote": "127.0.0.1",
        "principal": "demo",
        "method": "GET",
        "operation": "GetObject",
        "bucket": "models",
        "key": 'a "b"\nc é \udcff',
        "query": "X-Amz-Credential=AK%2F2026&X-Amz-Date=1&X-Amz-Signature=deadbeef&partNumber=1",
        "status": 200,
        "error": "",
        "cache": "HIT",
        "origin_requests": 1,
        "bytes_in": 0,
        "bytes_out": 4096,
        "seconds": 0.00123456,
        "user_agent": "aws-cli",
        "finished": 1795219200.25,
    }
    return AccessRecord(**(fields | changes))


def test_a_line_is_json_on_one_line():
    line = record().line()
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    shown = json.loads(line)
    assert shown["time"] == "2026-11-21T00:00:00.250Z"
    assert shown["key"] == 'a "b"\nc é \udcff'
    assert (shown["status"], shown["cache"], shown["seconds"]) == (200, "HIT", 0.001235)
    assert set(shown) == {"time", *AccessRecord.__slots__} - {"finished"}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ""),
        ("uploads", "uploads"),
        ("X-Amz-Signature=ab&a=b", "X-Amz-Signature=***&a=b"),
        ("a=b&x-amz-security-token=t%2F", "a=b&x-amz-security-token=***"),
        ("X-Amz-Credential=k%2F20261121", "X-Amz-Credential=***"),
        ("AWSAccessKeyId=a&Signature=b&Expires=1", "AWSAccessKeyId=***&Signature=***&Expires=1"),
        ("prefix=X-Amz-Signature=1", "prefix=X-Amz-Signature=1"),
        (
            "op=OPEN&delegation=HAAF&forebay.step=YQ&user.name=ann&Token=HAAF",
            "op=OPEN&delegation=***&forebay.step=***&user.name=ann&Token=***",
        ),
        ("continuation-token=abc", "continuation-token=abc"),
        ("op=OPEN&deleg%61tion=HAAF&%54oken=x", "op=OPEN&deleg%61tion=***&%54oken=***"),
        ("forebay%2Estep=YQ&x%2damz-signature=ab", "forebay%2Estep=***&x%2damz-signature=***"),
        ("delegation=HAAF=&a%3Ddelegation=b", "delegation=***&a%3Ddelegation=b"),
    ],
)
def test_what_proves_an_identity_is_masked(query, expected):
    assert masked_query(query) == expected


def test_lines_are_written_in_order_and_at_the_latest_by_close(tmp_path):
    log = AccessLog(str(tmp_path / "access.log"))
    for number in range(1000):
        log.write(record(origin_requests=number))
    log.close()
    lines = (tmp_path / "access.log").read_text().splitlines()
    assert [json.loads(line)["origin_requests"] for line in lines] == list(range(1000))


def test_a_file_is_appended_to_and_opened_again_after_rotation(tmp_path):
    path = tmp_path / "access.log"
    path.write_bytes(b"before\n")
    log = AccessLog(str(path))
    path.rename(tmp_path / "access.log.1")
    log.reopen()
    log.write(record())
    log.close()
    assert (tmp_path / "access.log.1").read_bytes() == b"before\n"
    assert json.loads(path.read_text())["principal"] == "demo"


def test_off_writes_nothing_and_starts_no_thread():
    before = threading.active_count()
    log = AccessLog("off")
    log.write(record())
    assert threading.active_count() == before
    log.close()


def test_a_target_that_cannot_be_opened_is_an_error_at_once(tmp_path):
    with pytest.raises(FileNotFoundError):
        AccessLog(str(tmp_path / "absent" / "access.log"))


def test_lines_that_do_not_fit_are_dropped_and_counted(tmp_path):
    reader, writer = os.pipe()
    log = AccessLog(f"/proc/self/fd/{writer}")  # a pipe that nobody reads
    dropped = metrics.access_lines_dropped.value
    for _ in range(RECORDS_MAX + 2000):
        log.write(record())
    assert metrics.access_lines_dropped.value > dropped
    os.close(reader)  # wakes the thread with EPIPE
    log.close()
    os.close(writer)


def test_lines_to_a_pipe_are_not_torn(tmp_path):
    reader, writer = os.pipe()
    logs = [AccessLog(f"/proc/self/fd/{writer}") for _ in range(2)]
    os.close(writer)
    received = bytearray()

    def drain():
        while piece := os.read(reader, 65536):
            received.extend(piece)

    draining = threading.Thread(target=drain)
    draining.start()
    for _ in range(2000):
        for log in logs:
            log.write(record())
    for log in logs:
        log.close()
    draining.join(10)
    os.close(reader)
    lines = received.splitlines()
    assert len(lines) == 4000
    assert all(json.loads(line) for line in lines)
