"""What OpenDAL's webhdfs service is asked to do."""

import contextlib
from typing import BinaryIO

import opendal

from conformance.webhdfs.bench import Bench, Mismatch, equal, same
from conformance.webhdfs.steps import OWNER

_MIB = 1024 * 1024


def version() -> str:
    """Return its version."""
    return str(opendal.__version__)


def connect(bench: Bench) -> opendal.Operator:
    """Return an operator of the user who is believed by name."""
    return opendal.Operator(
        "webhdfs", endpoint=bench.target.url, root=f"{bench.root}/", user_name=OWNER
    )


def _write(operator: opendal.Operator, bench: Bench) -> None:
    for name, size in (("small", 5000), ("none", 0), ("d e/é+", 100)):
        content = bench.content(size)
        operator.write(name, content)
        bench.holds(name, content)


def _large(operator: opendal.Operator, bench: Bench) -> None:
    content = bench.content(24 * _MIB + 1)
    operator.write("large", content)
    bench.holds("large", content)
    equal("read", operator.read("large"), content)


def _read(operator: opendal.Operator, bench: Bench) -> None:
    content = bench.content(3 * _MIB)
    bench.make("read", content)
    equal("whole", operator.read("read"), content)
    with operator.open("read", "rb") as file:
        file.seek(2_000_000)
        equal("range", _read_fully(file, 70_000), content[2_000_000:2_070_000])


def _read_fully(file: BinaryIO, size: int) -> bytes:
    """Return so many bytes; one read may bring fewer."""
    whole = b""
    while len(whole) < size and (piece := bytes(file.read(size - len(whole)))):
        whole += piece
    return whole


def _append(operator: opendal.Operator, bench: Bench) -> None:
    bench.make("log", b"one\n")
    operator.write("log", b"two\n", append=True)
    bench.holds("log", b"one\ntwo\n")
    operator.write("newlog", b"first\n", append=True)
    bench.holds("newlog", b"first\n")


def _stat(operator: opendal.Operator, bench: Bench) -> None:
    bench.make("stat", b"12345")
    same("length", operator.stat("stat").content_length, 5)
    with contextlib.suppress(opendal.exceptions.NotFound):
        operator.stat("nobody")
        raise Mismatch("it found nobody")


def _list(operator: opendal.Operator, bench: Bench) -> None:
    for name in ("l/a", "l/b/c", "l/b/d"):
        bench.make(name, b"x")
    seen = sorted(entry.path for entry in operator.list("l/") if entry.path != "l/")
    same("list", seen, ["l/a", "l/b/"])
    deep = sorted(entry.path for entry in operator.list("l/", recursive=True))
    same("deep", [one for one in deep if not one.endswith("/")], ["l/a", "l/b/c", "l/b/d"])


def _list_long(operator: opendal.Operator, bench: Bench) -> None:
    names = [f"long/{number:04}" for number in range(1203)]
    for name in names:
        bench.make(name, b"")
    seen = sorted(entry.path for entry in operator.list("long/") if entry.path != "long/")
    same("list of 1,203", seen, names)


def _create_dir(operator: opendal.Operator, bench: Bench) -> None:
    operator.create_dir("made/below/")
    same("kind", bench.status("made/below")["type"], "DIRECTORY")


def _delete(operator: opendal.Operator, bench: Bench) -> None:
    for name in ("rm/a", "rm/b/c"):
        bench.make(name, b"x")
    operator.delete("rm/a")
    same("file", bench.is_there("rm/a"), wanted=False)
    operator.remove_all("rm/")
    same("directory", bench.is_there("rm/b"), wanted=False)


CELLS = {
    "write": _write,
    "write, read 24 MiB": _large,
    "read": _read,
    "append": _append,
    "stat": _stat,
    "list": _list,
    "list of pages": _list_long,
    "create_dir": _create_dir,
    "delete": _delete,
}
