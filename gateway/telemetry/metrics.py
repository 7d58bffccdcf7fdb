"""Every metric, once: its name, what it counts, and the instrument that counts it.

Metrics are named after the branch that was taken. An instrument is the attribute, its name on
/metrics has `forebay_` before it, and `_total` behind it where it is a counter. The process counts
in private memory until `share` is called, as workers do when they start.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from gateway.telemetry.instruments import Counter, Gauge, Histogram, Kind, Labelled
from gateway.telemetry.slots import Slots

Merge = Literal["sum", "max"]


@dataclass(frozen=True, slots=True)
class Metric:
    """What /metrics says of a metric."""

    name: str
    kind: Kind
    text: str
    labels: tuple[str, ...] = ()
    merge: Merge = "sum"
    """How the numbers of workers become one: `max` where all of them see the same thing."""

    @property
    def shown(self) -> str:
        """Return the name on /metrics, `_total` included."""
        return f"forebay_{self.name}" + ("_total" if self.kind == "counter" else "")


METRICS: Final[dict[str, Metric]] = {}
"""All metrics by name, in the order declared."""
_slots: Final = Slots()


def _declare(
    name: str, kind: Kind, text: str, labels: Sequence[str] = (), merge: Merge = "sum"
) -> str:
    METRICS[name] = Metric(name, kind, text, tuple(labels), merge)
    return name


def _counter(name: str, text: str) -> Counter:
    return Counter(_slots, _declare(name, "counter", text), ())


def _gauge(name: str, text: str, merge: Merge = "sum") -> Gauge:
    return Gauge(_slots, _declare(name, "gauge", text, merge=merge), ())


def _counters(name: str, text: str, *labels: str) -> Labelled[Counter]:
    return Labelled(Counter, _slots, _declare(name, "counter", text, labels), labels)


def _histograms(name: str, text: str, *labels: str) -> Labelled[Histogram]:
    return Labelled(Histogram, _slots, _declare(name, "histogram", text, labels), labels)


def share(path: Path) -> None:
    """Count in the file from now on, where the supervisor reads it."""
    gauges = frozenset(metric.name for metric in METRICS.values() if metric.kind == "gauge")
    _slots.share(path, forgotten=gauges)


# Requests
requests = _counters(
    "requests",
    "Requests answered; the status `200-error` is a 200 with an `<Error>` in it.",
    "door",
    "operation",
    "status",
)
request_seconds = _histograms("request_seconds", "Time from head to last byte.", "door")
requests_in_flight = _gauge("requests_in_flight", "Requests being answered now.")
requests_slowed = _counters(
    "requests_slowed", "Requests refused with 503 SlowDown, by the bound they ran into.", "bound"
)

# Connections
connections_open = _gauge("connections_open", "Connections of clients that are open now.")
connections_refused = _counter(
    "connections_refused", "Connections beyond limits.connections_max, told 503 SlowDown."
)
connections_gave_way = _counters(
    "connections_gave_way",
    "Connections closed to make room for a new one, by their state.",
    "state",
)
clients_timed_out = _counters(
    "clients_timed_out",
    "Clients that took too long and were let go, by what was awaited.",
    "awaited",
)
bodies_paced_seconds = _counter(
    "bodies_paced_seconds", "Time that bodies waited for their identity's bytes_per_second_max."
)

# Reading
reads_from_flash = _counter("reads_from_flash", "Reads answered wholly from flash.")
reads_from_origin = _counter("reads_from_origin", "Reads that needed bytes of the origin.")
reads_stale = _counter("reads_stale", "Reads of old rows while the origin could not be asked.")
reads_bypassed = _counter("reads_bypassed", "Reads streamed past flash.")
bytes_from_flash = _counter("bytes_from_flash", "Body bytes sent from flash.")
bytes_from_origin = _counter("bytes_from_origin", "Body bytes received from the origin.")
bodies_resumed = _counter("bodies_resumed", "Bodies the origin cut short, and that were resumed.")
validations_sent = _counter("validations_sent", "Questions to the origin whether a hit is fresh.")
validations_joined = _counter("validations_joined", "Reads that shared another's question.")
validations_batched = _counter(
    "validations_batched", "Objects that a page of a listing confirmed in place of a HEAD."
)
validation_pages = _counter("validation_pages", "LIST pages asked for to confirm objects.")
validation_pages_untrue = _counter(
    "validation_pages_untrue", "LIST pages that did not show what HEAD shows: LIST is behind."
)
fills_started = _counter("fills_started", "Fetches of a run of chunks that were begun.")
fills_joined = _counter("fills_joined", "Reads that followed another's fetch.")
fills_failed = _counter("fills_failed", "Fetches that ended early.")
reads_not_admitted = _counter(
    "reads_not_admitted", "Reads that streamed past flash, which does not take the object."
)
fills_unstored = _counter("fills_unstored", "Chunks that were sent on but not kept on flash.")
fill_memory_bytes = _gauge("fill_memory_bytes", "Memory held by fetches now.")

# Writing
writes_verified = _counter("writes_verified", "Bodies that were what they claimed, sent on.")
writes_refused = _counter("writes_refused", "Bodies that were not, and reached no origin.")
writes_admitted = _counter("writes_admitted", "Written bodies that were kept on flash at once.")
writes_not_admitted = _counter("writes_not_admitted", "Written bodies that flash did not take.")
bytes_to_origin = _counter("bytes_to_origin", "Body bytes sent to the origin.")

# The origin
origin_requests = _counters("origin_requests", "Requests sent to the origin.", "method")
origin_retries = _counter("origin_retries", "Requests sent to the origin once more.")
origin_retries_waited = _counter(
    "origin_retries_waited", "Times that a repetition had to wait for its budget."
)
origin_hedges = _counter("origin_hedges", "Second questions for first ones that took too long.")
origin_breaker_opened = _counter(
    "origin_breaker_opened", "Times that questions stopped because the origin kept failing."
)
origin_breaker_open = _gauge("origin_breaker_open", "Workers that wait for the origin now.")
origin_failures = _counter("origin_failures", "Requests that the origin could not be asked.")

# Snapshots
snapshot_versions_gone = _counter(
    "snapshot_versions_gone", "Reads of a recorded version that the origin has no more: refused."
)

# Moves of files
moves_running = _gauge("moves_running", "Renames and recursive deletions on their way now.")
keys_moved = _counter("keys_moved", "Objects copied by renames, or deleted by recursive deletions.")
moves_undone = _counter("moves_undone", "Renames that failed, or died, and were undone.")
moves_completed = _counter(
    "moves_completed", "Renames and deletions that died after their commit and were completed."
)
moves_waiting = _gauge(
    "moves_waiting", "Moves that could be neither undone nor completed yet.", "max"
)

# Flash
flash_bypass = _gauge("flash_bypass", "Workers that go around flash because of trouble with it.")
flash_failures = _counter("flash_failures", "Reads and writes that flash refused.")
flash_bytes = _gauge("flash_bytes", "Bytes that segments occupy, as last seen.", "max")
chunks_stored = _counter("chunks_stored", "Chunks written to flash.")
chunks_carried = _counter("chunks_carried", "Hot chunks carried over from an evicted segment.")
chunks_corrupt = _counter("chunks_corrupt", "Chunks whose checksum was wrong: read as a miss.")
chunks_repaired = _counter("chunks_repaired", "Chunks fetched again in place of corrupt ones.")
scrub_bytes = _counter("scrub_bytes", "Bytes that the scrub read and judged.")
scrub_finished = _gauge(
    "scrub_finished",
    "When the scrub last came round all of flash, in seconds since 1970; 0 for not yet.",
    "max",
)
bodies_corrupt = _counter(
    "bodies_corrupt", "Whole bodies that were not what the origin's checksum says: dropped."
)
segments_evicted = _counter("segments_evicted", "Segments removed to make room.")

# Mounts
mount_handles = _gauge("mount_handles", "Files and directories that are open in mounts.")
mount_reads = _counters(
    "mount_reads", "Reads of the kernel, by how they were answered: sequential or random.", "way"
)

mount_staged_bytes = _gauge("mount_staged_bytes", "Bytes of files staged in mounts now.")
mount_uploads = _counter("mount_uploads", "Files that mounts wrote to the origin.")
mount_uploads_failed = _counter(
    "mount_uploads_failed", "Files that mounts could not write; close or fsync told so."
)

# Processes
workers_ready = _gauge("workers_ready", "Workers that serve.")
workers_replaced = _counter("workers_replaced", "Workers that died and were replaced.")
reloads = _counter("reloads", "Settings read again and taken.")
reloads_refused = _counter("reloads_refused", "Settings read again and refused.")
tls_reloads = _counter("tls_reloads", "Certificates read again after their files changed.")
tls_reloads_refused = _counter(
    "tls_reloads_refused", "Changed certificate files that were no good: the old stay in use."
)
tls_certificate_ends = _gauge(
    "tls_certificate_ends", "When `s3.tls_cert` ends, in seconds since 1970; 0 without TLS.", "max"
)
access_lines_dropped = _counter(
    "access_lines_dropped", "Access log lines dropped because their target was too slow."
)
audit_lines = _counter("audit_lines", "Lines of the audit log.")
audit_lines_failed = _counter(
    "audit_lines_failed", "Lines that could not be written; what they told of was not done."
)
