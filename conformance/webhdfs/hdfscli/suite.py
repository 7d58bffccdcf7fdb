"""Part `hdfscli`: HdfsCLI's own tests, of its sdist at PyPI, with HDFSCLI_TEST_URL."""

import os
import shutil
import subprocess
import tarfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

from conformance.clients.environments import python_in
from conformance.webhdfs.java_programs import hadoop_folder
from conformance.webhdfs.scorecard import Row
from conformance.webhdfs.steps import SUPERUSER
from conformance.webhdfs.target import Target

PART = "hdfscli"
_VERSION = "2.7.3"
_CLIENT = f"HdfsCLI {_VERSION}"
_FILES = ("test_client.py", "test_main.py", "test_config.py", "test_util.py")
_SECONDS_MAX = 900
_LOADED_CLIENT = """
from hdfs.client import Client


class $class_name(Client):
    one = 1
"""
_OTHERWISE = {
    "test_client.TestSetReplication.test_file": "it has no effect: objects have no replicas",
    "test_client.TestDelete.test_trash_file": "the home is in another bucket: no rename",
    "test_client.TestDelete.test_trash_directory": "the home is in another bucket: no rename",
}
"""Tests of what Forebay does otherwise, and says so."""
_UNSUPPORTED = "is not supported"
"""What Forebay says of what S3 cannot say: a test of that is skipped in its own words."""
_LEFT_OUT = {
    "test_ext_avro.py": "the sdist leaves out the files that it reads",
    "test_ext_dataframe.py": "the sdist leaves out the files that it reads",
    "test_examples.py": "the sdist leaves out the examples",
    "test_ext_kerberos.py": "it asks no server",
}


def run(target: Target) -> Iterator[Row]:
    """Yield a row for each class of tests, and one for each test that did not pass."""
    for name, reason in _LEFT_OUT.items():
        yield Row(PART, name, _CLIENT, "skipped", reason)
    report = target.folder / "hdfscli.xml"
    said = _play(target, report)
    if not report.exists():
        yield Row(PART, "all", _CLIENT, "fail", said[-600:])
        return
    yield from _rows(report, is_forebay=target.is_forebay)
    yield _left_at_origin(target)


def _play(target: Target, report: Path) -> str:
    environment = {
        **os.environ,
        "HDFSCLI_TEST_URL": target.url,
        "HDFSCLI_TEST_USER": SUPERUSER,
        "HDFSCLI_TEST_ROOT": f"{target.door.root}/hdfscli",
    }
    command = [str(python_in("webhdfs")), "-m", "pytest", "-q", f"--junitxml={report}"]
    done = subprocess.run(
        [*command, "-p", "no:cacheprovider", *(f"test/{name}" for name in _FILES)],
        cwd=_unpacked(),
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_SECONDS_MAX,
        check=False,
    )
    return done.stdout + done.stderr


def _unpacked() -> Path:
    """Return the folder of the sdist, fetched if it must be, with our base beside its tests."""
    folder = hadoop_folder() / f"hdfs-{_VERSION}"
    if not (folder / "test").exists():
        pip = [str(python_in("webhdfs")), "-m", "pip", "download", "--quiet", "--no-deps"]
        words = ["--no-binary", ":all:", f"hdfs=={_VERSION}", "--dest", str(hadoop_folder())]
        subprocess.run([*pip, *words], check=True)
        with tarfile.open(hadoop_folder() / f"hdfs-{_VERSION}.tar.gz") as archive:
            archive.extractall(hadoop_folder(), filter="data")
    (folder / "test/__init__.py").touch()
    shutil.copy(Path(__file__).with_name("base.py"), folder / "test/util.py")
    # What the tests upload, and the client that they load by name; the sdist leaves them out too.
    files = folder / "test/dat"
    files.mkdir(exist_ok=True)
    (files / "numbers.txt").write_text("".join(f"{number}\n" for number in range(10_000)))
    (files / "client_template.py").write_text(_LOADED_CLIENT)
    return folder


def _rows(report: Path, *, is_forebay: bool) -> Iterator[Row]:
    passed: Counter[str] = Counter()
    odd: list[Row] = []
    for case in ET.parse(report).iter("testcase"):  # noqa: S314 - pytest wrote it just now
        place = case.get("classname", "").removeprefix("test.")
        name = f"{place}.{case.get('name')}"
        failure = case.find("failure")
        if failure is None:
            failure = case.find("error")
        skip = case.find("skipped")
        if failure is not None:
            odd.append(_failed(name, failure, is_forebay=is_forebay))
        elif skip is not None:
            odd.append(Row(PART, name, _CLIENT, "skipped", skip.get("message", "")))
        else:
            passed[place] += 1
    for place, count in passed.items():
        yield Row(PART, place, _CLIENT, "ok", "", count)
    yield from odd


def _failed(name: str, failure: ET.Element, *, is_forebay: bool) -> Row:
    said = failure.get("message", "")
    if is_forebay and name in _OTHERWISE:
        return Row(PART, name, _CLIENT, "differs", f"{_OTHERWISE[name]}: {said}")
    if _UNSUPPORTED in said:
        return Row(PART, name, _CLIENT, "skipped", said)
    return Row(PART, name, _CLIENT, "fail", f"{said}: {(failure.text or '')[-300:]}")


def _left_at_origin(target: Target) -> Row:
    """Return the row that says whether the tests' last cleaning reached the origin."""
    if target.witness is None:
        return Row(PART, "what is left", "S3", "skipped", "HDFS has no S3")
    left = target.witness.keys("hdfscli")
    return Row(PART, "what is left", "S3", "fail" if left else "ok", ", ".join(sorted(left)))
