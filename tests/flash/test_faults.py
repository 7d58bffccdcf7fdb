"""The test seam: faults happen where and when they are asked for."""

import errno

import pytest

from gateway.flash import faults
from gateway.flash.faults import VARIABLE, Faults, FileFaults, faults_from_environment


def test_nothing_happens_unless_asked_for(monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    inert = faults_from_environment()
    for point in faults.POINTS:
        inert.at(point)


def test_a_fault_is_the_error_of_its_name():
    seam = Faults({"segment.write": "ENOSPC"})
    with pytest.raises(OSError, match="injected") as caught:
        seam.at("segment.write")
    assert caught.value.errno == errno.ENOSPC
    seam.at("segment.read")


def test_the_file_is_read_again_when_it_changes(tmp_path, monkeypatch):
    file = tmp_path / "faults"
    monkeypatch.setenv(VARIABLE, str(file))
    monkeypatch.setattr(faults, "_LOOK_SECONDS", 0.0)
    seam = faults_from_environment()
    assert isinstance(seam, FileFaults)
    seam.at("index.commit")
    file.write_text("index.commit=EIO\nsegment.read=EROFS\n")
    with pytest.raises(OSError, match="injected") as caught:
        seam.at("index.commit")
    assert caught.value.errno == errno.EIO
    file.unlink()
    seam.at("index.commit")
