"""Real programs on a mount: each does its usual work there and is compared with a local folder.

A program is a function of a folder on the mount and one beside it on local disk; it raises where a
result differs or the program fails. What must be refused (a hard link) is a program as well: it
passes where the errno is the documented one.
"""

import errno
import fcntl
import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from time import monotonic

from conformance.posix.commands import WrongError, run
from conformance.posix.mounts import Mount
from conformance.posix.python_programs import duckdb, loaders, safetensors, sqlite, venv
from conformance.posix.results import Row

Program = Callable[[Path, Path], None]


@dataclass(frozen=True, slots=True)
class Listed:
    """One path of a tree: what must survive a copy."""

    kind: str
    mode: int
    mtime: int
    content: str


def listed(root: Path) -> dict[str, Listed]:
    """Return every path under a folder with kind, permission bits, mtime (s) and content."""
    found = {}
    for path in sorted(root.rglob("*")):
        stat = path.lstat()
        if path.is_symlink():
            one = Listed("link", 0, 0, str(path.readlink()))
        elif path.is_dir():
            one = Listed("directory", stat.st_mode & 0o7777, 0, "")
        else:
            content = sha256(path.read_bytes()).hexdigest()
            one = Listed("file", stat.st_mode & 0o7777, int(stat.st_mtime), content)
        found[str(path.relative_to(root))] = one
    return found


def require_same(left: dict[str, Listed], right: dict[str, Listed]) -> None:
    """Raise WrongError with the first paths that differ."""
    differing = [
        f"{name}: {left.get(name)} / {right.get(name)}"
        for name in sorted(left.keys() | right.keys())
        if left.get(name) != right.get(name)
    ]
    if differing:
        raise WrongError(f"{len(differing)} paths differ: {differing[:3]}")


def make_tree(root: Path, files: int = 200) -> Path:
    """Make a tree with subfolders, links, modes, times and sizes from nothing to 3 MiB."""
    for number in range(files):
        folder = root / f"d{number % 7}" / f"e{number % 3}"
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"file {number} ü.bin"
        size = (0, 1, 4096, 70_000, 3 << 20)[number % 5] if number < 20 else number * 13
        path.write_bytes(sha256(str(number).encode()).digest() * (size // 32 + 1))
        path.chmod((0o644, 0o600, 0o755, 0o444)[number % 4])
        os.utime(path, (1_600_000_000 + number, 1_600_000_000 + number))
    (root / "link").symlink_to("d1/e1")
    (root / "dangling").symlink_to("nowhere")
    (root / "empty").mkdir()
    return root


def tar(on_mount: Path, local: Path) -> None:
    """Pack a local tree onto the mount, unpack it there, compare; pack the mount, compare."""
    tree = make_tree(local / "tree")
    run("tar", "-C", tree, "-cf", on_mount / "tree.tar", ".")
    (on_mount / "out").mkdir()
    run("tar", "-C", on_mount / "out", "-xpf", on_mount / "tree.tar")
    require_same(listed(tree), listed(on_mount / "out"))
    run("tar", "-C", on_mount / "out", "-czf", local / "back.tgz", ".")
    (local / "back").mkdir()
    run("tar", "-C", local / "back", "-xpzf", local / "back.tgz")
    require_same(listed(tree), listed(local / "back"))


def rsync(on_mount: Path, local: Path) -> None:
    """Copy by rsync -a, change some, copy again; a pass by checksum has nothing to do."""
    tree = make_tree(local / "tree")
    run("rsync", "-a", f"{tree}/", on_mount / "copy")
    require_same(listed(tree), listed(on_mount / "copy"))
    for path in sorted(tree.rglob("*.bin"))[:10]:
        path.chmod(0o644)
        path.write_bytes(path.read_bytes() + b"more")
    sorted(tree.rglob("*.bin"))[20].unlink()
    run("rsync", "-a", "--delete", f"{tree}/", on_mount / "copy")
    require_same(listed(tree), listed(on_mount / "copy"))
    said = run("rsync", "-anc", "--out-format=%i %n", f"{tree}/", on_mount / "copy")
    if any(line.startswith((">f", "<f")) for line in said.splitlines()):
        raise WrongError(f"rsync would copy again: {said[:300]}")


def copying(on_mount: Path, local: Path) -> None:
    """Copy a tree by cp -a onto the mount, within it, and back."""
    tree = make_tree(local / "tree")
    run("cp", "-a", tree, on_mount / "one")
    run("cp", "-a", on_mount / "one", on_mount / "two")
    run("cp", "-a", on_mount / "two", local / "back")
    require_same(listed(tree), listed(on_mount / "two"))
    require_same(listed(tree), listed(local / "back"))
    run("diff", "-r", "--no-dereference", tree, on_mount / "one")


def git(on_mount: Path, local: Path) -> None:
    """Begin a repository on the mount, commit, branch, merge, clone, repack, and check it."""
    author = {
        f"GIT_{who}_{what}": value
        for who in ("AUTHOR", "COMMITTER")
        for what, value in (("NAME", "posix"), ("EMAIL", "posix@example.org"))
    }
    repository = on_mount / "repository"
    run("git", "init", "-q", "-b", "main", repository)
    make_tree(repository / "tree", 60)
    run("git", "add", "-A", cwd=repository)
    run("git", "commit", "-qm", "one", cwd=repository, **author)
    run("git", "checkout", "-qb", "side", cwd=repository)
    (repository / "side.txt").write_text("side\n")
    run("git", "add", "-A", cwd=repository)
    run("git", "commit", "-qm", "two", cwd=repository, **author)
    run("git", "checkout", "-q", "main", cwd=repository)
    run("git", "merge", "-q", "--no-ff", "-m", "three", "side", cwd=repository, **author)
    run("git", "clone", "-q", "--no-hardlinks", repository, on_mount / "clone")
    run("git", "gc", "-q", cwd=on_mount / "clone")
    run("git", "fsck", "--full", "--strict", cwd=on_mount / "clone")
    run("git", "clone", "-q", on_mount / "clone", local / "clone")
    if run("git", "status", "--porcelain", cwd=on_mount / "clone"):
        raise WrongError("the clone is not clean")
    heads = {run("git", "rev-parse", "main", cwd=one) for one in (repository, local / "clone")}
    if len(heads) != 1:
        raise WrongError(f"the heads differ: {heads}")


def imagemagick(on_mount: Path, local: Path) -> None:
    """Draw, resize and compare pictures on the mount."""
    run("convert", "-size", "800x600", "plasma:blue-green", "-seed", "7", local / "in.png")
    shutil.copy(local / "in.png", on_mount / "in.png")
    for folder in (local, on_mount):
        run("convert", folder / "in.png", "-resize", "50%", "-strip", folder / "out.ppm")
    if (local / "out.ppm").read_bytes() != (on_mount / "out.ppm").read_bytes():
        raise WrongError("the pictures differ")


def compiling(on_mount: Path, local: Path) -> None:
    """Compile and link a small C program by make, run it from the mount, touch, make again."""
    del local
    for number in range(5):
        (on_mount / f"f{number}.c").write_text(f"int f{number}(void) {{ return {number}; }}\n")
    calls = " + ".join(f"f{number}()" for number in range(5))
    heads = "".join(f"int f{number}(void);" for number in range(5))
    (on_mount / "main.c").write_text(f"{heads} int main(void) {{ return {calls} != 10; }}\n")
    (on_mount / "Makefile").write_text(
        "prog: main.o libf.a\n\tcc -o $@ $^\nlibf.a: f0.o f1.o f2.o f3.o f4.o\n\tar rcs $@ $^\n"
    )
    run("make", cwd=on_mount)
    run(on_mount / "prog")
    if "up to date" not in run("make", cwd=on_mount, LC_ALL="C"):
        raise WrongError("make would build again at once")
    later = (on_mount / "prog").stat().st_mtime + 2
    os.utime(on_mount / "f3.c", (later, later))
    if "f3" not in run("make", cwd=on_mount):
        raise WrongError("make does not see a newer source")


def editing(on_mount: Path, local: Path) -> None:
    """Edit in place, append, move, find, grep, execute a script, truncate, as a shell does."""
    del local
    text = on_mount / "text"
    text.write_text("one\ntwo\n")
    run("sed", "-i", "s/two/three/", text)
    run("sh", "-c", f"echo four >> '{text}' && mv '{text}' '{text}.new'")
    if (on_mount / "text.new").read_text() != "one\nthree\nfour\n":
        raise WrongError("the text is another")
    script = on_mount / "script"
    script.write_text("#!/bin/sh\necho ran\n")
    script.chmod(0o755)
    if run(script) != "ran\n":
        raise WrongError("the script did not run")
    run("truncate", "-s", "3", on_mount / "text.new")
    found = run("find", on_mount, "-type", "f", "-size", "-4c", "-newermt", "2020-01-01")
    if "text.new" not in found or (on_mount / "text.new").read_bytes() != b"one":
        raise WrongError(f"find says {found!r}")
    run("grep", "-rq", "ran", on_mount)
    run("dd", "if=/dev/zero", f"of={on_mount}/holes", "bs=4k", "count=1", "seek=100", "status=none")
    if (on_mount / "holes").read_bytes() != bytes(101 * 4096):
        raise WrongError("a hole is not zeros")


def locks(on_mount: Path, local: Path) -> None:
    """Hold advisory locks against another process of this mount."""
    del local
    with (on_mount / "lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        words = ["flock", "-n", str(on_mount / "lock"), "true"]
        if subprocess.run(words, check=False).returncode == 0:
            raise WrongError("a lock was given twice")
    run("flock", "-n", on_mount / "lock", "true")


def hard_link(on_mount: Path, local: Path) -> None:
    """Be refused a hard link, by EPERM as link(2) has it for a file system without them."""
    del local
    (on_mount / "first").write_text("x")
    try:
        os.link(on_mount / "first", on_mount / "second")
    except OSError as refused:
        if refused.errno != errno.EPERM:
            raise
    else:
        raise WrongError("a hard link was made")


PROGRAMS: dict[str, Program] = {
    "tar": tar,
    "rsync -a": rsync,
    "cp -a": copying,
    "git": git,
    "sqlite, rollback journal": sqlite,
    "DuckDB on Parquet": duckdb,
    "python -m venv, pytest inside": venv,
    "ImageMagick": imagemagick,
    "make and cc": compiling,
    "random readers, 8 processes": loaders,
    "safetensors and numpy, mmap": safetensors,
    "sed -i, >>, mv, find, grep, dd": editing,
    "flock": locks,
    "hard link (refused: EPERM)": hard_link,
}


def run_programs(mount: Mount, local: Path, only: str = "") -> list[Row]:
    """Run every program in a folder of its own; a failure is the row's."""
    rows = []
    for number, (name, program) in enumerate(PROGRAMS.items()):
        if only not in name:
            continue
        folders = mount.path / f"program-{number}", local / f"program-{number}"
        failures, began = [], monotonic()
        try:
            for folder in folders:
                folder.mkdir(parents=True)
            program(*folders)
        except (WrongError, OSError, subprocess.SubprocessError) as failure:
            failures.append(f"{type(failure).__name__}: {failure}")
        figures = {"seconds": round(monotonic() - began, 1)}
        rows.append(Row("programs", name, figures, failures, mounter=mount.name))
    return rows
