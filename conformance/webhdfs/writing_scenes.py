"""The operations that change the tree: files, directories, names."""

from conformance.webhdfs.steps import Scene, Step, by_stranger, file, folder, told

_STATUS = "op=GETFILESTATUS"
_STANDING: tuple[Step, ...] = (
    folder("d"),
    file("d/one"),
    file("d/two", b"two"),
    folder("d/below"),
    folder("empty"),
)


def _read(case: str, path: str) -> Step:
    return told(case, "GET", path, "op=OPEN")


_CREATE: Scene = (
    *_STANDING,
    told("new", "PUT", "new", "op=CREATE", b"a new file"),
    _read("new, read", "new"),
    told("new, its status", "GET", "new", _STATUS),
    told("noredirect", "PUT", "direct", "op=CREATE&noredirect=true", b"without a redirect"),
    _read("noredirect, read", "direct"),
    told("empty", "PUT", "nothing", "op=CREATE", b""),
    told("with parents", "PUT", "x/y/z", "op=CREATE", b"deep"),
    told("with parents, the parent", "GET", "x/y", _STATUS),
    told("without parents", "PUT", "u/v", "op=CREATE&createparent=false", b"deep"),
    told("exists", "PUT", "d/one", "op=CREATE", b"again"),
    told("exists, overwrite=false", "PUT", "d/one", "op=CREATE&overwrite=false", b"again"),
    told("overwrite", "PUT", "d/one", "op=CREATE&overwrite=true", b"again"),
    _read("overwrite, read", "d/one"),
    told("over a directory", "PUT", "d", "op=CREATE&overwrite=true", b"x"),
    told("over a directory, noredirect", "PUT", "d", "op=CREATE&noredirect=true", b"x"),
    told("below a file", "PUT", "d/one/x", "op=CREATE", b"x"),
    told("permission", "PUT", "p", "op=CREATE&permission=600", b"x"),
    told("permission, its status", "GET", "p", _STATUS),
    told("bad permission", "PUT", "q", "op=CREATE&permission=9", b"x"),
    told("bad overwrite", "PUT", "q", "op=CREATE&overwrite=maybe", b"x"),
    told("all parameters", "PUT", "q", "op=CREATE&blocksize=1048576&replication=1&buffersize=4096"
         "&overwrite=true&permission=644", b"x"),
    told("bad replication", "PUT", "q", "op=CREATE&replication=0", b"x"),
    told("bad blocksize", "PUT", "q", "op=CREATE&blocksize=0", b"x"),
    told("escaped name", "PUT", "a%20b%2Bc%25%C3%A9", "op=CREATE", b"x"),
    told("escaped name, listed", "GET", "a%20b%2Bc%25%C3%A9", "op=LISTSTATUS"),
    by_stranger("permission denied", "PUT", "d/theirs", "op=CREATE", b"x"),
)  # fmt: skip

_APPEND: Scene = (
    *_STANDING,
    told("to a file", "POST", "d/two", "op=APPEND", b" and more"),
    _read("to a file, read", "d/two"),
    told("noredirect", "POST", "d/two", "op=APPEND&noredirect=true", b", and more"),
    _read("noredirect, read", "d/two"),
    told("nothing", "POST", "d/two", "op=APPEND", b""),
    told("absent", "POST", "nobody", "op=APPEND", b"x"),
    told("directory", "POST", "d", "op=APPEND", b"x"),
    told("below a file", "POST", "d/one/x", "op=APPEND", b"x"),
    by_stranger("permission denied", "POST", "d/one", "op=APPEND", b"x"),
)

_CONCAT: Scene = (
    folder("c"),
    *(file(f"c/{name}", name.encode() * 1024, "&blocksize=1024") for name in "abcd"),
    file("c/empty", b""),
    folder("c/below"),
    told("of two", "POST", "c/a", "op=CONCAT&sources={here}/c/b,{here}/c/c"),
    told("of two, the target", "GET", "c/a", _STATUS),
    told("of two, a source", "GET", "c/b", _STATUS),
    told("absent target", "POST", "c/nobody", "op=CONCAT&sources={here}/c/d"),
    told("absent source", "POST", "c/a", "op=CONCAT&sources={here}/c/nobody"),
    told("no sources", "POST", "c/a", "op=CONCAT"),
    told("empty sources", "POST", "c/a", "op=CONCAT&sources="),
    told("itself", "POST", "c/a", "op=CONCAT&sources={here}/c/a"),
    told("twice the same", "POST", "c/a", "op=CONCAT&sources={here}/c/d,{here}/c/d"),
    told("directory as target", "POST", "c/below", "op=CONCAT&sources={here}/c/d"),
    told("directory as source", "POST", "c/a", "op=CONCAT&sources={here}/c/below"),
    told("relative source", "POST", "c/a", "op=CONCAT&sources=c/d"),
    by_stranger("permission denied", "POST", "c/a", "op=CONCAT&sources={here}/c/d"),
)

_TRUNCATE: Scene = (
    *_STANDING,
    file("whole"),
    told("to less", "POST", "d/one", "op=TRUNCATE&newlength=10"),
    file("d/blocks", b"x" * 4096, "&blocksize=1024"),
    told("at a block's end", "POST", "d/blocks", "op=TRUNCATE&newlength=2048"),
    told("at a block's end, its status", "GET", "d/blocks", _STATUS),
    file("d/zero"),
    told("to nothing", "POST", "d/zero", "op=TRUNCATE&newlength=0"),
    told("to its length", "POST", "whole", "op=TRUNCATE&newlength=36"),
    told("to more", "POST", "whole", "op=TRUNCATE&newlength=100"),
    told("below 0", "POST", "whole", "op=TRUNCATE&newlength=-1"),
    told("no length", "POST", "whole", "op=TRUNCATE"),
    told("bad length", "POST", "whole", "op=TRUNCATE&newlength=x"),
    told("absent", "POST", "nobody", "op=TRUNCATE&newlength=1"),
    told("directory", "POST", "d", "op=TRUNCATE&newlength=1"),
    by_stranger("permission denied", "POST", "whole", "op=TRUNCATE&newlength=1"),
)

_MKDIRS: Scene = (
    *_STANDING,
    told("new", "PUT", "new", "op=MKDIRS"),
    told("new, its status", "GET", "new", _STATUS),
    told("exists", "PUT", "new", "op=MKDIRS"),
    told("with parents", "PUT", "x/y/z", "op=MKDIRS"),
    told("with parents, a parent", "GET", "x/y", _STATUS),
    told("permission", "PUT", "p", "op=MKDIRS&permission=700"),
    told("permission, its status", "GET", "p", _STATUS),
    told("bad permission", "PUT", "q", "op=MKDIRS&permission=888"),
    told("over a file", "PUT", "d/one", "op=MKDIRS"),
    told("below a file", "PUT", "d/one/x", "op=MKDIRS"),
    told("below below a file", "PUT", "d/one/x/y", "op=MKDIRS"),
    told("escaped name", "PUT", "a%20b%2Bc", "op=MKDIRS"),
    by_stranger("permission denied", "PUT", "d/theirs", "op=MKDIRS"),
)


def _rename(case: str, source: str, target: str, more: str = "") -> Step:
    return told(case, "PUT", source, f"op=RENAME&destination={target}{more}")


_RENAME: Scene = (
    *_STANDING,
    _rename("of a file", "d/one", "{here}/d/uno"),
    told("of a file, the old name", "GET", "d/one", _STATUS),
    _read("of a file, read", "d/uno"),
    _rename("of a directory", "d", "{here}/e"),
    _read("of a directory, read", "e/uno"),
    _rename("into a directory", "e/two", "{here}/empty"),
    _read("into a directory, read", "empty/two"),
    file("a", b"a"),
    file("b", b"b"),
    _rename("onto a file", "a", "{here}/b"),
    _read("onto a file, the target", "b"),
    _rename("onto itself", "a", "{here}/a"),
    _rename("directory onto itself", "e", "{here}/e"),
    _rename("directory into itself", "e", "{here}/e/below/e"),
    _rename("directory onto a file", "e", "{here}/a"),
    _rename("absent source", "nobody", "{here}/c"),
    _rename("absent parent of the target", "a", "{here}/nowhere/a"),
    _rename("below a file", "a", "{here}/b/a"),
    told("no destination", "PUT", "a", "op=RENAME"),
    _rename("relative destination", "a", "b2"),
    _rename("destination with a scheme", "a", "hdfs://elsewhere/b"),
    _rename("escaped name", "a", "{here}/a%20b%2Bc%25%C3%A9"),
    _rename("and back", "a%20b%2Bc%25%C3%A9", "{here}/a"),
    _rename("options none, onto a file", "a", "{here}/b", "&renameoptions=NONE"),
    _rename("options none, new", "a", "{here}/a2", "&renameoptions=NONE"),
    _rename("options none, absent", "nobody", "{here}/a2", "&renameoptions=NONE"),
    _rename("overwrite a file", "a2", "{here}/b", "&renameoptions=OVERWRITE"),
    _read("overwrite a file, read", "b"),
    folder("hollow"),
    folder("full"),
    file("full/file"),
    _rename("overwrite an empty directory", "full", "{here}/hollow", "&renameoptions=OVERWRITE"),
    folder("other"),
    _rename("overwrite a full directory", "other", "{here}/hollow", "&renameoptions=OVERWRITE"),
    _rename("overwrite a file by a directory", "other", "{here}/b", "&renameoptions=OVERWRITE"),
    _rename("bad options", "other", "{here}/b", "&renameoptions=PERHAPS"),
    by_stranger("permission denied", "PUT", "b", "op=RENAME&destination={here}/bob"),
)

_DELETE: Scene = (
    *_STANDING,
    told("file", "DELETE", "d/one", "op=DELETE"),
    told("file, its status", "GET", "d/one", _STATUS),
    told("absent", "DELETE", "d/one", "op=DELETE"),
    told("absent parent", "DELETE", "nobody/there", "op=DELETE"),
    told("below a file", "DELETE", "d/two/x", "op=DELETE"),
    told("empty directory", "DELETE", "empty", "op=DELETE"),
    by_stranger("permission denied", "DELETE", "d/two", "op=DELETE"),
    by_stranger("permission denied, recursive", "DELETE", "d", "op=DELETE&recursive=true"),
    told("full directory", "DELETE", "d", "op=DELETE"),
    told("full directory, recursive=false", "DELETE", "d", "op=DELETE&recursive=false"),
    told("bad recursive", "DELETE", "d", "op=DELETE&recursive=maybe"),
    told("full directory, recursive", "DELETE", "d", "op=DELETE&recursive=true"),
    told("full directory, its status", "GET", "d", _STATUS),
    folder("parent"),
    file("parent/only"),
    told("last child", "DELETE", "parent/only", "op=DELETE"),
    told("last child, the parent", "GET", "parent", _STATUS),
)

WRITING: dict[str, Scene] = {
    "CREATE": _CREATE,
    "APPEND": _APPEND,
    "CONCAT": _CONCAT,
    "TRUNCATE": _TRUNCATE,
    "MKDIRS": _MKDIRS,
    "RENAME": _RENAME,
    "DELETE": _DELETE,
}
