"""Every sub-resource of S3, line by line: the origin's own answer, and the one through Forebay.

Twin buckets get the same requests in the same order, one directly and one through Forebay, so that
what is put on one is not seen on the other. Equal answers are ok, whatever they are: an origin that
does not implement something says so through Forebay in the same words.
"""

import argparse
import base64
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from hashlib import md5
from pathlib import Path

from conformance.passthrough.accepted import find_reason
from conformance.passthrough.comparing import Difference, differences, error_code
from conformance.passthrough.lines import LINES, Line
from conformance.support.raw_s3 import Place, RawS3, Reply, encoded, texts
from conformance.support.servers import ORIGINS, running_gateway, running_origin

_RESULTS = Path(__file__).resolve().parents[1] / "results"
_ID_ELEMENTS = (
    "VersionId",
    "DeleteMarkerVersionId",
    "UploadId",
    "VersionIdMarker",
    "NextVersionIdMarker",
)
_TWINS = ("twin-one", "twin-two")


@dataclass(frozen=True, slots=True)
class Row:
    """A line's outcome; `reason` is why its differences are as they must be, '' if they are not."""

    line: str
    status: int
    code: str
    differences: tuple[Difference, ...]
    reason: str

    @property
    def verdict(self) -> str:
        """Return the verdict."""
        if not self.differences:
            return "ok"
        return "accepted" if self.reason else "DIFFERS"


class Twins:
    """Both sides, and what each side's answers told."""

    def __init__(self, direct: Place, forebay: Place) -> None:
        self._sides = (RawS3(direct), RawS3(forebay))
        self._told: dict[str, tuple[str, str]] = {
            "bucket": _TWINS,
            # An origin that names itself in a document does so through Forebay too.
            "endpoint": (direct.netloc, direct.netloc),
        }

    def compare(self, line: Line) -> Row:
        """Send a line to both sides."""
        replies = tuple(self._send(line, side) for side in (0, 1))
        direct, forebay = replies
        # What this answer tells is compared as the thing it is: the values are each twin's own.
        for name, source in line.told.items():
            self._told[name] = (_told(direct, source), _told(forebay, source))
        names = {**self._told, **_paired(direct, forebay)}
        found = tuple(differences(direct, forebay, names))
        reason = find_reason(line, found) if found else ""
        return Row(line.name, direct.status, error_code(direct), found, reason)

    def _send(self, line: Line, side: int) -> Reply:
        bucket = self._filled(line.bucket, side)
        path = f"/{bucket}/{encoded(line.key)}" if line.key else f"/{bucket}"
        headers = {name: self._filled(value, side) for name, value in line.headers.items()}
        body = line.body
        if isinstance(body, str):
            body = self._filled(body, side).encode()
        if (
            body
            and not line.key.startswith(("bad", "new", "class"))
            and "Content-MD5" not in headers
        ):
            headers["Content-MD5"] = base64.b64encode(md5(body).digest()).decode()
        query = self._filled(line.query, side)
        return self._sides[side].ask(line.method, path, query, headers, body=body)

    def _filled(self, text: str, side: int) -> str:
        for name, values in self._told.items():
            text = text.replace(f"{{{name}}}", values[side])
        return text


def _paired(direct: Reply, forebay: Reply) -> dict[str, tuple[str, str]]:
    """Return the ids that both answers name in the same places: each twin has its own."""
    pairs = zip(_ids(direct), _ids(forebay), strict=False)
    return {f"id {number}": pair for number, pair in enumerate(pairs)}


def _ids(reply: Reply) -> list[str]:
    found = [reply.header("x-amz-version-id") or "null"]
    if reply.body.startswith(b"<"):
        for name in _ID_ELEMENTS:
            found += texts(reply.body, name)
    return [value for value in found if value != "null"]


def _told(reply: Reply, source: str) -> str:
    value = reply.header(source)
    if value is None and reply.body.startswith(b"<"):
        value = next(iter(texts(reply.body, source)), None)
    return value or "untold"


def main(words: Sequence[str]) -> int:
    """Run the suite; exit code 1 if any line differs."""
    parser = argparse.ArgumentParser(prog="conformance/run.py passthrough", description=__doc__)
    parser.add_argument("--origin", choices=ORIGINS, default="versitygw")
    parser.add_argument("--out", type=Path, default=_RESULTS)
    chosen = parser.parse_args(words)
    rows = _rows(chosen.origin)
    counts = Counter(row.verdict for row in rows)
    path = _write(rows, counts, chosen.origin, chosen.out)
    for row in rows:
        if row.verdict == "DIFFERS":
            sys.stdout.write(f"{row.line}\n")
            for one in row.differences:
                sys.stdout.write(f"    {one.what}: {one.direct[:300]!r}\n")
                sys.stdout.write(f"    {' ' * len(one.what)}  {one.forebay[:300]!r}\n")
    sys.stdout.write(f"{chosen.origin}: {dict(counts)}\n{path}\n")
    return 1 if counts["DIFFERS"] else 0


def _rows(origin_name: str) -> list[Row]:
    with (
        tempfile.TemporaryDirectory(prefix="forebay-passthrough-") as folder,
        running_origin(origin_name) as origin,
        running_gateway(origin, Path(folder)) as gateway,
    ):
        direct, forebay = (
            Place(server.endpoint, bucket, server.access_key, server.secret_key)
            for server, bucket in zip((origin, gateway), _TWINS, strict=True)
        )
        twins = Twins(direct, forebay)
        return [twins.compare(line) for line in LINES]


def _write(rows: Sequence[Row], counts: Counter[str], origin: str, folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    table = folder / f"passthrough-{origin}.md"
    told = {"origin": origin, "counts": counts, "rows": [asdict(row) for row in rows]}
    table.with_suffix(".json").write_text(json.dumps(told, indent=1) + "\n")
    counted = ", ".join(f"{count} {verdict}" for verdict, count in counts.items())
    lines = [f"# {origin} directly and through Forebay, line by line", "", f"{counted}.", ""]
    lines += ["| request | the origin's answer | through Forebay |", "|---|---|---|"]
    for row in rows:
        told_differences = "; ".join(
            f"{one.what}: {one.direct[:60]} → {one.forebay[:60]}" for one in row.differences
        )
        words = row.verdict + (f" ({row.reason})" if row.reason else "")
        if told_differences:
            words += f": {told_differences}"
        cells = (f"`{row.line}`", f"{row.status} {row.code}", words)
        lines.append(f"| {' | '.join(cell.replace('|', '¦') for cell in cells)} |")
    table.write_text("\n".join(" ".join(line.split("\n")) for line in lines) + "\n")
    return table
