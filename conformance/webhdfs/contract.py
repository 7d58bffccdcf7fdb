"""Part `contract`: Hadoop's own AbstractContract*Test classes on a webhdfs contract."""

import os
import subprocess
from base64 import b64decode
from collections import Counter
from collections.abc import Iterator

from conformance.webhdfs.java_programs import class_path
from conformance.webhdfs.scorecard import Row
from conformance.webhdfs.steps import OWNER
from conformance.webhdfs.target import Target

PART = "contract"
_CLIENT = "Hadoop 3.4.2"
_SECONDS_MAX = 1500
_LEFT_OUT = {
    "EtagTest": "a FileStatus of WebHDFS has no ETag",
    "LeaseRecoveryTest": "WebHDFS knows no leases: hdfs:// alone does",
    "SafeModeTest": "WebHDFS knows no safe mode: hdfs:// alone does",
    "PathHandleTest": "WebHDFS knows no path handles: hdfs:// alone does",
    "MultipartUploaderTest": "webhdfs:// has no multipart uploader",
    "StreamIOStatisticsTest": "the streams of webhdfs:// keep no statistics",
}


_LAZY = "webhdfs:// seeks lazily: the position is judged at the next read"
_LATE = "webhdfs:// opens a stream without asking; the read is refused"
_AS_AT_HDFS = {
    "Seek.testNegativeSeek": _LAZY,
    "Seek.testSeekReadClosedFile": _LAZY,
    "Seek.testSeekPastEndOfFileThenReseekAndRead": _LAZY,
    "Seek.testReadFullyPastEOF": "the refusal of an offset beyond the end is no EOFException",
    "VectoredRead.testEOFRanges[Buffer type : direct]": "likewise",
    "VectoredRead.testEOFRanges[Buffer type : array]": "likewise",
    "Open.testOpenReadDir": _LATE,
    "Open.testOpenReadDirWithChild": _LATE,
    "Create.testSyncable": "a file that webhdfs:// writes is there once it is closed",
    "Append.testRenameFileBeingAppended": "webhdfs:// appends to the name, not to an open file",
    "Rename.testRenameFileUnderFile": "below a file is AccessControlException",
    "Rename.testRenameFileUnderFileSubdir": "below a file is AccessControlException",
}
"""Tests that real HDFS fails as well by webhdfs://, for a reason of its client or protocol."""


def run(target: Target) -> Iterator[Row]:
    """Yield a row for each class, and one for each test that did not pass."""
    for name, reason in _LEFT_OUT.items():
        yield Row(PART, name, _CLIENT, "skipped", reason)
    passed: Counter[str] = Counter()
    odd: list[Row] = []
    for group, name, outcome, words in _outcomes(target):
        if outcome == "ok":
            passed[group] += 1
        else:
            odd.append(_odd(f"{group}.{name}", outcome, words))
    for group, count in sorted(passed.items()):
        yield Row(PART, group, _CLIENT, "ok", "", count)
    yield from odd


def _odd(name: str, outcome: str, words: str) -> Row:
    if outcome == "fail" and name in _AS_AT_HDFS:
        return Row(PART, name, _CLIENT, "skipped", f"as at HDFS: {_AS_AT_HDFS[name]}: {words}")
    return Row(PART, name, _CLIENT, outcome, words)


def _outcomes(target: Target) -> Iterator[tuple[str, str, str, str]]:
    root = f"webhdfs://{target.door.authority}{target.door.root}/contract"
    command = ["java", "-Xmx700m", f"-Dforebay.root={root}", "-cp", class_path("contract")]
    with (target.folder / "contract.log").open("w+") as complaints:
        done = subprocess.run(
            [*command, "Contract"],
            env={**os.environ, "HADOOP_USER_NAME": OWNER, "LC_ALL": "C.UTF-8"},
            cwd=target.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=complaints,
            text=True,
            timeout=_SECONDS_MAX,
            check=False,
        )
        complaints.seek(0)
        last_words = complaints.read()[-400:]
    for line in done.stdout.splitlines():
        word, *told = line.split(" ")
        if word == "RESULT":
            *names, outcome, words = told
            group, name = names[0], " ".join(names[1:])
            yield group, name, outcome, b64decode(words[1:]).decode()
    if done.returncode:
        yield "all", "", "fail", f"exit {done.returncode}: {last_words}"
