"""One answer beside real HDFS's: the same outcome, or what is not the same, in words (pure).

Compared is where the asking ended, be it after one step or two: the status, the exception, and
every value of the document that is the files' own. The words of an exception are not: they are for
people. What a namenode knows of itself, blocks and replicas above all, is its own affair.
"""

import json
from collections.abc import Iterator, Mapping

Record = dict[str, object]

SERVERS_OWN = {
    "blockSize": "a block is what the server says one is",
    "replication": "an object has no replicas to count",
    "storagePolicy": "there are no storage policies",
    "fileId": "an object has no inode",
    "childrenNum": "not counted: a directory would have to be listed",
    "accessTime": "reading does not change an object",
    "defaultStoragePolicyId": "there are no storage policies",
    "modificationTime": "of a directory: a parent is not touched when its children change",
}
"""Values that are the server's own, with the reason; that they are there is compared."""
_TIMES = {"modificationTime", "accessTime"}
_NEEDLESS = {"snapshotEnabled"}
"""Left out where it is not so."""
_UNORDERED = {"XAttrs", "XAttrNames"}
"""A namenode tells them in the order of its own hashes."""


def outcome(record: Record) -> Record:
    """Return the last answer of a record."""
    then = record.get("then")
    return then if isinstance(then, dict) else record


def differences(wanted: Record, got: Record) -> Iterator[str]:
    """Yield what is not as HDFS has it."""
    ours, theirs = outcome(got), outcome(wanted)
    if ours["status"] != theirs["status"]:
        yield f"{_shown(ours)} instead of {_shown(theirs)}"
        return
    if exception_of(ours) != exception_of(theirs):
        yield f"{exception_of(ours)} instead of {exception_of(theirs)}"
        return
    if exception_of(theirs):
        return
    if ours.get("body", "") != theirs.get("body", ""):
        yield f"body {str(ours.get('body'))[:60]!r} instead of {str(theirs.get('body'))[:60]!r}"
    yield from _in_documents("", theirs.get("json"), ours.get("json"))


def exception_of(answer: Record) -> str:
    """Return the class of the exception; '' where there is none."""
    document = answer.get("json")
    told = document.get("RemoteException") if isinstance(document, dict) else None
    return str(told.get("javaClassName")) if isinstance(told, dict) else ""


def _shown(answer: Record) -> str:
    exception = exception_of(answer).rpartition(".")[2]
    return f"{answer['status']} {exception}".strip()


def _in_documents(path: str, wanted: object, got: object) -> Iterator[str]:
    if isinstance(wanted, Mapping) and isinstance(got, Mapping):
        if missing := sorted(set(wanted) - set(got) - _NEEDLESS):
            yield f"{path} lacks {', '.join(missing)}"
        for name in wanted:
            if name in got:
                yield from _in_values(f"{path}.{name}", name, wanted[name], got[name])
    elif isinstance(wanted, list) and isinstance(got, list):
        if len(wanted) != len(got):
            yield f"{path} has {len(got)} entries instead of {len(wanted)}"
        for number, (theirs, ours) in enumerate(zip(wanted, got, strict=False)):
            yield from _in_documents(f"{path}[{number}]", theirs, ours)
    elif wanted != got:
        yield f"{path} is {got!r} instead of {wanted!r}"


def _in_values(path: str, name: str, wanted: object, got: object) -> Iterator[str]:
    if name in SERVERS_OWN and not (name in _TIMES and _is_set(wanted)):
        if type(wanted) is not type(got) and "<" not in f"{wanted}{got}":
            yield f"{path} is {got!r}, of another type than {wanted!r}"
    elif isinstance(wanted, str) and wanted[:1] == "<" and isinstance(got, str | int):
        return
    elif name in _UNORDERED:
        yield from _in_documents(path, _ordered(wanted), _ordered(got))
    else:
        yield from _in_documents(path, wanted, got)


def _ordered(value: object) -> object:
    """Return names or attributes in an order; LISTXATTRS has its names in a text."""
    listed = json.loads(value) if isinstance(value, str) else value
    return sorted(listed, key=str) if isinstance(listed, list) else listed


def _is_set(moment: object) -> bool:
    """Return whether a scene set this time itself: then it is the file's own."""
    return isinstance(moment, int) and moment > 0
