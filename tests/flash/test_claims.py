"""Claims exclude within a process and between processes, and die with their process."""

import os
import signal
import subprocess
import sys

import pytest

from gateway.flash.claims import Claims

BODY = bytes(range(16))
HOLDER = """
import os, sys, time
from gateway.flash.claims import Claims
claims = Claims(os.open(sys.argv[1], os.O_RDONLY))
assert claims.claim(bytes(range(16)), 7)
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def directory_fd(tmp_path):
    descriptor = os.open(tmp_path, os.O_RDONLY)
    yield descriptor
    os.close(descriptor)


def test_a_claim_is_held_until_released(directory_fd):
    claims = Claims(directory_fd)
    assert claims.claim(BODY, 7)
    assert not claims.claim(BODY, 7)
    assert claims.claim(BODY, 8)
    claims.release(BODY, 7)
    assert claims.claim(BODY, 7)
    claims.release(BODY, 99)
    claims.close()


def test_closing_another_descriptor_of_the_file_drops_nothing(directory_fd, tmp_path):
    claims, others = Claims(directory_fd), Claims(directory_fd)
    assert claims.claim(BODY, 7)
    with (tmp_path / "claims").open("rb"):
        pass
    assert not others.claim(BODY, 7)
    assert others.claim(BODY, 8)
    claims.close()
    assert others.claim(BODY, 7)
    others.close()


def test_a_killed_process_holds_nothing(directory_fd, tmp_path):
    command = [sys.executable, "-c", HOLDER, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        claims = Claims(directory_fd)
        assert not claims.claim(BODY, 7)
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        assert claims.claim(BODY, 7)
        claims.close()
