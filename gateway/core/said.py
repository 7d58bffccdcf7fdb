"""A whole small answer of the origin's to a change, and what failure it tells of."""

from dataclasses import dataclass
from typing import Final

from multidict import CIMultiDictProxy

from gateway.core.writing import may_have_changed
from gateway.model.failures import (
    Failure,
    NotSupported,
    OriginRefused,
    OriginUnreachable,
    PreconditionFailed,
)
from gateway.origin.interface import Origin, OriginAnswer, OriginRequest
from gateway.origin.patience import PASSING_STATUSES
from gateway.protocol.s3.errors import ERRORS
from gateway.protocol.s3.responses import find_error

ANSWER_BYTES_MAX: Final = 4 * 1024 * 1024
"""A thousand errors of DeleteObjects; all others are smaller by far."""
_OK: Final = 200
_ERRORS_FROM: Final = 300
_NOT_FOUND: Final = 404
_UNSURE: Final = frozenset({500, 502, 504})
_CONDITION_FAILED: Final = frozenset({"PreconditionFailed", "ConditionalRequestConflict"})
"""The second: somebody else writes the key at this moment, and one of both must begin anew.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html"""


@dataclass(frozen=True, slots=True)
class Condition:
    """What must stand at a key for a change to be made; the origin judges it as it makes it."""

    etag: str = ""
    """That of what is replaced, with its quotes."""
    is_absent: bool = False

    @property
    def headers(self) -> dict[str, str]:
        """Return the headers that ask for it."""
        if self.is_absent:
            return {"If-None-Match": "*"}
        return {"If-Match": self.etag} if self.etag else {}

    def headers_if(self, *, is_judged: bool) -> dict[str, str]:
        """Return the headers; raises NotSupported where the origin would ignore them."""
        headers = self.headers
        if headers and not is_judged:
            raise NotSupported(
                f"The bucket's server would ignore {next(iter(headers))} on a write, so that it is "
                "refused (origin.conditional_writes)"
            )
        return headers


ANYTHING: Final = Condition()
ABSENT: Final = Condition(is_absent=True)


@dataclass(frozen=True, slots=True)
class Said:
    """A whole answer; a 200 of a copy or a completion may hold an error all the same."""

    status: int
    headers: CIMultiDictProxy[str]
    body: bytes

    @property
    def code(self) -> str:
        """Return the error's code; '' where it is none, or a status without words."""
        error = find_error(self.body)
        return error.code if error is not None else ""

    @property
    def is_done(self) -> bool:
        """Return whether it was done."""
        return self.status < _ERRORS_FROM and not self.code

    @property
    def error_status(self) -> int:
        """Return the status of an error, also of one in a 200."""
        if self.status >= _ERRORS_FROM:
            return self.status
        return ERRORS.get(self.code, ERRORS["InternalError"])[0]

    @property
    def may_have_changed(self) -> bool:
        """Return whether what was asked may have taken place."""
        return may_have_changed(self.error_status if self.code else self.status)

    @property
    def is_passing(self) -> bool:
        """Return whether the same question may be answered well in a moment."""
        return not self.is_done and self.error_status in PASSING_STATUSES

    def failure(self, condition: Condition = ANYTHING, source_etag: str = "") -> Failure:
        """Return what went wrong.

        PreconditionFailed for a condition on what is replaced, or on the source of a copy;
        OriginUnreachable where nobody knows what came of it; else OriginRefused.
        """
        status, asked = self.error_status, condition.headers
        is_gone = status == _NOT_FOUND and self.code in {"", "NoSuchKey"}
        if self.code in _CONDITION_FAILED or status == 412 or (is_gone and "If-Match" in asked):  # noqa: PLR2004
            named = next(iter(asked), "x-amz-copy-source-if-match" if source_etag else "")
            return PreconditionFailed(named)
        if status in _UNSURE:
            return OriginUnreachable(f"the origin answered {status} {self.code}".rstrip())
        return OriginRefused(status, self.headers, self.body)


async def say(origin: Origin, request: OriginRequest) -> Said:
    """Ask, and return the whole answer; raises OriginUnreachable."""
    return await whole(await origin.ask(request))


async def whole(answer: OriginAnswer) -> Said:
    """Return an answer with its body; raises OriginUnreachable where it breaks off."""
    return Said(answer.status, answer.headers, await answer.read(ANSWER_BYTES_MAX))
