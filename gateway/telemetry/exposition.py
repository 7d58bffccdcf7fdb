"""What /metrics says: the slots of all workers summed, in Prometheus's text format."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)
from prometheus_client.core import (
    Metric as Family,
)
from prometheus_client.registry import Collector

from gateway.telemetry.instruments import SECONDS_BOUNDS
from gateway.telemetry.metrics import METRICS, Metric
from gateway.telemetry.slots import Series, read_slots

CONTENT_TYPE: Final = CONTENT_TYPE_LATEST

Totals = dict[tuple[str, ...], dict[str, float]]
"""The numbers of one metric: label values -> part of a histogram ('' otherwise) -> number."""


def render(paths: Iterable[Path]) -> bytes:
    """Return the text for the files that workers count in."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Sum(paths))
    return generate_latest(registry)


class _Sum(Collector):
    """All metrics of the table, each summed over the files."""

    def __init__(self, paths: Iterable[Path]) -> None:
        self._paths = list(paths)

    def collect(self) -> Iterator[Family]:
        totals = merge(series for path in self._paths for series in read_slots(path))
        for name, metric in METRICS.items():
            yield _family(metric, totals.get(name, {}))


def merge(counted: Iterable[tuple[Series, float]]) -> dict[str, Totals]:
    """Return what all processes together counted, by metric, labels and part."""
    totals: dict[str, Totals] = defaultdict(lambda: defaultdict(lambda: defaultdict(float)))
    for series, value in counted:
        parts = totals[series.metric][tuple(label for _, label in series.labels)]
        metric = METRICS.get(series.metric)
        if metric is not None and metric.merge == "max":
            parts[series.part] = max(parts[series.part], value)
        else:
            parts[series.part] += value
    return totals


def _family(metric: Metric, totals: Totals) -> Family:
    name = f"forebay_{metric.name}"
    if metric.kind == "histogram":
        histogram = HistogramMetricFamily(name, metric.text, labels=metric.labels)
        for values, parts in totals.items():
            histogram.add_metric(values, list(_cumulative(parts)), parts.get("sum", 0.0))
        return histogram
    kind = CounterMetricFamily if metric.kind == "counter" else GaugeMetricFamily
    family: CounterMetricFamily | GaugeMetricFamily = kind(name, metric.text, labels=metric.labels)
    # A metric without labels is shown from the start, so that rates have a zero to begin at.
    rows = totals or ({} if metric.labels else {(): {"": 0.0}})
    for values, parts in rows.items():
        family.add_metric(values, parts.get("", 0.0))
    return family


def _cumulative(parts: dict[str, float]) -> Iterator[tuple[str, float]]:
    count = 0.0
    for bound in [*(f"{bound:g}" for bound in SECONDS_BOUNDS), "+Inf"]:
        count += parts.get(bound, 0.0)
        yield bound, count
