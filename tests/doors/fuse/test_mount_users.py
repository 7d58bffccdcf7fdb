"""A real mount that root made, asked by another user: let in or not, and held to the modes."""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.mount_process import AS_ADMIN, BUCKET, mount_process, why_not

pytestmark = [
    pytest.mark.skipif(bool(why_not()), reason=why_not() or "it can be mounted here"),
    pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes somebody else"),
]
NOBODY = 65534


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that others get through to; pytest's own are root's alone."""
    with tempfile.TemporaryDirectory(prefix="forebay-users-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


def as_nobody(script: str, folder: Path) -> str:
    """Return what a shell of another user says, or its errors."""
    done = subprocess.run(
        ["/bin/sh", "-c", script],
        cwd=folder,
        user=NOBODY,
        group=NOBODY,
        extra_groups=[],
        env={"LC_ALL": "C", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout or done.stderr


def test_another_user_is_not_let_in_unasked(tables, s3, folder):
    s3.put_object(Bucket=BUCKET, Key="users/open", Body=b"yes")
    with mount_process(tables, folder, *AS_ADMIN) as mount:
        assert (mount.path / "users" / "open").read_bytes() == b"yes"
        assert "Permission denied" in as_nobody("cat mnt/users/open", folder)


def test_another_user_who_is_let_in_is_held_to_the_modes(tables, s3, folder):
    for key, mode in (("open", "0100644"), ("closed", "0100640"), ("run", "0100755")):
        metadata = {"file-permissions": mode, "file-owner": "0", "file-group": "0"}
        body = b"#!/bin/sh\necho yes\n" if key == "run" else b"yes"
        s3.put_object(Bucket=BUCKET, Key=f"modes/{key}", Body=body, Metadata=metadata)
    with mount_process(tables, folder, *AS_ADMIN, "--allow-other") as mount:
        base = mount.path / "modes"
        base.chmod(0o755)
        os.chown(base, 0, 0)
        denied = "Permission denied"
        assert as_nobody("cat open", base) == "yes"
        assert as_nobody("./run", base) == "yes\n"
        assert denied in as_nobody("cat closed", base)
        assert denied in as_nobody("echo no >> open", base)
        assert denied in as_nobody("echo no > new", base)
        assert denied in as_nobody("rm -f open", base)
        assert "Operation not permitted" in as_nobody("chmod 777 open", base)
        base.chmod(0o1777)
        assert as_nobody("echo mine > new; cat new", base) == "mine\n"
        assert (base / "new").stat().st_uid == NOBODY
        assert "Operation not permitted" in as_nobody("rm -f open", base)
        assert as_nobody("rm new; echo gone", base) == "gone\n"
        assert s3.list_objects_v2(Bucket=BUCKET, Prefix="modes/new").get("KeyCount") == 0
