"""What a door shows of one path, and what the reference says that it must be (pure).

Metadata is read here in words of its own, as another client of the bucket would: nothing is shared
with the gateway, so that both can disagree.
"""

import json
import os
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from urllib.parse import quote, unquote

from tests.models.files_model import DIRECTORY, FILE, LINK, FilesModel, Thing

META = "x-amz-meta-"
USERS = {"alice": 4001, "admin": 4003, "forebay": 4000}
GROUPS = {"staff": 5001, "forebay": 5000}
"""Numbers of the settings; bob has none, and what is his belongs in a mount to who mounted it."""
_MOUNTER = os.getuid()
DEFAULT_MODES = {FILE: 0o644, DIRECTORY: 0o755, LINK: 0o777}
_KIND_BITS = {FILE: 0o100000, DIRECTORY: 0o040000, LINK: 0o120000}
_SYSTEM = {"root": 0}


@dataclass(frozen=True, slots=True)
class Seen:
    """One path; of a link the body is its target, of a directory nothing."""

    kind: str
    body: bytes = field(repr=False)
    mode: int
    owner: str | int
    group: str | int
    modified_ns: int
    xattrs: Mapping[str, bytes]
    colour: str | None = None
    """Metadata that is no attribute: objects have it, and files do not show it."""


def expected(model: FilesModel, path: str, origin_ns: Mapping[str, int]) -> Seen | None:
    """Return what stands at a path; `origin_ns` is the origin's Last-Modified of each key."""
    kind = model.stands(path)
    if kind is None:
        return None
    key = f"{path}/" if kind == DIRECTORY else path
    return as_object(kind, model.things.get(key), origin_ns.get(key, 0))


def expected_object(model: FilesModel, key: str, origin_ns: Mapping[str, int]) -> Seen | None:
    """Return what an object says of itself."""
    thing = model.things.get(key)
    if thing is None:
        return None
    kind = LINK if thing.is_link else DIRECTORY if key.endswith("/") else FILE
    return as_object(kind, thing, origin_ns[key])


def told(seen: Seen | None) -> str:
    """Return it in words, its bytes by their number and hash."""
    if seen is None:
        return "nothing"
    return f"{seen} of {len(seen.body)} bytes {sha256(seen.body).hexdigest()[:8]}"


def as_object(kind: str, thing: Thing | None, origin_ns: int) -> Seen:
    """Return what an object is as a file, with the defaults where it says nothing."""
    thing = thing or Thing()
    return Seen(
        kind,
        thing.body,
        DEFAULT_MODES[kind] if thing.mode is None else thing.mode,
        thing.owner or "forebay",
        thing.group or "forebay",
        origin_ns if thing.modified_ns is None else thing.modified_ns,
        thing.xattrs,
        thing.colour,
    )


def in_a_mount(seen: Seen) -> Seen:
    """Return it in numbers; the kernel lets links have no attributes of users.

    When a directory was changed is not held against anything: names that this mount changes make
    it younger in this mount alone.
    """
    return replace(
        seen,
        owner=number_of(str(seen.owner), USERS),
        group=number_of(str(seen.group), GROUPS),
        modified_ns=0 if seen.kind == DIRECTORY else seen.modified_ns,
        xattrs={} if seen.kind == LINK else seen.xattrs,
        colour=None,
    )


def in_hdfs(seen: Seen) -> Seen:
    """Return it as HDFS tells it: the sticky bit and no other, and milliseconds."""
    return replace(
        seen,
        mode=seen.mode & 0o1777,
        owner=name_of(seen.owner, USERS),
        group=name_of(seen.group, GROUPS),
        modified_ns=seen.modified_ns // 1_000_000,
        colour=None,
    )


def number_of(name: str, table: Mapping[str, int]) -> int:
    if name.isdigit():
        return int(name)
    return table.get(name, _SYSTEM.get(name, _MOUNTER))


def name_of(said: str | int, table: Mapping[str, int]) -> str:
    names = {str(number): name for name, number in table.items()}
    return names.get(str(said), str(said))


def metadata_of(kind: str, thing: Thing) -> dict[str, str]:
    """Return the headers by which an S3 client says all this."""
    said = {"colour": thing.colour}
    if thing.mode is not None:
        said["file-permissions"] = f"{thing.mode | _KIND_BITS[kind]:07o}"
    if thing.owner is not None:
        said["file-owner"] = str(USERS.get(thing.owner, thing.owner))
    if thing.group is not None:
        said["file-group"] = str(GROUPS.get(thing.group, thing.group))
    if thing.modified_ns is not None:
        said["file-mtime"] = f"{thing.modified_ns}ns"
    if thing.xattrs:
        texts = {name: b64encode(value).decode() for name, value in thing.xattrs.items()}
        said["xattr"] = quote(json.dumps(texts), safe="")
    return {META + name: text for name, text in said.items() if text is not None}


def read_object(key: str, body: bytes, headers: Mapping[str, str], origin_ns: int) -> Seen:
    """Return what an object is, from its bytes and headers."""
    said = {name[len(META) :]: text for name, text in headers.items() if name.startswith(META)}
    mode = int(said["file-permissions"], 8) if "file-permissions" in said else None
    is_link = mode is not None and mode & 0o170000 == _KIND_BITS[LINK]
    kind = LINK if is_link else DIRECTORY if key.endswith("/") else FILE
    texts = json.loads(unquote(said["xattr"])) if "xattr" in said else {}
    thing = Thing(
        body,
        None if mode is None else mode & 0o7777,
        name_of(said["file-owner"], USERS) if "file-owner" in said else None,
        name_of(said["file-group"], GROUPS) if "file-group" in said else None,
        int(said["file-mtime"].removesuffix("ns")) if "file-mtime" in said else None,
        {name: b64decode(text) for name, text in texts.items()},
        said.get("colour"),
    )
    return as_object(kind, thing, origin_ns)
