"""Users, files and operations of the permission matrix, and what POSIX says of each.

The judgement here is written down a second time, from POSIX's words and in another way than in
gateway/filesystem: a triple of classes from which one is chosen, for one file in one directory.
"""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from tests.support.signed_client import Reply, SignedClient, object_path

SECRET_BODY = b"only for those who may read"
SECRET_META = {
    "x-amz-meta-colour": "secret-blue",
    "x-amz-meta-xattr": quote('{"user.colour":"c2VjcmV0LWJsdWU="}'),
}
"""The second as extended attributes are written: its value in base64."""
USERS: Mapping[str, tuple[str, ...]] = {
    "alice": ("staff",),
    "bob": ("staff", "guests"),
    "carol": (),
    "root": ("supergroup",),
}
"""The owner, a member of the group, another, a superuser."""
POLICIES: Mapping[str, Any] = {
    "allow": "admin",
    "deny": [
        {"Effect": "Allow", "Action": "*", "Resource": "*"},
        {"Effect": "Deny", "Action": "s3:*", "Resource": ["bucket", "bucket/*"]},
    ],
    "none": [{"Effect": "Allow", "Action": "s3:*", "Resource": ["other", "other/*"]}],
    "some": [
        {"Effect": "Allow", "Action": "s3:*", "Resource": "bucket/*some*"},
        {
            "Effect": "Allow",
            "Action": ["s3:ListBucket", "s3:ListBucketVersions"],
            "Resource": "bucket",
            "Condition": {"StringLike": {"s3:prefix": "*some*"}},
        },
    ],
}
FILE_MODES = (0o600, 0o640, 0o644, 0o660, 0o604, 0o222, 0o000, 0o066, 0o777)
DIRECTORY_MODES = (0o700, 0o755, 0o775, 0o777, 0o1777, 0o711, 0o733, 0o770, 0o500)
CASES = (
    *((0o755, mode) for mode in FILE_MODES),
    *((mode, 0o644) for mode in DIRECTORY_MODES),
    (0o1777, 0o666),
    (0o733, 0o600),
    (0o000, 0o777),
)
"""Pairs of a directory's mode and that of a file in it; both are alice's, of the group staff."""


def keys_of(user: str, policy: str) -> tuple[str, str]:
    return f"{user}-{policy}-key", "a secret of their own"


def access_tables() -> dict[str, Any]:
    """Return identities and groups: each user once under each policy, as a user of that name."""
    entries = [
        {
            "name": f"{user}.{policy}",
            "access_key": keys_of(user, policy)[0],
            "secret_key": keys_of(user, policy)[1],
            "policy": rights if isinstance(rights, str) else json.dumps(rights),
            "groups": list(groups),
        }
        for user, groups in USERS.items()
        for policy, rights in POLICIES.items()
    ]
    return {
        "identities": entries,
        "groups": [{"name": name} for name in ("staff", "guests", "supergroup")],
    }


@dataclass(frozen=True)
class Case:
    """One directory with one file in it, and who asks under which policy."""

    directory_mode: int
    file_mode: int
    user: str
    policy: str
    place: str
    """The directory's key without its slash, of its own for this case."""

    @property
    def owner(self) -> str:
        """The directory and the file belong to alice as she asks under this policy."""
        return f"alice.{self.policy}"

    @property
    def key(self) -> str:
        return f"{self.place}/file"

    def has(self, bits: str, mode: int) -> bool:
        """Return whether the asker's class has all of these letters in a mode."""
        letters = "".join(
            letter if mode & 1 << 8 - at else "-" for at, letter in enumerate("rwxrwxrwx")
        )
        if self.user == "root":
            return True
        of_class = {"alice": letters[:3], "bob": letters[3:6]}.get(self.user, letters[6:])
        return all(letter in of_class for letter in bits)

    def reaches(self, bits: str) -> bool:
        """Return whether the asker may search the directory, and has these bits on the file."""
        return self.has("x", self.directory_mode) and self.has(bits, self.file_mode)

    def alters(self, *, is_own_entry: bool = False) -> bool:
        """Return whether an entry may be put into the directory, or (not its own) taken out."""
        may = self.has("wx", self.directory_mode)
        is_sticky = bool(self.directory_mode & 0o1000)
        return may and (is_own_entry or not is_sticky or self.user in ("alice", "root"))

    def policy_allows(self) -> bool:
        return self.policy == "allow" or (self.policy == "some" and "some" in self.place)


Ask = Callable[[SignedClient, Case], Awaitable[Reply]]


@dataclass(frozen=True)
class S3Operation:
    """One way to ask at the S3 door."""

    name: str
    expected: Callable[[Case], bool]
    ask: Ask


async def _multipart(client: SignedClient, case: Case) -> Reply:
    path = object_path("bucket", case.key)
    begun = await client.ask("POST", path, query="uploads")
    if begun.status != 200:
        return begun
    upload = begun.body.split(b"<UploadId>")[1].split(b"</UploadId>")[0].decode()
    part = await client.ask("PUT", path, query=f"partNumber=1&uploadId={upload}", body=b"new")
    etag = part.headers["ETag"]
    parts = f"<Part><PartNumber>1</PartNumber><ETag>{etag}</ETag></Part>"
    body = f"<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>".encode()
    return await client.ask("POST", path, query=f"uploadId={upload}", body=body)


async def _delete_many(client: SignedClient, case: Case) -> Reply:
    body = f"<Delete><Object><Key>{case.key}</Key></Object></Delete>".encode()
    reply = await client.ask("POST", "/bucket", query="delete", body=body)
    denied = reply.status == 200 and b"AccessDenied" in reply.body
    return Reply(403, reply.headers, reply.body) if denied else reply


def _copy(source: str, target: str) -> Ask:
    async def ask(client: SignedClient, case: Case) -> Reply:
        names = {"itself": case.key, "new": f"{case.place}/new", "mine": f"outside/{case.place}"}
        headers = {"x-amz-copy-source": f"bucket/{names[source]}"}
        return await client.put("bucket", names[target], b"", headers=headers)

    return ask


def _list(query: str) -> Ask:
    async def ask(client: SignedClient, case: Case) -> Reply:
        return await client.ask("GET", "/bucket", query=query.format(place=case.place))

    return ask


async def seed(root: SignedClient, case: Case) -> None:
    """Make the directory, its file, and a file of everybody's elsewhere, as a superuser."""
    ours = {"x-amz-meta-file-owner": case.owner, "x-amz-meta-file-group": "staff"}
    made = (
        (f"{case.place}/", b"", f"{0o040000 | case.directory_mode:07o}", {}),
        (case.key, SECRET_BODY, f"{0o100000 | case.file_mode:07o}", SECRET_META),
        (f"outside/{case.place}", b"anybody's", "0100666", {}),
    )
    for key, body, mode, more in made:
        headers = {**ours, **more, "x-amz-meta-file-permissions": mode}
        reply = await root.put("bucket", key, body, headers=headers)
        assert reply.status == 200, (key, reply)


READS = (
    S3Operation("GetObject", lambda c: c.reaches("r"), lambda s, c: s.get("bucket", c.key)),
    S3Operation("HeadObject", lambda c: c.reaches("r"), lambda s, c: s.head("bucket", c.key)),
    S3Operation(
        "GetObject of a range",
        lambda c: c.reaches("r"),
        lambda s, c: s.get("bucket", c.key, headers={"Range": "bytes=2-3"}),
    ),
    S3Operation(
        "GetObject if it has changed",
        lambda c: c.reaches("r"),
        lambda s, c: s.get("bucket", c.key, headers={"If-None-Match": '"no"'}),
    ),
    S3Operation(
        "GetObjectTagging",
        lambda c: c.reaches("r"),
        lambda s, c: s.ask("GET", object_path("bucket", c.key), query="tagging"),
    ),
    S3Operation("CopyObject from it", lambda c: c.reaches("r"), _copy("itself", "mine")),
    S3Operation(
        "ListObjectsV2 of the directory",
        lambda c: c.has("rx", c.directory_mode),
        _list("list-type=2&prefix={place}%2F&delimiter=%2F"),
    ),
    S3Operation(
        "ListObjects of the whole tree",
        lambda c: c.has("rx", c.directory_mode),
        _list("prefix={place}"),
    ),
    S3Operation(
        "ListObjectVersions",
        lambda c: c.has("rx", c.directory_mode),
        _list("versions&prefix={place}"),
    ),
)
WRITES = (
    S3Operation(
        "PutObject over it", lambda c: c.reaches("w"), lambda s, c: s.put("bucket", c.key, b"new")
    ),
    S3Operation(
        "PutObject of a new one",
        lambda c: c.alters(is_own_entry=True),
        lambda s, c: s.put("bucket", f"{c.place}/new", b"new"),
    ),
    S3Operation("multipart over it", lambda c: c.reaches("w"), _multipart),
    S3Operation("CopyObject onto it", lambda c: c.reaches("w"), _copy("mine", "itself")),
    S3Operation(
        "PutObjectTagging",
        lambda c: c.has("x", c.directory_mode) and c.user in ("alice", "root"),
        lambda s, c: s.ask(
            "PUT",
            object_path("bucket", c.key),
            query="tagging",
            body=b"<Tagging><TagSet></TagSet></Tagging>",
        ),
    ),
    S3Operation("DeleteObjects", lambda c: c.alters(), _delete_many),
    S3Operation("DeleteObject", lambda c: c.alters(), lambda s, c: s.delete("bucket", c.key)),
)
