"""How the parts of a key are shown as the parts of a path, and read back without loss (pure).

A key's parts are its pieces between slashes. Most are shown as they are. What can be no part of a
path (empty, `.`, `..`, a NUL in it, more than 255 bytes) and what itself begins like an escape is
shown escaped, and so is an object that a directory of its name hides:

| shown | means |
|---|---|
| `NAME` | the directory `NAME`, or the object where there is no such directory |
| `%-TEXT` | the same of a part that cannot be shown, percent-encoded |
| `%-TEXT`, of a part that can | the object alone: a directory beside it has the plain name |
| `%-%-TEXT` | the object alone, of a part that cannot be shown |
| `%-TEXT~DIGEST`, `%-%-TEXT~DIGEST` | what is too long: its beginning, found again by listing |

Within an escape `%`, `~` and NUL are percent-encoded, and the dots of `.` and `..`; each part has
exactly one form that shows it, and any other spelling names nothing.
"""

import re
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final
from urllib.parse import unquote_to_bytes

from gateway.model.failures import InvalidRequest

PART_BYTES_MAX: Final = 255
"""POSIX's NAME_MAX on Linux; HDFS has the same bound by default."""
_MARK: Final = "%-"
_DIGEST_MARK: Final = "~"
_DIGEST_BYTES: Final = 16
_IS_DIGEST: Final = re.compile(rf"[0-9a-f]{{{2 * _DIGEST_BYTES}}}").fullmatch
_IS_PLAIN: Final = re.compile(r"(?![.%])[ -.0-~]{1,255}").fullmatch
_ESCAPES: Final = str.maketrans({"%": "%25", "~": "%7E", "\0": "%00"})
_DOTS: Final = frozenset({".", ".."})


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a path, read."""

    shown: str
    text: str
    """The part of the key; of one that is too long to be shown, its beginning."""
    is_itself: bool = False
    """Whether the object alone is meant, and no directory of that name."""
    is_beginning: bool = False
    """Whether only a listing can tell the whole text."""

    def is_shown_by(self, text: str) -> bool:
        """Return whether this is how a part with the whole text `text` is shown."""
        return shown_part(text, is_itself=self.is_itself) == self.shown


def split_path(path: str) -> tuple[str, ...]:
    """Return the parts of an absolute path, none for `/`.

    Raises InvalidRequest for what is no path: KeyTooLongError where a part is too long.
    """
    if path == "/":
        return ()
    first, *parts = path.split("/")
    if first or not parts:
        raise InvalidRequest(f"{path!r} is no absolute path")
    for part in parts:
        if _IS_PLAIN(part):
            continue
        if not part or part in _DOTS or "\0" in part:
            raise InvalidRequest(f"{path!r} is no path: a part of it is empty, a dot or has a NUL")
        if _bytes_of(path, part) > PART_BYTES_MAX:
            raise InvalidRequest(
                f"a part of {path!r} has more than {PART_BYTES_MAX} bytes", code="KeyTooLongError"
            )
    return tuple(parts)


def join_path(parts: tuple[str, ...]) -> str:
    """Return the path of these parts."""
    return "/" + "/".join(parts)


def is_legal(text: str) -> bool:
    """Return whether a part of a key is shown as it is."""
    if _IS_PLAIN(text):
        return True
    if not text or text in _DOTS or "\0" in text or text.startswith(_MARK):
        return False
    return _size(text) <= PART_BYTES_MAX


def shown_part(text: str, *, is_itself: bool = False) -> str:
    """Return how a part of a key is shown: `is_itself` where a directory hides the object."""
    legal = is_legal(text)
    if legal and not is_itself:
        return text
    mark = _MARK if not is_itself or legal else 2 * _MARK
    shown = mark + _escaped(text)
    if _size(shown) <= PART_BYTES_MAX:
        return shown
    return _shown_long(text, 2 * _MARK if is_itself else _MARK)


def read_part(shown: str) -> Part | None:
    """Return what a part of a path says; None where nothing is shown so."""
    if not shown.startswith(_MARK):
        return Part(shown, shown) if is_legal(shown) else None
    rest = shown.removeprefix(_MARK)
    is_double = rest.startswith(_MARK)
    rest = rest.removeprefix(_MARK)
    beginning, mark, digest = rest.rpartition(_DIGEST_MARK)
    if mark:
        text = _opened(beginning)
        if text is None or not _IS_DIGEST(digest) or _size(shown) > PART_BYTES_MAX:
            return None
        return Part(shown, text, is_itself=is_double, is_beginning=True)
    text = _opened(rest)
    if text is None:
        return None
    is_itself = is_double or is_legal(text)
    part = Part(shown, text, is_itself=is_itself)
    return part if part.is_shown_by(text) else None


def shown_file(key: str, *, is_hidden: bool = False) -> tuple[str, ...]:
    """Return the parts that show an object as a file; `is_hidden`: a directory has its name."""
    *above, last = key.split("/")
    return (*map(shown_part, above), shown_part(last, is_itself=is_hidden))


def shown_directory(prefix: str) -> tuple[str, ...]:
    """Return the parts that show a prefix, which is empty or ends with `/`, as a directory."""
    return tuple(map(shown_part, prefix.split("/")[:-1]))


def _shown_long(text: str, mark: str) -> str:
    digest = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=_DIGEST_BYTES).hexdigest()
    room = PART_BYTES_MAX - len(mark) - len(_DIGEST_MARK) - len(digest)
    beginning = ""
    for letter in text:
        escaped = letter.translate(_ESCAPES)
        room -= _size(escaped)
        if room < 0:
            break
        beginning += escaped
    return f"{mark}{beginning}{_DIGEST_MARK}{digest}"


def _escaped(text: str) -> str:
    return text.replace(".", "%2E") if text in _DOTS else text.translate(_ESCAPES)


def _opened(escaped: str) -> str | None:
    """Return the text of an escape; None where it is not UTF-8."""
    try:
        return unquote_to_bytes(escaped.encode("utf-8", "surrogatepass")).decode("utf-8")
    except UnicodeDecodeError:
        return None


def _size(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))


def _bytes_of(path: str, part: str) -> int:
    """Return the bytes of a part of a path; raises InvalidRequest where it is not Unicode."""
    try:
        return len(part.encode("utf-8"))
    except UnicodeEncodeError:
        raise InvalidRequest(f"{path!r} is not Unicode, and keys are") from None
