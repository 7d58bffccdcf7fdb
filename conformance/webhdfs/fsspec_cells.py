"""What fsspec's WebHDFS is asked to do."""

import contextlib

import fsspec
from fsspec.implementations.webhdfs import WebHDFS

from conformance.webhdfs.bench import Bench, Mismatch, NotHere, equal, same
from conformance.webhdfs.steps import OWNER

_MIB = 1024 * 1024


def version() -> str:
    """Return its version."""
    return str(fsspec.__version__)


def connect(bench: Bench) -> WebHDFS:
    """Return a file system of the user who is believed by name."""
    return _file_system(bench, user=OWNER)


def _file_system(bench: Bench, **words) -> WebHDFS:
    host, _, port = bench.target.door.authority.partition(":")
    return WebHDFS(host, int(port), skip_instance_cache=True, **words)


def _put(fs: WebHDFS, bench: Bench) -> None:
    content = bench.content(5000)
    fs.put_file(str(bench.local(content)), f"{bench.root}/put")
    bench.holds("put", content)


def _get(fs: WebHDFS, bench: Bench) -> None:
    content = bench.content(3 * _MIB + 17)
    bench.make("get", content)
    target = bench.folder / "got"
    fs.get_file(f"{bench.root}/get", str(target))
    equal("got", target.read_bytes(), content)


def _pieces(fs: WebHDFS, bench: Bench) -> None:
    content = bench.content(12 * _MIB + 1)
    with fs.open(f"{bench.root}/pieces", "wb", block_size=5 * _MIB) as file:
        for start in range(0, len(content), _MIB):
            file.write(content[start : start + _MIB])
    bench.holds("pieces", content)


def _append(fs: WebHDFS, bench: Bench) -> None:
    bench.make("log", b"one\n")
    try:
        with fs.open(f"{bench.root}/log", "ab") as file:
            file.write(b"two\n")
    except ValueError as error:  # requests' MissingSchema is one
        raise NotHere(f"fsspec forgets in mode `ab` where it was sent: {error}") from error
    bench.holds("log", b"one\ntwo\n")


def _ranges(fs: WebHDFS, bench: Bench) -> None:
    content = bench.content(3 * _MIB)
    bench.make("ranges", content)
    place = f"{bench.root}/ranges"
    equal("range", fs.cat_file(place, start=1_000_001, end=2_500_003), content[1_000_001:2_500_003])
    with fs.open(place, "rb", block_size=64 * 1024) as file:
        file.seek(2_000_000)
        equal("seek", file.read(70_000), content[2_000_000:2_070_000])
        file.seek(-10, 2)
        equal("end", file.read(), content[-10:])


def _list(fs: WebHDFS, bench: Bench) -> None:
    names = {"l/a", "l/b/c", "l/b/d e", "l/é"}
    for name in names:
        bench.make(name, name.encode())
    top = f"{bench.root}/l"
    same("ls", fs.ls(top), sorted(f"{bench.root}/{one}" for one in ("l/a", "l/b", "l/é")))
    same("find", set(fs.find(top)), {f"{bench.root}/{one}" for one in names})
    walked = {(folder, tuple(sorted(files))) for folder, _, files in fs.walk(top)}
    same("walk", walked, {(top, ("a", "é")), (f"{top}/b", ("c", "d e"))})
    same("glob", fs.glob(f"{top}/*/c"), [f"{top}/b/c"])
    same("du", fs.du(top), sum(len(name.encode()) for name in names))
    same("sizes", fs.info(f"{top}/é")["size"], len("l/é".encode()))
    same("exists", [fs.exists(f"{top}/a"), fs.exists(f"{top}/nobody")], [True, False])


def _mv(fs: WebHDFS, bench: Bench) -> None:
    bench.make("mv/d/one", b"one")
    fs.mv(f"{bench.root}/mv/d", f"{bench.root}/mv/e")
    bench.holds("mv/e/one", b"one")
    same("source", bench.is_there("mv/d"), wanted=False)


def _cp(fs: WebHDFS, bench: Bench) -> None:
    bench.make("cp/one", b"one")
    fs.cp_file(f"{bench.root}/cp/one", f"{bench.root}/cp/two")
    bench.holds("cp/two", b"one")
    same("names", fs.ls(f"{bench.root}/cp"), [f"{bench.root}/cp/{one}" for one in ("one", "two")])


def _rm(fs: WebHDFS, bench: Bench) -> None:
    bench.make("rm/d/one", b"one")
    fs.rm(f"{bench.root}/rm/d", recursive=True)
    same("removed", bench.is_there("rm/d"), wanted=False)
    with contextlib.suppress(FileNotFoundError):
        fs.info(f"{bench.root}/rm/d")
        raise Mismatch("info found what was removed")


def _folders(fs: WebHDFS, bench: Bench) -> None:
    fs.makedirs(f"{bench.root}/a/b/c", exist_ok=True)
    same("kind", fs.isdir(f"{bench.root}/a/b/c"), wanted=True)
    same("there", bench.is_there("a/b/c"), wanted=True)


def _attributes(fs: WebHDFS, bench: Bench) -> None:
    bench.make("attributes", b"x" * 10)
    place = f"{bench.root}/attributes"
    fs.chmod(place, "640")
    same("mode", bench.status("attributes")["permission"], "640")
    same("summary", fs.content_summary(place)["length"], 10)
    same("checksum", fs.ukey(place)["algorithm"][:4], "MD5-")
    same("home", fs.home_directory(), f"/user/{OWNER}")
    same("modified", fs.modified(place).timestamp() * 1000,
         float(bench.status("attributes")["modificationTime"]))  # fmt: skip


def _token(fs: WebHDFS, bench: Bench) -> None:
    if not bench.target.is_forebay:
        raise NotHere("a namenode without Kerberos gives tokens and takes none")
    token = fs.get_delegation_token(OWNER)
    lent = _file_system(bench, token=token)
    content = bench.content(5000)
    with lent.open(f"{bench.root}/token", "wb") as file:
        file.write(content)
    bench.holds("token", content)
    equal("read", lent.cat_file(f"{bench.root}/token"), content)
    if fs.renew_delegation_token(token) <= 0:
        raise Mismatch("renewed until never")
    fs.cancel_delegation_token(token)
    with contextlib.suppress(PermissionError, OSError):
        lent.info(f"{bench.root}/token")
        raise Mismatch("a cancelled token was taken")


def _password(_: WebHDFS, bench: Bench) -> None:
    secure = bench.target.secure
    if secure is None:
        raise NotHere("HDFS takes no passwords")
    host, _, port = secure.authority.partition(":")
    words = {"use_https": True, "session_verify": str(secure.ca_file), "skip_instance_cache": True}
    fs = WebHDFS(host, int(port), user=secure.access_key, password=secure.secret_key, **words)
    content = bench.content(5000)
    with fs.open(f"{bench.root}/password", "wb") as file:
        file.write(content)
    bench.holds("password", content)
    equal("read", fs.cat_file(f"{bench.root}/password"), content)
    wrong = WebHDFS(host, int(port), user=secure.access_key, password="guessed", **words)
    with contextlib.suppress(PermissionError):
        wrong.info(f"{bench.root}/password")
        raise Mismatch("a guessed password was taken")


CELLS = {
    "put": _put,
    "get": _get,
    "write in pieces": _pieces,
    "append": _append,
    "ranges": _ranges,
    "ls, find, walk, glob, du": _list,
    "mv": _mv,
    "cp": _cp,
    "rm": _rm,
    "makedirs": _folders,
    "chmod, summary, checksum": _attributes,
    "delegation token": _token,
    "HTTP Basic over TLS": _password,
}
