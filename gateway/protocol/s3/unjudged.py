"""What no judgement covers: requests that reach another object than the one they name (pure).

A copy's source is judged where it is known to be a copy. The same header under an operation that
Forebay does not know, or in a query, reaches an origin that obeys it, and reads for the client what
Forebay may read. Such requests are refused, whoever asks.
"""

from collections.abc import Collection, Mapping
from typing import Final

from gateway.model.failures import NotSupported
from gateway.protocol.s3.operations import Operation

_READS: Final = frozenset({"GET", "HEAD"})
_COPIES: Final = frozenset({"CopyObject", "UploadPartCopy"})
_COPY_SOURCE: Final = "x-amz-copy-source"
_ELSEWHERE: Final = (
    "x-amz-rename-source",
    # MinIO unpacks the archive to wherever its names say.
    "x-amz-meta-snowball-auto-extract",
)


def refuse_unjudged(
    method: str, operation: Operation, query_names: Collection[str], headers: Mapping[str, str]
) -> None:
    """Raise NotSupported for a request that would reach an object which nobody judged."""
    if method in _READS:
        return
    hoisted = {name.lower() for name in query_names}
    for name in (_COPY_SOURCE, *_ELSEWHERE):
        is_judged = name == _COPY_SOURCE and operation.name in _COPIES
        if name in hoisted or (name in headers and not is_judged):
            raise NotSupported(f"{name} is not supported in this request")
