"""The operations on attributes and on the server itself, and what is no operation."""

from conformance.webhdfs.steps import Scene, Step, by_stranger, file, folder, told

_STATUS = "op=GETFILESTATUS"
_STANDING: tuple[Step, ...] = (folder("d"), file("d/one"))


def _change(operation: str, good: str, *more: Step) -> Scene:
    """Return the scene of an operation that changes an attribute."""
    op = f"op={operation}{good}"
    return (
        *_STANDING,
        told("file", "PUT", "d/one", op),
        told("file, its status", "GET", "d/one", _STATUS),
        told("directory", "PUT", "d", op),
        told("directory, its status", "GET", "d", _STATUS),
        told("absent", "PUT", "nobody", op),
        told("below a file", "PUT", "d/one/x", op),
        by_stranger("permission denied", "PUT", "d/one", op),
        *more,
    )


_SETPERMISSION: Scene = _change(
    "SETPERMISSION",
    "&permission=750",
    told("sticky", "PUT", "d", "op=SETPERMISSION&permission=1777"),
    told("sticky, its status", "GET", "d", _STATUS),
    told("nothing given", "PUT", "d/one", "op=SETPERMISSION"),
    told("nothing given, its status", "GET", "d/one", _STATUS),
    told("bad", "PUT", "d/one", "op=SETPERMISSION&permission=rwx"),
    told("too large", "PUT", "d/one", "op=SETPERMISSION&permission=77777"),
)

_SETOWNER: Scene = _change(
    "SETOWNER",
    "&owner=alice&group=staff",
    told("group alone", "PUT", "d/one", "op=SETOWNER&group=staff"),
    told("owner alone", "PUT", "d/one", "op=SETOWNER&owner=alice"),
    told("nothing given", "PUT", "d/one", "op=SETOWNER"),
    told("another owner", "PUT", "d/one", "op=SETOWNER&owner=bob"),
    Step("PUT", "d/one", "op=SETOWNER&owner=carol&group=others", "by a superuser", "hdfs"),
    told("by a superuser, its status", "GET", "d/one", _STATUS),
)

_SETTIMES: Scene = _change(
    "SETTIMES",
    "&modificationtime=1234567890123&accesstime=1234567890456",
    told("modification alone", "PUT", "d/one", "op=SETTIMES&modificationtime=1000000000000"),
    told("modification alone, its status", "GET", "d/one", _STATUS),
    told("access alone", "PUT", "d/one", "op=SETTIMES&accesstime=1111111111111"),
    told("access alone, its status", "GET", "d/one", _STATUS),
    told("nothing given", "PUT", "d/one", "op=SETTIMES"),
    told("minus one", "PUT", "d/one", "op=SETTIMES&modificationtime=-1&accesstime=-1"),
    told("bad", "PUT", "d/one", "op=SETTIMES&modificationtime=yesterday"),
    told("minus two", "PUT", "d/one", "op=SETTIMES&modificationtime=-2"),
)

_SETREPLICATION: Scene = _change(
    "SETREPLICATION",
    "&replication=1",
    told("nothing given", "PUT", "d/one", "op=SETREPLICATION"),
    told("zero", "PUT", "d/one", "op=SETREPLICATION&replication=0"),
    told("bad", "PUT", "d/one", "op=SETREPLICATION&replication=many"),
)


def _set(name: str, value: str, flag: str) -> str:
    return f"op=SETXATTR&xattr.name={name}&xattr.value={value}&flag={flag}"


_SETXATTR: Scene = _change(
    "SETXATTR",
    "&xattr.name=user.colour&xattr.value=%22green%22&flag=CREATE",
    told("create again", "PUT", "d/one", _set("user.colour", "%22red%22", "CREATE")),
    told("replace", "PUT", "d/one", _set("user.colour", "%22blue%22", "REPLACE")),
    told("replace what is absent", "PUT", "d/one", _set("user.none", "%22x%22", "REPLACE")),
    told("hexadecimal", "PUT", "d/one", _set("user.hex", "0x00ff10", "CREATE")),
    told("base64", "PUT", "d/one", _set("user.base64", "0sAP8Q", "CREATE")),
    told("no value", "PUT", "d/one", "op=SETXATTR&xattr.name=user.empty&flag=CREATE"),
    told("no namespace", "PUT", "d/one", _set("colour", "%22x%22", "CREATE")),
    told("unknown namespace", "PUT", "d/one", _set("mine.colour", "%22x%22", "CREATE")),
    told("trusted by no superuser", "PUT", "d/one", _set("trusted.x", "%22x%22", "CREATE")),
    told("no name", "PUT", "d/one", "op=SETXATTR&xattr.value=%22x%22&flag=CREATE"),
    told("no flag", "PUT", "d/one", "op=SETXATTR&xattr.name=user.f&xattr.value=%22x%22"),
    told("bad flag", "PUT", "d/one", _set("user.f", "%22x%22", "PERHAPS")),
    told("bad value", "PUT", "d/one", _set("user.f", "0xzz", "CREATE")),
    told("all of them", "GET", "d/one", "op=GETXATTRS&encoding=HEX"),
)

_WITH_XATTRS: tuple[Step, ...] = (
    *_STANDING,
    file("bare"),
    Step("PUT", "d/one", _set("user.colour", "%22green%22", "CREATE")),
    Step("PUT", "d/one", _set("user.shape", "%22round%22", "CREATE")),
    Step("PUT", "d/one", _set("user.raw", "0x00ff10", "CREATE")),
    folder("secret", "&permission=700"),
    file("secret/file"),
)


def _named(*names: str) -> str:
    return "".join(f"&xattr.name={name}" for name in names)


_TEXT = "op=GETXATTRS&encoding=TEXT"
_GETXATTRS: Scene = (
    *_WITH_XATTRS,
    told("no encoding", "GET", "d/one", "op=GETXATTRS"),
    told("all", "GET", "d/one", "op=GETXATTRS&encoding=HEX"),
    told("one", "GET", "d/one", f"{_TEXT}{_named('user.colour')}"),
    told("two", "GET", "d/one", f"{_TEXT}{_named('user.colour', 'user.shape')}"),
    told("hex", "GET", "d/one", f"op=GETXATTRS{_named('user.raw')}&encoding=HEX"),
    told("base64", "GET", "d/one", f"op=GETXATTRS{_named('user.raw')}&encoding=BASE64"),
    told("small letters", "GET", "d/one", f"op=GETXATTRS{_named('user.raw')}&encoding=hex"),
    told("bad encoding", "GET", "d/one", "op=GETXATTRS&encoding=MORSE"),
    told("one that is absent", "GET", "d/one", f"{_TEXT}{_named('user.none')}"),
    told("one there, one absent", "GET", "d/one", f"{_TEXT}{_named('user.colour', 'user.none')}"),
    told("bad name", "GET", "d/one", f"{_TEXT}{_named('colour')}"),
    told("of a file without", "GET", "bare", _TEXT),
    told("absent", "GET", "nobody", _TEXT),
    by_stranger("permission denied", "GET", "secret/file", _TEXT),
)

_LISTXATTRS: Scene = (
    *_WITH_XATTRS,
    told("file", "GET", "d/one", "op=LISTXATTRS"),
    told("of a file without", "GET", "bare", "op=LISTXATTRS"),
    told("absent", "GET", "nobody", "op=LISTXATTRS"),
    by_stranger("permission denied", "GET", "secret/file", "op=LISTXATTRS"),
)

_REMOVEXATTR: Scene = (
    *_WITH_XATTRS,
    told("one", "PUT", "d/one", f"op=REMOVEXATTR{_named('user.colour')}"),
    told("what is left", "GET", "d/one", "op=GETXATTRS&encoding=HEX"),
    told("again", "PUT", "d/one", f"op=REMOVEXATTR{_named('user.colour')}"),
    told("bad name", "PUT", "d/one", f"op=REMOVEXATTR{_named('colour')}"),
    told("no name", "PUT", "d/one", "op=REMOVEXATTR"),
    told("absent", "PUT", "nobody", f"op=REMOVEXATTR{_named('user.colour')}"),
    by_stranger("permission denied", "PUT", "d/one", f"op=REMOVEXATTR{_named('user.shape')}"),
)

_TOKENS: Scene = (
    told("get", "GET", "/", "op=GETDELEGATIONTOKEN"),
    told("get, with a renewer", "GET", "/", "op=GETDELEGATIONTOKEN&renewer=alice"),
    told("get, with a kind", "GET", "/", "op=GETDELEGATIONTOKEN&kind=WEBHDFS%20delegation"),
    told("renew nothing", "PUT", "/", "op=RENEWDELEGATIONTOKEN"),
    told("renew rubbish", "PUT", "/", "op=RENEWDELEGATIONTOKEN&token=rubbish"),
    told("cancel nothing", "PUT", "/", "op=CANCELDELEGATIONTOKEN"),
    told("cancel rubbish", "PUT", "/", "op=CANCELDELEGATIONTOKEN&token=rubbish"),
    Step("GET", "/", "op=GETFILESTATUS&delegation=rubbish", "ask with rubbish", ""),
)
"""What takes a token that was given is `tokens` of the raw part: no golden file can hold one."""

_SERVER: Scene = (
    *_STANDING,
    told("home", "GET", "/", "op=GETHOMEDIRECTORY"),
    told("home, of a path", "GET", "d", "op=GETHOMEDIRECTORY"),
    told("server defaults", "GET", "/", "op=GETSERVERDEFAULTS"),
    told("status", "GET", "/", "op=GETSTATUS"),
    told("trash root", "GET", "d/one", "op=GETTRASHROOT"),
    told("trash root of the root", "GET", "/", "op=GETTRASHROOT"),
    told("trash root of the absent", "GET", "nobody", "op=GETTRASHROOT"),
    told("trash roots", "GET", "/", "op=GETTRASHROOTS"),
)

_REFUSED: Scene = (
    *_STANDING,
    told("no operation", "GET", "d/one", ""),
    told("unknown operation", "GET", "d/one", "op=FROBNICATE"),
    told("another method's operation", "GET", "d/one", "op=MKDIRS"),
    told("another method's operation, PUT", "PUT", "d/one", "op=OPEN"),
    told("another method's operation, POST", "POST", "d/one", "op=OPEN"),
    told("another method's operation, DELETE", "DELETE", "d/one", "op=OPEN"),
    told("unknown operation, PUT", "PUT", "d/one", "op=FROBNICATE"),
    told("no operation, DELETE", "DELETE", "d/one", ""),
    told("unknown parameter", "GET", "d/one", "op=GETFILESTATUS&nobody=knows"),
    told("operation twice", "GET", "d/one", "op=GETFILESTATUS&op=OPEN"),
    told("symbolic link", "PUT", "link", "op=CREATESYMLINK&destination={here}/d/one"),
    told("options of HTTP", "OPTIONS", "d/one", "op=OPEN"),
    told("patch", "PATCH", "d/one", "op=OPEN"),
    Step("GET", "d/one", "op=GETFILESTATUS", "no user", ""),
    Step("GET", "d/one", "op=GETFILESTATUS&user.name=a%2Fb", "bad user", ""),
)

_SNAPSHOTS: Scene = (
    *_STANDING,
    told("create", "PUT", "d", "op=CREATESNAPSHOT&snapshotname=s"),
    told("delete", "DELETE", "d", "op=DELETESNAPSHOT&snapshotname=s"),
    told("difference", "GET", "d", "op=GETSNAPSHOTDIFF&oldsnapshotname=a&snapshotname=b"),
    told("allow", "PUT", "d", "op=ALLOWSNAPSHOT"),
    told("set an ACL", "PUT", "d", "op=SETACL&aclspec=user::rwx,group::r-x,other::r--"),
    told("storage policies", "GET", "/", "op=GETALLSTORAGEPOLICY"),
    told("quota", "PUT", "d", "op=SETQUOTA&namespacequota=10&storagespacequota=10"),
    told("erasure coding policy", "GET", "d", "op=GETECPOLICY"),
)

ATTRIBUTES: dict[str, Scene] = {
    "SETPERMISSION": _SETPERMISSION,
    "SETOWNER": _SETOWNER,
    "SETTIMES": _SETTIMES,
    "SETREPLICATION": _SETREPLICATION,
    "SETXATTR": _SETXATTR,
    "GETXATTRS": _GETXATTRS,
    "LISTXATTRS": _LISTXATTRS,
    "REMOVEXATTR": _REMOVEXATTR,
    "TOKENS": _TOKENS,
    "SERVER": _SERVER,
    "REFUSED": _REFUSED,
    "SNAPSHOTS_ACLS_POLICIES": _SNAPSHOTS,
}
