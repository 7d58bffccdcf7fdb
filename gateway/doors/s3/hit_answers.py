"""The answer to a hit as it stands on the wire: what is the same for one row is written once."""

from functools import lru_cache
from typing import Final

from multidict import CIMultiDict

from gateway.core.hits import Hit
from gateway.doors.whole_answer import date_line, whole_head
from gateway.flash.rows import Row
from gateway.protocol.s3.headers import object_headers, without_checksums

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
            # By what is shown: a confirmation brings a row of its own, with another Date and id.
            self._last_head = _fixed_head(
                _shown(hit.row.headers), len(hit.body), hit.cache, has_checksums=has_checksums
            )
            self._last = hit.row, hit.cache, has_checksums
        ours = (
            f"Age: {hit.age_seconds}\r\nx-amz-request-id: {request_id}\r\n"
            f"x-forebay-request-id: {request_id}\r\n{date_line()}\r\n"
        )
        return b"".join((self._last_head, ours.encode(), hit.body))


@lru_cache(maxsize=_HEADS_MAX)
def _shown(headers: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    return tuple(object_headers(headers))


@lru_cache(maxsize=_HEADS_MAX)
def _fixed_head(
    headers: tuple[tuple[str, str], ...], length: int, cache: str, *, has_checksums: bool
) -> bytes:
    """Return what is the same in every answer of one version, without the empty line at the end."""
    shown = CIMultiDict(headers if has_checksums else without_checksums(headers))
    shown["Accept-Ranges"] = "bytes"
    shown["Server"] = "Forebay"
    shown["X-Cache"] = cache
    return whole_head(200, shown, length).removesuffix(b"\r\n")
