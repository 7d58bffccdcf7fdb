"""What is to be done with each object of a move: decided here, done elsewhere (pure)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

from gateway.core.said import ABSENT, ANYTHING, Condition
from gateway.filesystem.journal import Move, Note
from gateway.model.failures import InvalidRequest
from gateway.model.names import ObjectName
from gateway.protocol.s3.listings import ListedObject

_CLOCKS_APART: Final = timedelta(seconds=2)
KEY_BYTES_MAX: Final = 1024
"""AWS, object keys: at most 1,024 bytes of UTF-8."""


@dataclass(frozen=True, slots=True)
class SourcePage:
    """What is to be done with the objects that a listing of the source shows after the commit."""

    ours: tuple[ListedObject, ...]
    """The very versions that were copied: to be deleted."""
    late: tuple[ListedObject, ...]
    """Not copied yet."""


@dataclass(frozen=True, slots=True)
class TargetPage:
    """What is to be done with the objects that a listing of the target shows when it is undone."""

    ours: tuple[ListedObject, ...]
    """Noted as the move's own: to be deleted."""
    doubtful: tuple[ListedObject, ...]
    """Nobody knows what came of the copy: to be proven."""
    foreign: tuple[ListedObject, ...]
    """Written by somebody else: they stay."""


def rest_of(key: str, place: ObjectName) -> str:
    """Return what of a key lies behind a move's source or target."""
    return key[len(place.key) :]


def target_of(move: Move, key: str) -> ObjectName:
    """Return where an object of the source is moved to; raises InvalidRequest for no key."""
    moved = move.target.key + rest_of(key, move.source)
    if len(moved.encode("utf-8", "surrogatepass")) > KEY_BYTES_MAX:
        raise InvalidRequest(
            f"{key} cannot be moved: its name would have more than {KEY_BYTES_MAX} bytes"
        )
    return ObjectName(move.target.bucket, moved)


def source_of(move: Move, rest: str) -> ObjectName:
    """Return where an object of a move comes from."""
    return ObjectName(move.source.bucket, move.source.key + rest)


def noted(version: ListedObject, move: Move, before: Note | None) -> Note:
    """Return the note of a version before it is copied; what was copied before stays ours."""
    rest = rest_of(version.key, move.source)
    former = (before.copied or before.former) if before is not None else ""
    return Note(rest, version.etag, version.size, version.last_modified, former=former)


def condition_of(note: Note, move: Move) -> Condition:
    """Return what may stand at the target of a copy: an earlier one of ours, else nothing.

    What a rename is to replace may be anything.
    """
    if note.former:
        return Condition(note.former)
    return ANYTHING if move.replaces and not note.rest else ABSENT


def is_noted(version: ListedObject, note: Note | None) -> bool:
    """Return whether a listed object is the version that a note is about."""
    return note is not None and (note.etag, note.size, note.last_modified) == (
        version.etag,
        version.size,
        version.last_modified,
    )


def to_copy(
    versions: Sequence[ListedObject], notes: Mapping[str, Note], move: Move
) -> list[ListedObject]:
    """Return the listed objects that have not been copied as they are now."""
    pairs = ((version, notes.get(rest_of(version.key, move.source))) for version in versions)
    return [
        version
        for version, note in pairs
        if not is_noted(version, note) or note is None or not note.copied
    ]


def plan_source(
    versions: Sequence[ListedObject], notes: Mapping[str, Note], move: Move
) -> SourcePage:
    """Sort the objects that are still at the source of a committed rename."""
    late = to_copy(versions, notes, move)
    late_keys = {version.key for version in late}
    ours = tuple(version for version in versions if version.key not in late_keys)
    return SourcePage(ours, tuple(late))


def plan_target(
    versions: Sequence[ListedObject], notes: Mapping[str, Note], move: Move
) -> TargetPage:
    """Sort the objects that are at the target of a rename that is undone."""
    ours, doubtful, foreign = [], [], []
    for version in versions:
        note = notes.get(rest_of(version.key, move.target))
        if note is not None and version.etag in {note.copied, note.former}:
            ours.append(version)
        elif note is not None and not note.copied:
            doubtful.append(version)
        else:
            foreign.append(version)
    return TargetPage(tuple(ours), tuple(doubtful), tuple(foreign))


def was_there(version: ListedObject, dated: str) -> bool:
    """Return whether an object was there at a moment of the origin's clock (both HTTP dates)."""
    return _moment(version.last_modified) <= _moment(dated)


def may_be_later(version: ListedObject, begun: str) -> bool:
    """Return whether an object may have come after a moment of the origin's clock.

    Dates have whole seconds, the clocks of one origin may be apart, and S3 dates what was uploaded
    in parts by when that began; '' is no moment.
    """
    if not begun or "-" in version.etag:
        return True
    return _moment(version.last_modified) >= _moment(begun) - _CLOCKS_APART


def newest(dates: Iterable[str]) -> str:
    """Return the latest of some HTTP dates, of which '' is none; '' where there is none at all.

    What a listing shows was there when it was made, though the same answer's Date be older: some
    servers renew that once a second, and late.
    """
    return max(filter(None, dates), key=_moment, default="")


def _moment(text: str) -> datetime:
    return parsedate_to_datetime(text)
