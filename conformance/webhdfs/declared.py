"""Where Forebay answers otherwise than HDFS on purpose: which answer it must be, and why (pure)."""

from dataclasses import dataclass

from conformance.webhdfs.comparing import Record, exception_of, outcome


@dataclass(frozen=True, slots=True)
class Declared:
    """An answer that differs, and must be exactly this."""

    status: int
    words: str
    exception: str = ""
    differing: str = ""
    """What of the document differs, where both are documents: the beginning of its place."""

    def holds(self, record: Record, found: str) -> bool:
        """Return whether an answer is what was declared; `found` is how it differs from HDFS's."""
        answer = outcome(record)
        name = exception_of(answer).rpartition(".")[2].rpartition("$")[2]
        places = [one.strip() for one in found.split(";")]
        return (
            answer["status"] == self.status
            and name == self.exception
            and all(one.startswith(self.differing) for one in places)
        )


def _refused(words: str) -> Declared:
    return Declared(400, words, "UnsupportedOperationException")


_BELOW = "an object has no ancestors to look at: nothing is there"
_ABSENT = Declared(404, _BELOW, "FileNotFoundException")
_NOTHING = Declared(200, _BELOW)
_BAD = "the question is bad, and so is not refused as a matter of rights"
_POLICIES = "policies judge, not modes, owners or superusers (filesystem.permissions)"
_TOKEN = Declared(403, "a token that cannot be opened is refused as such", "SecurityException")
_METHOD = Declared(405, "it is no method of WebHDFS", "UnsupportedOperationException")
_PARENT = Declared(
    200,
    "a parent needs no marker, and without one has the default owner",
    differing=".FileStatus.",
)
_SNAPSHOTS = _refused("no HDFS snapshots here: `forebay snapshot create`")

DECLARED: dict[tuple[str, str], Declared] = {
    ("DELETE", "below a file"): _NOTHING,
    ("SETREPLICATION", "below a file"): _NOTHING,
    ("SETREPLICATION", "permission denied"): Declared(
        200, "it has no effect, so whoever may look may ask"
    ),
    ("GETFILESTATUS", "dots"): Declared(
        400, "`..` is no part of a path, whoever asks", "InvalidPathException"
    ),
    ("LISTSTATUS", "order beyond ASCII"): Declared(
        200, "names stand in the order of their bytes, which HDFS takes as signed",
        differing=".FileStatuses.FileStatus[",
    ),
    ("CHECKACCESS", "execution of a file"): Declared(200, _POLICIES),
    ("CREATE", "with parents, the parent"): _PARENT,
    ("CONCAT", "relative source"): Declared(400, _BAD, "IllegalArgumentException"),
    ("TRUNCATE", "to less"): Declared(
        200, "it is done when it is answered: no block is recovered afterwards",
        differing=".boolean",
    ),
    ("SETOWNER", "another owner"): Declared(200, _POLICIES),
    ("SETXATTR", "trusted by no superuser"): Declared(200, _POLICIES),
    ("SETXATTR", "all of them"): Declared(
        200, "with trusted.x, which was not refused, and what needed no flag", differing=".XAttrs"
    ),
    ("SETXATTR", "no flag"): Declared(200, "without a flag it is set, there or not"),
    ("SETXATTR", "bad value"): Declared(400, _BAD, "IllegalArgumentException"),
    ("GETXATTRS", "no encoding"): Declared(200, "without an encoding they are told as text"),
    ("TOKENS", "renew rubbish"): _TOKEN,
    ("TOKENS", "cancel rubbish"): _TOKEN,
    ("TOKENS", "ask with rubbish"): _TOKEN,
    ("SERVER", "trash roots"): Declared(
        200, "none is an empty list, not null", differing=".Paths"
    ),
    ("REFUSED", "operation twice"): Declared(
        400, "nobody knows which is meant", "IllegalArgumentException"
    ),
    ("REFUSED", "options of HTTP"): Declared(
        200, "it is where Hadoop's client shows its Kerberos ticket"
    ),
    ("REFUSED", "patch"): _METHOD,
    ("REFUSED", "no user"): Declared(
        401, "who does not say who it is is nobody, not dr.who", "AccessControlException"
    ),
    ("SNAPSHOTS_ACLS_POLICIES", "create"): _SNAPSHOTS,
    ("SNAPSHOTS_ACLS_POLICIES", "delete"): _SNAPSHOTS,
    ("SNAPSHOTS_ACLS_POLICIES", "difference"): _SNAPSHOTS,
    ("SNAPSHOTS_ACLS_POLICIES", "allow"): _SNAPSHOTS,
    ("SNAPSHOTS_ACLS_POLICIES", "set an ACL"): _refused("objects have nine bits and no more"),
    ("SNAPSHOTS_ACLS_POLICIES", "storage policies"): _refused("how is the origin's affair"),
    ("SNAPSHOTS_ACLS_POLICIES", "erasure coding policy"): _refused("how is the origin's affair"),
    ("SNAPSHOTS_ACLS_POLICIES", "quota"): _refused("a bucket has no quota"),
}  # fmt: skip
"""(scene, case) -> what Forebay answers."""
LENIENT: dict[str, Declared] = {"below a file": _ABSENT}
"""case -> the same in every scene."""
