"""The Grafana dashboard, from a table of panels: `make docs` writes deploy/grafana/forebay.json.

A panel is its title, its unit and what it draws; every metric is on one of them.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

PATH = Path(__file__).parents[2] / "deploy" / "grafana" / "forebay.json"
_WIDTH, _HEIGHT, _COLUMNS = 8, 8, 3
_SOURCE = {"type": "prometheus", "uid": "${source}"}
_WINDOW = "$__rate_interval"


@dataclass(frozen=True, slots=True)
class Panel:
    """One graph; `lines` are pairs of legend and PromQL."""

    title: str
    unit: str
    lines: tuple[tuple[str, str], ...]


def rate(name: str, by: str = "") -> str:
    """Return a counter's growth a second, over all gateways, or by a label."""
    inner = f'rate(forebay_{name}_total{{job=~"$job"}}[{_WINDOW}])'
    return f"sum by ({by}) ({inner})" if by else f"sum({inner})"


def gauge(name: str) -> str:
    """Return a gauge over all gateways."""
    return f'sum(forebay_{name}{{job=~"$job"}})'


def latest(name: str) -> str:
    """Return how long ago, or in how long, a moment is; nothing where it is not known."""
    return f'max(forebay_{name}{{job=~"$job"}} > 0)'


def quantile(share: float) -> str:
    """Return how long that share of requests took at most."""
    inner = f'rate(forebay_request_seconds_bucket{{job=~"$job"}}[{_WINDOW}])'
    return f"histogram_quantile({share}, sum by (le) ({inner}))"


def _share(part: str, *others: str) -> str:
    whole = " + ".join(map(rate, (part, *others)))
    return f"{rate(part)} / ({whole})"


_READS = ("reads_from_flash", "reads_from_origin", "reads_stale", "reads_bypassed")

SECTIONS: dict[str, tuple[Panel, ...]] = {
    "Requests": (
        Panel("Requests", "reqps", (("{{operation}}", rate("requests", "operation")),)),
        Panel("Answers by status", "reqps", (("{{status}}", rate("requests", "status")),)),
        Panel(
            "Time from head to last byte",
            "s",
            (("p50", quantile(0.5)), ("p95", quantile(0.95)), ("p99", quantile(0.99))),
        ),
        Panel("In flight", "short", (("requests", gauge("requests_in_flight")),)),
        Panel("Told to slow down", "reqps", (("{{bound}}", rate("requests_slowed", "bound")),)),
    ),
    "Connections": (
        Panel("Open connections", "short", (("open", gauge("connections_open")),)),
        Panel(
            "Refused, or made to give way",
            "ops",
            (
                ("refused", rate("connections_refused")),
                ("gave way: {{state}}", rate("connections_gave_way", "state")),
            ),
        ),
        Panel(
            "Too slow, or slowed",
            "ops",
            (
                ("let go: {{awaited}}", rate("clients_timed_out", "awaited")),
                ("seconds of pacing a second", rate("bodies_paced_seconds")),
            ),
        ),
    ),
    "Reading": (
        Panel("Share of reads from flash", "percentunit", (("flash", _share(*_READS)),)),
        Panel(
            "Reads", "reqps", tuple((name.removeprefix("reads_"), rate(name)) for name in _READS)
        ),
        Panel(
            "Body bytes",
            "Bps",
            (
                ("sent from flash", rate("bytes_from_flash")),
                ("received from the origin", rate("bytes_from_origin")),
            ),
        ),
        Panel(
            "Questions whether a hit is fresh",
            "ops",
            (
                ("sent", rate("validations_sent")),
                ("joined", rate("validations_joined")),
                ("batched", rate("validations_batched")),
                ("pages", rate("validation_pages")),
                ("pages untrue", rate("validation_pages_untrue")),
            ),
        ),
        Panel(
            "Fills",
            "ops",
            (
                *(
                    (name, rate(f"fills_{name}"))
                    for name in ("started", "joined", "failed", "unstored")
                ),
                ("not admitted", rate("reads_not_admitted")),
            ),
        ),
        Panel("Memory of fills", "bytes", (("held", gauge("fill_memory_bytes")),)),
    ),
    "Writing": (
        Panel(
            "Bodies",
            "ops",
            (("verified", rate("writes_verified")), ("refused", rate("writes_refused"))),
        ),
        Panel(
            "Kept on flash when written",
            "ops",
            (("admitted", rate("writes_admitted")), ("not", rate("writes_not_admitted"))),
        ),
        Panel("Body bytes to the origin", "Bps", (("sent", rate("bytes_to_origin")),)),
    ),
    "The origin": (
        Panel(
            "Requests to the origin", "reqps", (("{{method}}", rate("origin_requests", "method")),)
        ),
        Panel(
            "Asked again",
            "ops",
            (
                ("repetitions", rate("origin_retries")),
                ("waited for their budget", rate("origin_retries_waited")),
                ("bodies resumed", rate("bodies_resumed")),
                ("hedges", rate("origin_hedges")),
            ),
        ),
        Panel(
            "Away",
            "short",
            (
                ("workers that wait", gauge("origin_breaker_open")),
                ("times a second that one began to", rate("origin_breaker_opened")),
                ("requests that broke", rate("origin_failures")),
            ),
        ),
    ),
    "Snapshots": (
        Panel(
            "Recorded versions that are gone",
            "ops",
            (("refused", rate("snapshot_versions_gone")),),
        ),
    ),
    "Moves of files": (
        Panel(
            "On their way",
            "short",
            (("now", gauge("moves_running")), ("stuck", gauge("moves_waiting"))),
        ),
        Panel("Objects moved or removed", "ops", (("objects", rate("keys_moved")),)),
        Panel(
            "Ended otherwise",
            "ops",
            (("undone", rate("moves_undone")), ("completed later", rate("moves_completed"))),
        ),
    ),
    "Flash": (
        Panel(
            "Occupied by segments", "bytes", (("bytes", 'max(forebay_flash_bytes{job=~"$job"})'),)
        ),
        Panel(
            "Chunks",
            "ops",
            (
                ("stored", rate("chunks_stored")),
                ("carried over", rate("chunks_carried")),
                ("segments evicted", rate("segments_evicted")),
            ),
        ),
        Panel(
            "Trouble",
            "short",
            (
                ("workers around flash", gauge("flash_bypass")),
                ("refused", rate("flash_failures")),
                ("chunks corrupt", rate("chunks_corrupt")),
                ("chunks repaired", rate("chunks_repaired")),
                ("bodies corrupt", rate("bodies_corrupt")),
            ),
        ),
        Panel("Scrub", "Bps", (("read", rate("scrub_bytes")),)),
        Panel("Scrub: last round", "s", (("ago", f"time() - {latest('scrub_finished')}"),)),
    ),
    "Mounts": (
        Panel("Open in mounts", "short", (("handles", gauge("mount_handles")),)),
        Panel("Reads of mounts", "ops", (("{{way}}", rate("mount_reads", "way")),)),
        Panel("Staged in mounts", "bytes", (("bytes", gauge("mount_staged_bytes")),)),
        Panel(
            "Files written by mounts",
            "ops",
            (("written", rate("mount_uploads")), ("failed", rate("mount_uploads_failed"))),
        ),
    ),
    "Processes": (
        Panel(
            "Workers",
            "short",
            (("ready", gauge("workers_ready")), ("replaced a second", rate("workers_replaced"))),
        ),
        Panel(
            "Reloads",
            "ops",
            (
                ("taken", rate("reloads")),
                ("refused", rate("reloads_refused")),
                ("certificates taken", rate("tls_reloads")),
                ("certificates refused", rate("tls_reloads_refused")),
            ),
        ),
        Panel(
            "The certificate ends in", "s", (("in", f"{latest('tls_certificate_ends')} - time()"),)
        ),
        Panel(
            "Logs",
            "ops",
            (
                ("audit lines", rate("audit_lines")),
                ("audit lines that failed", rate("audit_lines_failed")),
                ("access lines dropped", rate("access_lines_dropped")),
            ),
        ),
    ),
}
"""The sections of gateway/telemetry/metrics.py, in its order."""


def dashboard() -> dict[str, Any]:
    """Return the dashboard as Grafana imports it (schema 39: version 10.4 and later)."""
    return {
        "title": "Forebay",
        "uid": "forebay",
        "tags": ["forebay"],
        "editable": True,
        "graphTooltip": 1,
        "refresh": "30s",
        "schemaVersion": 39,
        "time": {"from": "now-6h", "to": "now"},
        "templating": {"list": [_source_choice(), _job_choice()]},
        "panels": list(_panels()),
    }


def written() -> str:
    """Return the file's text."""
    return json.dumps(dashboard(), indent=1) + "\n"


def _panels() -> Iterator[dict[str, Any]]:
    numbers, top = count(1), 0
    for section, panels in SECTIONS.items():
        yield {
            "id": next(numbers),
            "type": "row",
            "title": section,
            "collapsed": False,
            "gridPos": {"x": 0, "y": top, "w": _WIDTH * _COLUMNS, "h": 1},
            "panels": [],
        }
        top += 1
        for at, panel in enumerate(panels):
            row, column = divmod(at, _COLUMNS)
            place = {
                "x": column * _WIDTH, "y": top + row * _HEIGHT, "w": _WIDTH, "h": _HEIGHT,
            }  # fmt: skip
            yield _panel(panel, next(numbers), place)
        top += -(-len(panels) // _COLUMNS) * _HEIGHT


def _panel(panel: Panel, number: int, place: dict[str, int]) -> dict[str, Any]:
    return {
        "id": number,
        "type": "timeseries",
        "title": panel.title,
        "datasource": _SOURCE,
        "gridPos": place,
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0}, "overrides": []},
        "options": {"legend": {"displayMode": "list", "placement": "bottom"}},
        "targets": [
            {
                "refId": chr(ord("A") + at),
                "datasource": _SOURCE,
                "expr": expr,
                "legendFormat": legend,
            }
            for at, (legend, expr) in enumerate(panel.lines)
        ],
    }


def _source_choice() -> dict[str, Any]:
    return {"name": "source", "label": "Prometheus", "type": "datasource", "query": "prometheus"}


def _job_choice() -> dict[str, Any]:
    query = "label_values(forebay_workers_ready, job)"
    return {
        "name": "job",
        "type": "query",
        "datasource": _SOURCE,
        "query": {"query": query, "refId": "job"},
        "definition": query,
        "refresh": 2,
        "includeAll": True,
        "allValue": ".*",
        "multi": True,
        "current": {"text": "All", "value": "$__all"},
    }
