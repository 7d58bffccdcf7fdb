"""What `hadoop fs` is asked to do, each proven by plain HTTP and at the origin."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from conformance.webhdfs.bench import Bench, Mismatch, same
from conformance.webhdfs.hadoop_client import HadoopClient, Said

_LARGE_BYTES = 24 * 1024 * 1024 + 1
_SMALL_BYTES = 5000


@dataclass(slots=True)
class Shell:
    """The client at its bench."""

    client: HadoopClient
    bench: Bench
    scheme: str
    authority: str

    def at(self, name: str) -> str:
        """Return the URL of a path."""
        return f"{self.scheme}://{self.authority}{self.bench.root}/{name}"

    def do(self, *words: str) -> Said:
        """Run a command that must succeed."""
        said = self.client.fs(*words)
        if said.code:
            raise Mismatch(f"exit {said.code}: {said.err[-400:]}")
        return said

    def refuse(self, word: str, *words: str) -> None:
        """Run a command that must fail with this word on its lips."""
        said = self.client.fs(*words)
        if not said.code:
            raise Mismatch(f"{words} was not refused: {said.out[:200]!r}")
        if word not in said.err:
            raise Mismatch(f"{words} was refused without {word!r}: {said.err[-300:]}")


def _mkdir(shell: Shell) -> None:
    shell.do("-mkdir", "-p", shell.at("m/a/b"))
    same("kind", shell.bench.status("m/a/b")["type"], "DIRECTORY")
    shell.refuse("File exists", "-mkdir", shell.at("m/a/b"))
    shell.refuse("No such file", "-mkdir", shell.at("m/x/y/z"))


def _touchz(shell: Shell) -> None:
    shell.do("-touchz", shell.at("touched"))
    shell.bench.holds("touched", b"")


def _put(shell: Shell) -> None:
    content = shell.bench.content(_SMALL_BYTES)
    local = str(shell.bench.local(content))
    shell.do("-put", local, shell.at("put"))
    shell.bench.holds("put", content)
    shell.refuse("File exists", "-put", local, shell.at("put"))
    again = shell.bench.content(_SMALL_BYTES + 1)
    shell.do("-put", "-f", str(shell.bench.local(again)), shell.at("put"))
    shell.bench.holds("put", again)


def _put_large(shell: Shell) -> None:
    content = shell.bench.content(_LARGE_BYTES)
    shell.do("-put", str(shell.bench.local(content)), shell.at("large"))
    shell.bench.holds("large", content)
    target = shell.bench.folder / "large.got"
    shell.do("-get", shell.at("large"), str(target))
    same("got", target.read_bytes() == content, wanted=True)


def _put_folder(shell: Shell) -> None:
    folder = shell.bench.folder / "tree"
    (folder / "d e").mkdir(parents=True)
    (folder / "a").write_bytes(b"a")
    (folder / "d e" / "é+%").write_bytes(b"accent")
    shell.do("-put", str(folder), shell.at("tree"))
    shell.bench.holds("tree/a", b"a")
    shell.bench.holds("tree/d e/é+%", b"accent")
    shell.do("-get", shell.at("tree"), str(shell.bench.folder / "back"))
    same("back", (shell.bench.folder / "back/d e/é+%").read_bytes(), b"accent")


def _get(shell: Shell) -> None:
    content = shell.bench.content(_SMALL_BYTES)
    shell.bench.make("got", content)
    target = shell.bench.folder / "got"
    shell.do("-get", shell.at("got"), str(target))
    same("got", target.read_bytes() == content, wanted=True)
    shell.refuse("No such file", "-get", shell.at("nobody"), str(target) + "2")


def _cat(shell: Shell) -> None:
    content = shell.bench.content(_SMALL_BYTES)
    shell.bench.make("cat", content)
    same("cat", shell.do("-cat", shell.at("cat")).out == content, wanted=True)
    same("head", shell.do("-head", shell.at("cat")).out, content[:1024])
    same("tail", shell.do("-tail", shell.at("cat")).out, content[-1024:])


def _ls(shell: Shell) -> None:
    for name in ("l/a", "l/b/c", "l/b/d", "l/é f"):
        shell.bench.make(name, name.encode())
    lines = shell.do("-ls", "-R", shell.at("l")).lines
    seen = {(line.split(None, 7)[7].partition("/l/")[2], line.split()[4]) for line in lines}
    same("listing", seen, {("a", "3"), ("b", "0"), ("b/c", "5"), ("b/d", "5"), ("é f", "6")})
    same("kinds", sorted(line[0] for line in lines), ["-", "-", "-", "-", "d"])
    shell.refuse("No such file", "-ls", shell.at("nobody"))


def _mv(shell: Shell) -> None:
    shell.bench.make("mv/one", b"one")
    shell.bench.make("mv/d/two", b"two")
    shell.do("-mv", shell.at("mv/one"), shell.at("mv/uno"))
    shell.bench.holds("mv/uno", b"one")
    same("source", shell.bench.is_there("mv/one"), wanted=False)
    shell.do("-mv", shell.at("mv/d"), shell.at("mv/e"))
    shell.bench.holds("mv/e/two", b"two")
    same("source", shell.bench.is_there("mv/d"), wanted=False)
    shell.refuse("No such file", "-mv", shell.at("mv/nobody"), shell.at("mv/x"))
    shell.refuse("File exists", "-mv", shell.at("mv/uno"), shell.at("mv/e/two"))


def _cp(shell: Shell) -> None:
    shell.bench.make("cp/one", b"one")
    shell.bench.make("cp/d/two", b"two")
    shell.do("-cp", shell.at("cp/one"), shell.at("cp/uno"))
    shell.bench.holds("cp/uno", b"one")
    shell.do("-cp", shell.at("cp/d"), shell.at("cp/e"))
    shell.bench.holds("cp/e/two", b"two")
    shell.do("-cp", "-f", "-p", shell.at("cp/d/two"), shell.at("cp/uno"))
    shell.bench.holds("cp/uno", b"two")
    kept = ("permission", "owner", "group", "modificationTime")
    one, two = shell.bench.status("cp/uno"), shell.bench.status("cp/d/two")
    same("preserved", [one[name] for name in kept], [two[name] for name in kept])


def _rm(shell: Shell) -> None:
    for name in ("rm/a", "rm/b/c", "rm/b/d/e"):
        shell.bench.make(name, b"x")
    shell.do("-rm", shell.at("rm/a"))
    same("file", shell.bench.is_there("rm/a"), wanted=False)
    shell.refuse("Is a directory", "-rm", shell.at("rm/b"))
    shell.refuse("not empty", "-rmdir", shell.at("rm/b"))
    shell.do("-rm", "-r", shell.at("rm/b"))
    same("directory", shell.bench.is_there("rm/b"), wanted=False)
    same("parent", shell.bench.is_there("rm"), wanted=True)
    shell.do("-rmdir", shell.at("rm"))
    same("parent", shell.bench.is_there("rm"), wanted=False)
    shell.refuse("No such file", "-rm", shell.at("rm/nobody"))


def _du(shell: Shell) -> None:
    shell.bench.make("du/a", b"1" * 100)
    shell.bench.make("du/b/c", b"2" * 20)
    shell.bench.make("du/b/d", b"3")
    lines = [line.split() for line in shell.do("-du", shell.at("du")).lines]
    seen = {(line[-1].rpartition("/")[2], line[0]) for line in lines}
    same("du", seen, {("a", "100"), ("b", "21")})
    same("du -s", shell.do("-du", "-s", shell.at("du")).lines[0].split()[0], "121")


def _count(shell: Shell) -> None:
    shell.bench.make("count/a", b"1" * 100)
    shell.bench.make("count/b/c", b"2" * 20)
    shell.do("-mkdir", shell.at("count/empty"))
    same("count", shell.do("-count", shell.at("count")).lines[0].split()[:3], ["3", "2", "120"])
    words = shell.do("-count", "-q", shell.at("count")).lines[0].split()
    same("count -q", words[:7], ["none", "inf", "none", "inf", "3", "2", "120"])
    usage = shell.do("-count", "-u", shell.at("count")).lines[0].split()
    same("count -u", usage[:4], ["none", "inf", "none", "inf"])


def _df(shell: Shell) -> None:
    words = shell.do("-df", shell.at("")).lines[1].split()
    size, used, free = (int(word) for word in words[1:4])
    if not (size >= used >= 0 and size >= free > 0):
        raise Mismatch(f"size {size}, used {used}, free {free}")


def _chmod(shell: Shell) -> None:
    shell.bench.make("chmod/a", b"a")
    shell.bench.make("chmod/b", b"b")
    shell.do("-chmod", "640", shell.at("chmod/a"))
    same("octal", shell.bench.status("chmod/a")["permission"], "640")
    shell.do("-chmod", "o+r,g+w", shell.at("chmod/a"))
    same("symbolic", shell.bench.status("chmod/a")["permission"], "664")
    shell.do("-chmod", "-R", "750", shell.at("chmod"))
    same("deep", [shell.bench.status(f"chmod/{one}")["permission"] for one in "ab"], ["750"] * 2)
    same("directory", shell.bench.status("chmod")["permission"], "750")
    shell.bench.holds("chmod/a", b"a")
    shell.refuse("No such file", "-chmod", "640", shell.at("chmod/nobody"))


def _chown(shell: Shell) -> None:
    shell.do("-touchz", shell.at("owned"))
    shell.do("-chown", "alice:staff", shell.at("owned"))
    status = shell.bench.status("owned")
    same("owner", (status["owner"], status["group"]), ("alice", "staff"))
    shell.do("-chgrp", "staff", shell.at("owned"))
    same("group", shell.bench.status("owned")["group"], "staff")


def _fattr(shell: Shell) -> None:
    shell.bench.make("fattr", b"body")
    shell.do("-setfattr", "-n", "user.colour", "-v", "dark green", shell.at("fattr"))
    shell.do("-setfattr", "-n", "user.raw", "-v", "0x00ff", shell.at("fattr"))
    lines = shell.do("-getfattr", "-d", "-e", "hex", shell.at("fattr")).lines
    same("all", sorted(lines[1:]), ["user.colour=0x6461726b20677265656e", "user.raw=0x00ff"])
    told = shell.do("-getfattr", "-n", "user.colour", shell.at("fattr")).lines
    same("text", told[1:], ['user.colour="dark green"'])
    one = shell.do("-getfattr", "-n", "user.raw", "-e", "hex", shell.at("fattr")).lines
    same("one", one[1:], ["user.raw=0x00ff"])
    shell.do("-setfattr", "-x", "user.colour", shell.at("fattr"))
    left = shell.do("-getfattr", "-d", "-e", "base64", shell.at("fattr")).lines
    same("left", left[1:], ["user.raw=0sAP8="])
    shell.refuse("", "-getfattr", "-n", "user.none", shell.at("fattr"))
    shell.bench.holds("fattr", b"body")


def _checksum(shell: Shell) -> None:
    known = b"0123456789abcdefghijklmnopqrstuvwxyz"
    shell.bench.make("sum", known)
    words = shell.do("-checksum", shell.at("sum")).lines[0].split()
    # What real HDFS says of these bytes (tests/golden/webhdfs/getfilechecksum.json).
    wanted = "0000020000000000000000001309776e7a821841f2e86d2224c4cdb9"
    same("checksum", words[1:], ["MD5-of-0MD5-of-512CRC32C", wanted])
    shell.refuse("No such file", "-checksum", shell.at("nobody"))


def _append(shell: Shell) -> None:
    shell.bench.make("log", b"one\n")
    shell.do("-appendToFile", str(shell.bench.local(b"two\n", "more")), shell.at("log"))
    shell.bench.holds("log", b"one\ntwo\n")
    shell.do("-appendToFile", str(shell.bench.local(b"first\n", "more")), shell.at("newlog"))
    shell.bench.holds("newlog", b"first\n")


def _concat(shell: Shell) -> None:
    parts = [letter.encode() * 1024 for letter in "abc"]
    for name, content in zip("abc", parts, strict=True):
        shell.bench.ask("PUT", f"con/{name}", "op=CREATE&blocksize=1024", content)
    shell.do("-concat", shell.at("con/a"), shell.at("con/b"), shell.at("con/c"))
    shell.bench.holds("con/a", b"".join(parts))
    same("sources", [shell.bench.is_there(f"con/{one}") for one in "bc"], [False, False])


def _truncate(shell: Shell) -> None:
    shell.bench.make("cut", b"0123456789")
    shell.do("-truncate", "-w", "4", shell.at("cut"))
    shell.bench.holds("cut", b"0123")


def _stat(shell: Shell) -> None:
    shell.bench.make("stat", b"12345")
    told = shell.do("-stat", "%n %b %F %a %u", shell.at("stat")).lines[0]
    status = shell.bench.status("stat")
    wanted = f"stat 5 regular file {status['permission']} {status['owner']}"
    same("stat", told, wanted)
    shown = shell.do("-stat", "%Y", shell.at("stat")).lines[0]
    same("time", shown, str(status["modificationTime"]))


def _test(shell: Shell) -> None:
    shell.bench.make("test/full", b"x")
    shell.bench.make("test/hollow", b"")
    for flag, name, code in (
        ("-e", "test/full", 0),
        ("-e", "test/nobody", 1),
        ("-d", "test", 0),
        ("-d", "test/full", 1),
        ("-f", "test/full", 0),
        ("-s", "test/full", 0),
        ("-s", "test/nobody", 1),
        ("-z", "test/hollow", 0),
        ("-z", "test/full", 1),
        ("-r", "test/full", 0),
        ("-w", "test/full", 0),
    ):
        same(f"{flag} {name}", shell.client.fs("-test", flag, shell.at(name)).code, code)


def _find(shell: Shell) -> None:
    for name in ("find/a.txt", "find/b/c.txt", "find/b/d.bin"):
        shell.bench.make(name, b"x")
    lines = shell.do("-find", shell.at("find"), "-name", "*.txt").lines
    seen = sorted(line.partition("/find/")[2] for line in lines)
    same("found", seen, ["a.txt", "b/c.txt"])
    glob = shell.do("-ls", shell.at("find/*/[cd].*")).lines
    same("glob", len([line for line in glob if "/find/" in line]), 2)


def _getmerge(shell: Shell) -> None:
    shell.bench.make("merge/a", b"a")
    shell.bench.make("merge/b", b"b")
    target = shell.bench.folder / "merged"
    shell.do("-getmerge", shell.at("merge"), str(target))
    same("merged", target.read_bytes(), b"ab")


def _touch(shell: Shell) -> None:
    shell.do("-touch", "-t", "20010909:014640", shell.at("old"))
    moment = datetime(2001, 9, 9, 1, 46, 40, tzinfo=UTC).timestamp() * 1000
    same("time", shell.bench.status("old")["modificationTime"], int(moment))


def _setrep(shell: Shell) -> None:
    shell.bench.make("rep", b"x")
    shell.do("-setrep", "2", shell.at("rep"))
    shell.bench.holds("rep", b"x")


def _getfacl(shell: Shell) -> None:
    shell.do("-touchz", shell.at("acl"))
    lines = [line for line in shell.do("-getfacl", shell.at("acl")).lines if line]
    same("ACL", lines[3:], ["user::rw-", "group::r--", "other::r--"])


Check = Callable[[Shell], None]
SHELL_CELLS: dict[str, Check] = {
    "-mkdir": _mkdir,
    "-touchz": _touchz,
    "-put": _put,
    "-put, -get of 24 MiB": _put_large,
    "-put, -get of a folder": _put_folder,
    "-get": _get,
    "-cat, -head, -tail": _cat,
    "-ls -R": _ls,
    "-mv": _mv,
    "-cp": _cp,
    "-rm, -rm -r, -rmdir": _rm,
    "-du": _du,
    "-count": _count,
    "-df": _df,
    "-chmod": _chmod,
    "-chown, -chgrp": _chown,
    "-setfattr, -getfattr": _fattr,
    "-checksum": _checksum,
    "-appendToFile": _append,
    "-concat": _concat,
    "-truncate": _truncate,
    "-stat": _stat,
    "-test": _test,
    "-find, globs": _find,
    "-getmerge": _getmerge,
    "-touch -t": _touch,
    "-setrep": _setrep,
    "-getfacl": _getfacl,
}
"""Command -> how it is proven."""
