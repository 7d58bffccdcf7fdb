"""The answer to a hit as it stands on the wire: what is the same for one row is written once."""

from functools import lru_cache
from typing import Final

from gateway.core.hits import Hit
from gateway.doors.whole_answer import date_line, whole_head
from gateway.flash.rows import Row
from gateway.protocol.s3.headers import shown_headers

_HEADS_MAX: Final = 1024


class HitAnswers:
    """Writes answers, and keeps the head of the row that was answered from last."""

    def __init__(self) -> None:
        """Keep none yet."""
        self._last: tuple[Row | None, str, bool] = None, "", False
        self._last_head = b""

    def written(self, hit: Hit, request_id: str, *, has_checksums: bool) -> bytes:
        """Return the whole answer; raises ValueError for a header that would split it."""
        row, cache, had_checksums = self._last
        if row is not hit.row or cache != hit.cache or had_checksums is not has_checksums:
            self._last_head = _fixed_head(
                hit.row.headers, len(hit.body), hit.cache, has_checksums=has_checksums
            )
            self._last = hit.row, hit.cache, has_checksums
        ours = (
            f"Age: {hit.age_seconds}\r\nx-amz-request-id: {request_id}\r\n"
            f"x-forebay-request-id: {request_id}\r\n{date_line()}\r\n"
        )
        return b"".join((self._last_head, ours.encode(), hit.body))


@lru_cache(maxsize=_HEADS_MAX)
def _fixed_head(
    headers: tuple[tuple[str, str], ...], length: int, cache: str, *, has_checksums: bool
) -> bytes:
    """Return what is the same in every answer from one row, without the empty line at the end."""
    shown = shown_headers(headers, has_checksums=has_checksums).copy()
    shown["Accept-Ranges"] = "bytes"
    shown["Server"] = "Forebay"
    shown["X-Cache"] = cache
    return whole_head(200, shown, length).removesuffix(b"\r\n")
