"""The operations that read: status, listings, bodies, summaries, checksums, places."""

from conformance.webhdfs.steps import Scene, Step, by_stranger, file, folder, told


def _simple(operation: str, *, more: tuple[Step, ...] = (), query: str = "") -> Scene:
    """Return the scene of an operation that takes a path and little else."""
    op = f"op={operation}{query}"
    return (
        folder("d"),
        file("d/one"),
        folder("d/below"),
        file("d/below/two", b"two"),
        file("empty", b""),
        folder("secret", "&permission=700"),
        file("secret/file"),
        told("file", "GET", "d/one", op),
        told("directory", "GET", "d", op),
        told("empty file", "GET", "empty", op),
        told("absent", "GET", "nobody", op),
        told("absent parent", "GET", "nobody/there", op),
        told("below a file", "GET", "d/one/x", op),
        by_stranger("permission denied", "GET", "secret/file", op),
        *more,
    )


def _encoded_names(op: str) -> tuple[Step, ...]:
    return (
        file("d/a%20b%2Bc%25%C3%A9"),
        told("escaped name", "GET", "d/a%20b%2Bc%25%C3%A9", op),
        told("plus sign", "GET", "d/a%20b+c%25%C3%A9", op),
    )


_STATUS: Scene = _simple(
    "GETFILESTATUS",
    more=(
        *_encoded_names("op=GETFILESTATUS"),
        told("slash at the end", "GET", "d/", "op=GETFILESTATUS"),
        told("slash behind a file", "GET", "d/one/", "op=GETFILESTATUS"),
        told("two slashes", "GET", "d//one", "op=GETFILESTATUS"),
        told("dots", "GET", "d/below/../one", "op=GETFILESTATUS"),
        told("small letters", "GET", "d/one", "op=getfilestatus"),
        folder("mode", "&permission=1777"),
        told("sticky", "GET", "mode", "op=GETFILESTATUS"),
        told("the root", "GET", "/", "op=GETFILESTATUS"),
    ),
)

_LIST: Scene = _simple(
    "LISTSTATUS",
    more=(
        folder("none"),
        told("empty directory", "GET", "none", "op=LISTSTATUS"),
        folder("order"),
        *(file(f"order/{name}", b"") for name in ("b", "a", "B", "a.b", "a-b", "Z%20")),
        folder("order/a0"),
        told("order", "GET", "order", "op=LISTSTATUS"),
        file("order/%C3%A9", b""),
        told("order beyond ASCII", "GET", "order", "op=LISTSTATUS"),
        by_stranger("directory denied", "GET", "secret", "op=LISTSTATUS"),
    ),
)

_LIST_BATCH: Scene = _simple(
    "LISTSTATUS_BATCH",
    more=(
        folder("none"),
        told("empty directory", "GET", "none", "op=LISTSTATUS_BATCH"),
        told("behind the first", "GET", "d", "op=LISTSTATUS_BATCH&startAfter=below"),
        told("behind one that is absent", "GET", "d", "op=LISTSTATUS_BATCH&startAfter=c"),
        told("behind the last", "GET", "d", "op=LISTSTATUS_BATCH&startAfter=one"),
        told("startAfter is empty", "GET", "d", "op=LISTSTATUS_BATCH&startAfter="),
    ),
)

_OPEN: Scene = _simple(
    "OPEN",
    more=(
        *_encoded_names("op=OPEN"),
        told("offset", "GET", "d/one", "op=OPEN&offset=10"),
        told("offset and length", "GET", "d/one", "op=OPEN&offset=10&length=5"),
        told("length", "GET", "d/one", "op=OPEN&length=3"),
        told("length beyond the end", "GET", "d/one", "op=OPEN&offset=30&length=100"),
        told("length of nothing", "GET", "d/one", "op=OPEN&offset=3&length=0"),
        told("offset at the end", "GET", "d/one", "op=OPEN&offset=36"),
        told("offset beyond the end", "GET", "d/one", "op=OPEN&offset=37"),
        told("offset below 0", "GET", "d/one", "op=OPEN&offset=-1"),
        told("length below 0", "GET", "d/one", "op=OPEN&length=-1"),
        told("offset is no number", "GET", "d/one", "op=OPEN&offset=x"),
        told("length is no number", "GET", "d/one", "op=OPEN&length=x"),
        told("buffersize", "GET", "d/one", "op=OPEN&buffersize=4096"),
        told("bad buffersize", "GET", "d/one", "op=OPEN&buffersize=0"),
        told("noredirect", "GET", "d/one", "op=OPEN&noredirect=true"),
        told("noredirect, offset", "GET", "d/one", "op=OPEN&offset=5&noredirect=true"),
        told("noredirect, absent", "GET", "nobody", "op=OPEN&noredirect=true"),
        told("noredirect is no boolean", "GET", "d/one", "op=OPEN&noredirect=maybe"),
    ),
)

_CHECKSUM: Scene = _simple(
    "GETFILECHECKSUM",
    more=(told("noredirect", "GET", "d/one", "op=GETFILECHECKSUM&noredirect=true"),),
)

_ACCESS: Scene = _simple(
    "CHECKACCESS",
    query="&fsaction=r--",
    more=(
        told("all", "GET", "d", "op=CHECKACCESS&fsaction=rwx"),
        told("execution of a file", "GET", "d/one", "op=CHECKACCESS&fsaction=--x"),
        told("nothing", "GET", "d/one", "op=CHECKACCESS&fsaction=---"),
        told("no fsaction", "GET", "d/one", "op=CHECKACCESS"),
        told("bad fsaction", "GET", "d/one", "op=CHECKACCESS&fsaction=rq"),
        by_stranger("writing denied", "GET", "d/one", "op=CHECKACCESS&fsaction=-w-"),
        by_stranger("reading", "GET", "d/one", "op=CHECKACCESS&fsaction=r--"),
    ),
)


def _locations(operation: str) -> Scene:
    return _simple(
        operation,
        more=(
            told("range", "GET", "d/one", f"op={operation}&offset=4&length=8"),
            told("beyond the end", "GET", "d/one", f"op={operation}&offset=100&length=8"),
            told("bad offset", "GET", "d/one", f"op={operation}&offset=-3&length=8"),
        ),
    )


READING: dict[str, Scene] = {
    "GETFILESTATUS": _STATUS,
    "GETFILELINKSTATUS": _simple("GETFILELINKSTATUS"),
    "LISTSTATUS": _LIST,
    "LISTSTATUS_BATCH": _LIST_BATCH,
    "OPEN": _OPEN,
    "GETCONTENTSUMMARY": _simple("GETCONTENTSUMMARY"),
    "GETQUOTAUSAGE": _simple("GETQUOTAUSAGE"),
    "GETFILECHECKSUM": _CHECKSUM,
    "GETFILEBLOCKLOCATIONS": _locations("GETFILEBLOCKLOCATIONS"),
    "GET_BLOCK_LOCATIONS": _locations("GET_BLOCK_LOCATIONS"),
    "CHECKACCESS": _ACCESS,
    "GETACLSTATUS": _simple("GETACLSTATUS"),
    "GETLINKTARGET": _simple("GETLINKTARGET"),
}
