"""The operations of WebHDFS v1: name, method, parameters, and what is refused in words (pure).

Source: Hadoop, *WebHDFS REST API*, and {Get,Put,Post,Delete}OpParam. Names are compared without
case, as Hadoop does.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from gateway.model.failures import NotSupported
from gateway.protocol.webhdfs.parameters import invalid_parameter, single_value

OP: Final = "op"
METHODS: Final = ("GET", "PUT", "POST", "DELETE")


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation."""

    name: str
    method: str
    parameters: tuple[str, ...] = ()
    """What it obeys beside op; whatever else stands in the query is ignored."""
    is_two_step: bool = False
    """Whether Hadoop's server sends the client elsewhere with the body, and ours to itself."""
    refusal: str = ""
    """Why it is not done; empty for what is."""


def _rows(method: str, *rows: tuple[str, str]) -> tuple[Operation, ...]:
    return tuple(Operation(name, method, tuple(words.split())) for name, words in rows)


def _refused(method: str, names: str, refusal: str) -> tuple[Operation, ...]:
    return tuple(Operation(name, method, refusal=refusal) for name in names.split())


_ACLS: Final = (
    "Objects have one owner, one group and nine bits here, and no list of others: use "
    "SETPERMISSION and SETOWNER, or a policy of Forebay's."
)
_SNAPSHOTS: Final = (
    "Directories have no snapshots here: `forebay snapshot create` records a prefix as a read-only "
    "bucket."
)
_ERASURE: Final = "How bodies are kept is the origin's own affair: there is no erasure coding."
_STORAGE: Final = "How bodies are kept is the origin's own affair: there are no storage policies."
_QUOTAS: Final = "A bucket has no quotas: rates are bounded by identity (requests_per_second_max)."

_CREATION: Final = (
    "blocksize",
    "buffersize",
    "createflag",
    "createparent",
    "data",
    "noredirect",
    "overwrite",
    "permission",
    "replication",
    "unmaskedpermission",
)

_ROWS: Final = (
    Operation(
        "OPEN", "GET", ("offset", "length", "buffersize", "data", "noredirect"), is_two_step=True
    ),
    Operation("CREATE", "PUT", _CREATION, is_two_step=True),
    Operation("APPEND", "POST", ("buffersize", "data", "noredirect"), is_two_step=True),
    *_rows(
        "GET",
        ("GETFILESTATUS", ""),
        ("GETFILELINKSTATUS", ""),
        ("LISTSTATUS", ""),
        ("LISTSTATUS_BATCH", "startafter"),
        ("GETCONTENTSUMMARY", ""),
        ("GETQUOTAUSAGE", ""),
        ("GETFILECHECKSUM", "data noredirect"),
        ("GETHOMEDIRECTORY", ""),
        ("GETTRASHROOT", ""),
        ("GETTRASHROOTS", "allusers"),
        ("GETDELEGATIONTOKEN", "renewer kind service"),
        ("GETFILEBLOCKLOCATIONS", "offset length"),
        ("GET_BLOCK_LOCATIONS", "offset length"),
        ("GETSERVERDEFAULTS", ""),
        ("GETSTATUS", ""),
        ("CHECKACCESS", "fsaction"),
        ("GETACLSTATUS", ""),
        ("GETXATTRS", "xattr.name encoding"),
        ("LISTXATTRS", ""),
        ("GETLINKTARGET", ""),
    ),
    *_rows(
        "PUT",
        ("MKDIRS", "permission unmaskedpermission"),
        ("CREATESYMLINK", "destination createparent"),
        ("RENAME", "destination renameoptions"),
        ("SETREPLICATION", "replication"),
        ("SETOWNER", "owner group"),
        ("SETPERMISSION", "permission"),
        ("SETTIMES", "modificationtime accesstime"),
        ("SETXATTR", "xattr.name xattr.value flag"),
        ("REMOVEXATTR", "xattr.name"),
        ("RENEWDELEGATIONTOKEN", "token"),
        ("CANCELDELEGATIONTOKEN", "token"),
    ),
    *_rows("POST", ("CONCAT", "sources"), ("TRUNCATE", "newlength")),
    *_rows("DELETE", ("DELETE", "recursive")),
    *_refused("PUT", "SETACL MODIFYACLENTRIES REMOVEACLENTRIES REMOVEDEFAULTACL REMOVEACL", _ACLS),
    *_refused("PUT", "CREATESNAPSHOT RENAMESNAPSHOT ALLOWSNAPSHOT DISALLOWSNAPSHOT", _SNAPSHOTS),
    *_refused("DELETE", "DELETESNAPSHOT", _SNAPSHOTS),
    *_refused(
        "GET",
        "GETSNAPSHOTDIFF GETSNAPSHOTDIFFLISTING GETSNAPSHOTTABLEDIRECTORYLIST GETSNAPSHOTLIST",
        _SNAPSHOTS,
    ),
    *_refused("GET", "GETECPOLICY GETECPOLICIES GETECCODECS", _ERASURE),
    *_refused("PUT", "SETECPOLICY ENABLEECPOLICY DISABLEECPOLICY", _ERASURE),
    *_refused("POST", "UNSETECPOLICY", _ERASURE),
    *_refused("GET", "GETALLSTORAGEPOLICY GETSTORAGEPOLICY", _STORAGE),
    *_refused("PUT", "SETSTORAGEPOLICY SATISFYSTORAGEPOLICY", _STORAGE),
    *_refused("POST", "UNSETSTORAGEPOLICY", _STORAGE),
    *_refused("PUT", "SETQUOTA SETQUOTABYSTORAGETYPE", _QUOTAS),
)

OPERATIONS: Final[Mapping[tuple[str, str], Operation]] = {
    (one.method, one.name): one for one in _ROWS
}
"""Every operation, by method and name."""


def name_operation(method: str, values: tuple[str, ...]) -> Operation:
    """Return the operation that `op` (its values in the query) asks for.

    Raises InvalidRequest for one that is none or of another method, and NotSupported for what is
    refused.
    """
    text = single_value(OP, values) or "NULL"
    name = text.upper()
    if name == "NULL":
        raise NotSupported("op=NULL is not supported")
    operation = OPERATIONS.get((method, name))
    if operation is None:
        raise invalid_parameter(OP, f"{text[:64]} is not a valid {method} operation.")
    if operation.refusal:
        raise NotSupported(f"{name} is not supported. {operation.refusal}")
    return operation
