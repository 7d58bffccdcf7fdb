"""What a job is told to work on: `s3://bucket/prefix`, a glob of keys, a manifest's line (pure).

A path without wildcards is a prefix, as everywhere in `forebay cache`. In a glob `*` and `?` end at
a `/`, `**` does not, and `[abc]` is one of these; it takes whole keys.
"""

import csv
import json
import re
from dataclasses import dataclass
from typing import Final

from gateway.model.names import ObjectName

SCHEME: Final = "s3://"
KEY_BYTES_MAX: Final = 1024
LINE_BYTES_MAX: Final = 16 * 1024
_WILD: Final = re.compile(r"[*?[]")
_TOKEN: Final = re.compile(r"\*\*|\*|\?|\[!?\]?[^\]]*\]|.", re.DOTALL)
_MEANT_OTHERWISE: Final = re.compile(r"[^\w-]|(?<=-)-|-(?=-)")
"""What a class of `re` might read as more than a letter or a range."""
_HEADER: Final = ["bucket", "key"]
_FORMS: Final = 'write s3://bucket/key, bucket,key (CSV) or {"bucket": ..., "key": ...}'


@dataclass(frozen=True, slots=True)
class Target:
    """The objects of a bucket whose keys begin with `prefix` and match `pattern`."""

    bucket: str
    prefix: str = ""
    pattern: re.Pattern[str] | None = None
    """None: whatever begins with the prefix."""

    def takes(self, key: str) -> bool:
        """Return whether the key is meant; it begins with the prefix."""
        return self.pattern is None or self.pattern.fullmatch(key) is not None

    def __str__(self) -> str:
        """Return what a person calls it."""
        return f"{SCHEME}{self.bucket}/{self.prefix}"


def parse_target(path: str) -> Target:
    """Return what a path or glob means; raises ValueError with a sentence."""
    bucket, _, rest = path.removeprefix(SCHEME).partition("/")
    if not path.startswith(SCHEME) or not bucket:
        raise ValueError(f'"{path}" is no path: write s3://bucket/prefix')
    if _WILD.search(bucket):
        raise ValueError(f'"{path}" has a wildcard in its bucket: name one bucket')
    wild = _WILD.search(rest)
    if wild is None:
        return Target(bucket, rest)
    try:
        pattern = re.compile(_regex_of(rest), re.DOTALL)
    except re.error:
        raise ValueError(
            f'"{path}" is no path: it has a [range] that ends before it begins'
        ) from None
    return Target(bucket, rest[: wild.start()], pattern)


def parse_line(line: str) -> ObjectName | None:
    """Return the object that a manifest's line names; None for none (empty, `#`, a CSV header).

    Further columns and members are left alone. Raises ValueError with a sentence.
    """
    line = line.strip("\r\n")
    if not line.strip() or line.startswith("#"):
        return None
    if line.startswith(SCHEME):
        bucket, _, key = line.removeprefix(SCHEME).partition("/")
    elif line.lstrip().startswith("{"):
        bucket, key = _of_json(line)
    else:
        cells = _of_csv(line)
        if [cell.strip().lower() for cell in cells[:2]] == _HEADER:
            return None
        bucket, key = (*cells[:2], "", "")[:2]
    if not bucket or not key or len(key.encode("utf-8", "surrogatepass")) > KEY_BYTES_MAX:
        raise ValueError(f"it names no object: {_FORMS}")
    return ObjectName(bucket, key)


def _of_csv(line: str) -> list[str]:
    try:
        return next(csv.reader([line], strict=True), [])
    except csv.Error:
        raise ValueError(f"it is no CSV: {_FORMS}") from None


def _of_json(line: str) -> tuple[str, str]:
    try:
        said = json.loads(line)
    except (ValueError, RecursionError):
        raise ValueError(f"it is no JSON: {_FORMS}") from None
    match said:
        case {"bucket": str(bucket), "key": str(key)}:
            return bucket, key
        case _:
            raise ValueError(f"it names no object: {_FORMS}")


def _regex_of(glob: str) -> str:
    return "".join(map(_regex_of_token, _TOKEN.findall(glob)))


def _regex_of_token(token: str) -> str:
    match token:
        case "**":
            return ".*"
        case "*":
            return "[^/]*"
        case "?":
            return "[^/]"
        case _ if len(token) > 1:
            is_negated = token.startswith("[!") and len(token) > len("[!]")
            inside = _MEANT_OTHERWISE.sub(r"\\\g<0>", token[2 if is_negated else 1 : -1])
            return f"[^/{inside}]" if is_negated else f"[{inside}]"
        case _:
            return re.escape(token)
