"""What is being moved or removed: written down before it begins, and gone once it is over.

A row says what a move does and how far it is; beside it lies a note for each object that it
copies: before the copy which version of the source is meant, after it what came of it at the
target. With both, whoever finds a row whose owner is dead knows what to undo or to complete
(`filesystem/recovery`), and that nothing goes which the move did not make or did not copy.

It is an environment of its own (`state.path/moves`), synced like the state and open in every
process that has a tree; it holds no secrets and needs no key (docs/decisions/0011).
"""

import json
import secrets
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, astuple, dataclass, field, replace
from enum import StrEnum
from hashlib import blake2b
from pathlib import Path
from typing import Final

from gateway.model.failures import Overloaded
from gateway.model.names import ObjectName
from gateway.state.mark import Mark
from gateway.state.owners import Owners
from gateway.state.store import Reading, Store, Writing

MOVES: Final = "moves"
NOTES: Final = "notes"
UPLOADS: Final = "uploads"
"""Of `filesystem/begun_uploads`, which lies here for its owners' sake."""
_OWNERS: Final = "owners"
_MARK: Final = "mark"
_DIGEST_BYTES: Final = 16
_ID_BYTES: Final = 16
_PURGED_AT_ONCE: Final = 5000


class MoveKind(StrEnum):
    """What is done."""

    RENAME = "rename"
    DELETE = "delete"


class Phase(StrEnum):
    """How far it is: what a crash now would leave to be done."""

    COPYING = "copying"
    """Undo: the source is whole."""
    COMMITTED = "committed"
    """Complete: the target is whole."""
    RETURNING = "returning"
    """Copy back what is at the target alone, then undo: the origin refused to delete the source."""
    OVER = "over"
    """Forget: nothing is left to be done at the origin."""


@dataclass(frozen=True, slots=True)
class Move:
    """One row: a rename, or a recursive deletion."""

    id: str
    kind: MoveKind
    source: ObjectName
    """The key of a file, or a directory's prefix, which ends with `/`."""
    target: ObjectName
    """As `source`; of a deletion the same."""
    phase: Phase
    owner: str
    begun_ns: int
    dated: str = ""
    """The origin's clock when it began (an HTTP date): a deletion takes nothing that came later."""
    speaker: str = ""
    """Whose voice speaks at the origin (`key:ACCESS_KEY`, `role:NAME`); '' is Forebay's own."""
    replaced: dict[str, str] | None = None
    """The headers of the marker that an empty directory at the target had; None: nothing there."""
    replaces: bool = False
    """Whether the target's own key may be overwritten."""

    @property
    def is_directory(self) -> bool:
        """Return whether it is about everything under a prefix."""
        return self.source.key.endswith("/") or not self.source.key

    def holds(self, name: ObjectName) -> bool:
        """Return whether an object is one of the source's or one of the target's."""
        return _is_within(name, self.source) or _is_within(name, self.target)

    def touches(self, other: "Move") -> bool:
        """Return whether both would change the same objects."""
        mine, theirs = {self.source, self.target}, {other.source, other.target}
        return any(
            _is_within(one, another) or _is_within(another, one)
            for one in mine
            for another in theirs
        )


@dataclass(frozen=True, slots=True)
class Note:
    """One object of a move, by the rest of its key behind the source's."""

    rest: str
    etag: str
    """Of the source's version that is copied, as are `size` and `last_modified`."""
    size: int
    last_modified: str
    copied: str = ""
    """The ETag of the copy; '' while nobody knows what came of it."""
    former: str = ""
    """The ETag of the copy of an earlier version, until this one has taken its place."""
    round: int = 0
    """The last listing that showed it."""


@dataclass(slots=True)
class Journal:
    """One process's hold on the journal. Every call may wait for the disk."""

    store: Store
    owners: Owners
    mark: Mark
    """Moves on whenever a row changes, right across processes; notes do not count."""
    now_ns: Callable[[], int]
    in_hand: set[str] = field(default_factory=set)
    """The moves that this process works on now; its other rows are to be recovered."""

    def begin(self, move: Move) -> Move:
        """Write the row of a new move of this process, on the disk before this returns.

        Raises Overloaded where another move is on its way that would change the same objects.
        """
        made = replace(
            move,
            id=f"{self.now_ns():016x}{secrets.token_hex(_ID_BYTES // 2)}"[: 2 * _ID_BYTES],
            owner=self.owners.name,
            begun_ns=self.now_ns(),
        )

        def change(writing: Writing) -> None:
            for other in _moves(writing):
                if other.phase is not Phase.OVER and other.touches(made):
                    raise Overloaded(
                        f"{other.source.key or '/'} is being {_DONE[other.kind]}: try again later"
                    )
            _put(writing, made)

        self.in_hand.add(made.id)
        try:
            self.store.write(change)
        except BaseException:
            self.in_hand.discard(made.id)
            raise
        self.mark.move_on()
        return made

    def advance(self, move: Move, phase: Phase) -> Move:
        """Write that a move has come to `phase`."""
        advanced = replace(move, phase=phase)
        self.store.write(lambda writing: _put(writing, advanced))
        self.mark.move_on()
        return advanced

    def end(self, move: Move) -> None:
        """Take the row away with all its notes; a crash meanwhile leaves a row that is over."""
        over = replace(move, phase=Phase.OVER)
        while not self.store.write(lambda writing: _end(writing, over)):
            pass
        self.mark.move_on()
        self.in_hand.discard(move.id)

    def note(self, move: Move, notes: Iterable[Note]) -> None:
        """Write notes, in place of those of before, on the disk before this returns."""
        rows = [(_note_key(move, note.rest), _note_row(note)) for note in notes]

        def change(writing: Writing) -> None:
            for key, row in rows:
                writing.put(NOTES, key, row)

        self.store.write(change)

    def forget(self, move: Move, rests: Sequence[str]) -> None:
        """Take the notes of some objects away."""

        def change(writing: Writing) -> None:
            for rest in rests:
                writing.delete(NOTES, _note_key(move, rest))

        self.store.write(change)

    def noted(self, move: Move, rests: Iterable[str]) -> dict[str, Note]:
        """Return the notes of those objects that have one, by the rest of their keys."""
        found = {}
        with self.store.read() as reading:
            for rest in rests:
                row = reading.find(NOTES, _note_key(move, rest))
                if row is not None:
                    found[rest] = Note(*json.loads(row))
        return found

    def notes(self, move: Move, after: bytes = b"", count_max: int = 1000) -> list[Note]:
        """Return up to so many notes in an order of their own, behind `note_key` `after`."""
        prefix = _prefix(move)
        found: list[Note] = []
        with self.store.read() as reading:
            for key, row in reading.rows(NOTES, after + b"\0" if after else prefix):
                if not key.startswith(prefix) or len(found) >= count_max:
                    break
                found.append(Note(*json.loads(row)))
        return found

    def moves(self) -> list[Move]:
        """Return all that is on its way, the oldest first."""
        with self.store.read() as reading:
            return _moves(reading)

    def close(self) -> None:
        """Let go of it; what this process has not ended another will."""
        is_over = all(move.owner != self.owners.name for move in self.moves())
        self.store.close()
        self.mark.close()
        self.owners.leave(is_over=is_over)


_DONE: Final = {MoveKind.RENAME: "moved", MoveKind.DELETE: "removed"}


def open_journal(folder: Path, now_ns: Callable[[], int]) -> Journal:
    """Open the journal in `folder`, made where it is absent; raises StateError, OSError."""
    store = Store(folder, tables=(MOVES, NOTES, UPLOADS))
    try:
        return Journal(store, Owners(folder / _OWNERS), Mark(folder / _MARK), now_ns)
    except BaseException:
        store.close()
        raise


def note_key(move: Move, rest: str) -> bytes:
    """Return where a note lies, for `Journal.notes` to go on behind it."""
    return _note_key(move, rest)


def _is_within(name: ObjectName, place: ObjectName) -> bool:
    if name.bucket != place.bucket:
        return False
    if place.key.endswith("/") or not place.key:
        return name.key.startswith(place.key)
    return name.key == place.key


def _prefix(move: Move) -> bytes:
    return move.id.encode()


def _note_key(move: Move, rest: str) -> bytes:
    # LMDB's keys end at 511 bytes and S3's at 1,024: by hash, and the note has the whole name.
    digest = blake2b(rest.encode("utf-8", "surrogatepass"), digest_size=_DIGEST_BYTES)
    return _prefix(move) + digest.digest()


def _note_row(note: Note) -> bytes:
    return json.dumps(astuple(note)).encode()


def _put(writing: Writing, move: Move) -> None:
    document = asdict(move)
    document["source"] = [move.source.bucket, move.source.key]
    document["target"] = [move.target.bucket, move.target.key]
    writing.put(MOVES, move.id.encode(), json.dumps(document).encode())


def _moves(reading: Reading) -> list[Move]:
    return [_read(row) for _, row in reading.rows(MOVES)]


def _read(row: bytes) -> Move:
    document = json.loads(row)
    document["source"] = ObjectName(*document["source"])
    document["target"] = ObjectName(*document["target"])
    document["kind"] = MoveKind(document["kind"])
    document["phase"] = Phase(document["phase"])
    return Move(**document)


def _end(writing: Writing, over: Move) -> bool:
    """Remove a move's row, if all its notes can go with it; else note that it is over."""
    if _purge(writing, over):
        _put(writing, over)
        return False
    writing.delete(MOVES, over.id.encode())
    return True


def _purge(writing: Writing, move: Move) -> bool:
    """Remove some of a move's notes; return whether there may be more."""
    prefix = _prefix(move)
    keys: list[bytes] = []
    for key, _ in writing.rows(NOTES, prefix):
        if not key.startswith(prefix) or len(keys) >= _PURGED_AT_ONCE:
            break
        keys.append(key)
    for key in keys:
        writing.delete(NOTES, key)
    return len(keys) >= _PURGED_AT_ONCE
