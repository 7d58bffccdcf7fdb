"""What a request asks for: method x level x sub-resource -> operation and IAM action (pure).

The tables list all of S3, also what Forebay only passes through: a policy judges the action's name
whether or not Forebay models the operation. Names are those of the S3 API reference, actions those
of AWS's Service Authorization Reference. What is not in a table is `Unknown` and needs `s3:*`: a
new sub-resource of the origin's must never slip through under a weaker right.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from gateway.protocol.s3.addressing import Target
from gateway.protocol.s3.operation_tables import (
    BUCKET_PLAIN,
    BUCKET_SUBRESOURCES,
    EXTRA_ACTIONS,
    LIST_WITHOUT,
    OBJECT_PLAIN,
    OBJECT_SUBRESOURCES,
    PARAMETERS,
    PASSED_OVER,
    SERVICE_PLAIN,
    Rows,
)

Level = Literal["service", "bucket", "object"]


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of S3's, and the right it needs on its target."""

    name: str
    action: str
    level: Level
    also: tuple[str, ...] = ()
    """Further actions on the same target: those that the request's headers ask for (tags, ACL,
    lock), and that of the plain request, where the origin may take it for one."""

    @property
    def is_known(self) -> bool:
        """Return whether S3 documents it."""
        return self.name != "Unknown"


def _operations(level: Level, rows: Rows) -> dict[str, Operation]:
    return {method: Operation(*row, level) for method, row in rows.items()}


_PLAIN: dict[Level, dict[str, Operation]] = {
    "service": _operations("service", SERVICE_PLAIN),
    "bucket": _operations("bucket", BUCKET_PLAIN),
    "object": _operations("object", OBJECT_PLAIN),
}
_SUBRESOURCES: dict[Level, dict[str, dict[str, Operation]]] = {
    "service": {},
    "bucket": {name: _operations("bucket", rows) for name, rows in BUCKET_SUBRESOURCES.items()},
    "object": {name: _operations("object", rows) for name, rows in OBJECT_SUBRESOURCES.items()},
}
_UNKNOWN: dict[Level, Operation] = {
    level: Operation("Unknown", "s3:*", level) for level in ("service", "bucket", "object")
}
_LIST_V2 = Operation("ListObjectsV2", "s3:ListBucket", "bucket")
_LISTS = {
    name: (parameter, Operation(listing, action, "object" if "Object" in name else "bucket"))
    for name, (parameter, listing, action) in LIST_WITHOUT.items()
}
_COPIES = {
    "PutObject": Operation("CopyObject", "s3:PutObject", "object"),
    "UploadPart": Operation("UploadPartCopy", "s3:PutObject", "object"),
}
# With versionId in the query these need the right to the version (Service Authorization Reference).
_OF_VERSION = {
    "s3:GetObject": "s3:GetObjectVersion",
    "s3:DeleteObject": "s3:DeleteObjectVersion",
    "s3:GetObjectAcl": "s3:GetObjectVersionAcl",
    "s3:PutObjectAcl": "s3:PutObjectVersionAcl",
    "s3:GetObjectTagging": "s3:GetObjectVersionTagging",
    "s3:PutObjectTagging": "s3:PutObjectVersionTagging",
    "s3:DeleteObjectTagging": "s3:DeleteObjectVersionTagging",
    "s3:GetObjectAttributes": "s3:GetObjectVersionAttributes",
    "s3:GetObjectTorrent": "s3:GetObjectVersionTorrent",
}


def name_operation(
    method: str, target: Target, query_names: Collection[str], headers: Mapping[str, str]
) -> Operation:
    """Return what a request asks for; `query_names` are decoded.

    A copy's right to read its source (s3:GetObject on x-amz-copy-source), and the right to each key
    of DeleteObjects, are the caller's to ask: they concern other objects than the target.
    """
    level = _level(target)
    operation = _find_operation(method, level, query_names) if query_names else None
    if not query_names:
        operation = _PLAIN[level].get(method)
    if operation is None:
        return _UNKNOWN[level]
    if method in {"GET", "HEAD"}:
        return operation
    if operation.name in _COPIES and "x-amz-copy-source" in headers:
        operation = _COPIES[operation.name]
    return _with_extra_actions(operation, query_names, headers)


def all_operations() -> list[Operation]:
    """Return every operation that the tables name, without those of versions."""
    found = [row for rows in _PLAIN.values() for row in rows.values()]
    for names in _SUBRESOURCES.values():
        found += [row for rows in names.values() for row in rows.values()]
    lists = [listing for _, listing in _LISTS.values()]
    return [*found, *lists, _LIST_V2, *_COPIES.values()]


def all_actions() -> frozenset[str]:
    """Return every action that a request can need, of versions and of headers included."""
    extra = {action for rows in EXTRA_ACTIONS.values() for action in rows.values()}
    named = {operation.action for operation in all_operations()}
    return frozenset(named | extra | set(_OF_VERSION.values()))


def _level(target: Target) -> Level:
    if target.bucket is None:
        return "service"
    return "bucket" if target.key is None else "object"


def _find_operation(method: str, level: Level, names: Collection[str]) -> Operation | None:
    table = _SUBRESOURCES[level]
    subresources = [name for name in names if name in table]
    if len(subresources) > 1 or not all(name in table or _is_parameter(name) for name in names):
        return None
    if subresources:
        operation = table[subresources[0]].get(method)
    elif "partNumber" in names and method not in {"GET", "HEAD"}:
        # PUT ?partNumber without uploadId would overwrite the object with one part of it.
        return None
    elif level == "bucket" and method == "GET" and "list-type" in names:
        return _LIST_V2
    else:
        operation = _PLAIN[level].get(method)
    if operation is None:
        return None
    narrowed = _narrowed(operation, names)
    plain = _PLAIN[level].get(method)
    if plain is None or level != "object" or PASSED_OVER.isdisjoint(subresources):
        return narrowed
    return replace(narrowed, also=(_narrowed(plain, names).action,))


def _narrowed(operation: Operation, names: Collection[str]) -> Operation:
    """Return the operation that a query's parameters make of `operation`."""
    parameter, listing = _LISTS.get(operation.name, ("", operation))
    if parameter and parameter not in names:
        return listing
    if operation.level == "object" and "versionId" in names:
        action = _OF_VERSION.get(operation.action)
        return operation if action is None else replace(operation, action=action)
    return operation


def _is_parameter(name: str) -> bool:
    if name in PARAMETERS or name.startswith("response-"):
        return True
    name = name.lower()
    # A source hoisted into a presigned query would be read though nobody authorised it.
    return name.startswith("x-amz-") and "-source" not in name


def _with_extra_actions(
    operation: Operation, query_names: Collection[str], headers: Mapping[str, str]
) -> Operation:
    table = EXTRA_ACTIONS.get(operation.name)
    if table is None:
        return operation
    # Presigners hoist x-amz-* headers into the query, and S3 obeys them there too.
    hoisted = {name.lower() for name in query_names}
    also = {action for name, action in table.items() if name in headers or name in hoisted}
    return replace(operation, also=tuple(sorted(also | {*operation.also}))) if also else operation
