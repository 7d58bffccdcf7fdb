"""From the settings to the bounds of one worker: connections, and what identities may use."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from gateway.access.metering import Metering
from gateway.access.shared_buckets import SharedBuckets
from gateway.doors.connections import Limits, connections_bound
from gateway.settings.tree import Settings


def limits_of(settings: Settings) -> Limits:
    """Return the bounds of connections; the process may open as many files as it can get."""
    chosen = settings.limits
    return Limits(
        connections_max=connections_bound(
            chosen.connections_max, chosen.requests_max + settings.origin.connections_max
        ),
        headers_max=chosen.headers_max,
        header_bytes_max=settings.s3.header_bytes_max,
        head_bytes_max=chosen.head_bytes_max,
        header_seconds=chosen.header_seconds,
        stall_seconds=chosen.stall_seconds,
        bytes_per_second_min=chosen.bytes_per_second_min,
        handshake_seconds=chosen.handshake_seconds,
        keepalive_seconds=settings.s3.keepalive_seconds,
    )


@contextmanager
def metering_of(shared_folder: Path | None) -> Iterator[Metering]:
    """Yield what counts the use of identities, together with the other workers of the folder."""
    path = shared_folder / "buckets" if shared_folder is not None else None
    with closing(SharedBuckets(path)) as buckets:
        yield Metering(buckets)
