"""Metrics: counted cheaply in each process, summed by another, kept when a worker is replaced."""

import re

import pytest
from prometheus_client.parser import text_string_to_metric_families

from gateway.telemetry.exposition import render
from gateway.telemetry.instruments import Counter, Gauge, Histogram, Labelled
from gateway.telemetry.metrics import METRICS
from gateway.telemetry.slots import OVERFLOW, SLOTS_MAX, Series, Slots, read_slots


class Process:
    """What one worker counts with."""

    def __init__(self):
        self.slots = Slots()
        self.joined = Counter(self.slots, "fills_joined", ())
        self.bypass = Gauge(self.slots, "flash_bypass", ())
        self.requests = Labelled(Counter, self.slots, "requests", ("door", "operation", "status"))
        self.seconds = Labelled(Histogram, self.slots, "request_seconds", ("door",))

    def share(self, path):
        self.slots.share(path, forgotten=frozenset({"flash_bypass"}))


def shown(*paths):
    text = render(paths).decode()
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_workers_are_summed(tmp_path):
    for name in ("0", "1"):
        worker = Process()
        worker.share(tmp_path / name)
        worker.joined.inc(3)
        worker.requests.labels(door="s3", operation="GetObject", status="200").inc()
    samples = shown(tmp_path / "0", tmp_path / "1", tmp_path / "absent")
    assert samples["forebay_fills_joined_total",] == 6
    assert samples["forebay_requests_total", "s3", "GetObject", "200"] == 2


def test_what_was_counted_before_the_file_was_shared_is_kept(tmp_path):
    worker = Process()
    worker.joined.inc(2)
    worker.share(tmp_path / "0")
    worker.joined.inc()
    assert worker.joined.value == 3
    assert shown(tmp_path / "0")["forebay_fills_joined_total",] == 3


def test_a_replaced_worker_counts_on_and_its_gauges_begin_anew(tmp_path):
    first = Process()
    first.share(tmp_path / "0")
    first.requests.labels(door="s3", operation="PutObject", status="200").inc(5)
    first.joined.inc(2)
    first.bypass.set(1)
    second = Process()
    second.requests.labels(door="s3", operation="GetObject", status="404").inc()
    second.share(tmp_path / "0")
    second.requests.labels(door="s3", operation="PutObject", status="200").inc()
    samples = shown(tmp_path / "0")
    assert samples["forebay_requests_total", "s3", "PutObject", "200"] == 6
    assert samples["forebay_requests_total", "s3", "GetObject", "404"] == 1
    assert samples["forebay_fills_joined_total",] == 2
    assert samples["forebay_flash_bypass",] == 0


def test_what_all_workers_see_alike_is_not_summed(tmp_path):
    for name, seen in (("0", 7.0), ("1", 9.0)):
        worker = Process()
        worker.share(tmp_path / name)
        Gauge(worker.slots, "flash_bytes", ()).set(seen)
    assert shown(tmp_path / "0", tmp_path / "1")["forebay_flash_bytes",] == 9


def test_gauges_go_both_ways():
    gauge = Process().bypass
    gauge.inc(3)
    gauge.dec()
    assert gauge.value == 2


def test_histograms_are_shown_cumulatively(tmp_path):
    worker = Process()
    worker.share(tmp_path / "0")
    seconds = worker.seconds.labels(door="s3")
    for observed in (0.0001, 0.0005, 0.3, 1000.0):
        seconds.observe(observed)
    samples = shown(tmp_path / "0")
    assert seconds.count == 4
    assert samples["forebay_request_seconds_bucket", "s3", "0.0005"] == 2
    assert samples["forebay_request_seconds_bucket", "s3", "0.5"] == 3
    assert samples["forebay_request_seconds_bucket", "s3", "+Inf"] == 4
    assert samples["forebay_request_seconds_count", "s3"] == 4
    assert samples["forebay_request_seconds_sum", "s3"] == pytest.approx(1000.3006)


def test_labels_must_be_those_declared():
    with pytest.raises(ValueError, match="in order"):
        Process().requests.labels(operation="GetObject", door="s3", status="200")


def test_series_are_bounded(tmp_path):
    slots = Slots()
    slots.share(tmp_path / "0")
    indexes = [slots.index_of(Series("x", (("n", str(n)),))) for n in range(SLOTS_MAX + 5)]
    assert max(indexes) == indexes[-1] == OVERFLOW
    assert len(list(read_slots(tmp_path / "0"))) == OVERFLOW


def test_no_count_fails_where_the_file_is_gone(tmp_path):
    worker = Process()
    (tmp_path / "folder").mkdir()
    worker.share(tmp_path / "folder" / "0")
    (tmp_path / "folder" / "0").unlink()
    (tmp_path / "folder").rmdir()
    worker.requests.labels(door="s3", operation="GetObject", status="200").inc()
    worker.joined.inc()
    assert worker.joined.value == 1


def test_a_name_that_is_half_written_is_not_yet_read(tmp_path):
    worker = Process()
    worker.share(tmp_path / "0")
    with (tmp_path / "0").open("a") as names:
        names.write('["fills_fai')
    assert shown(tmp_path / "0")["forebay_fills_failed_total",] == 0


def test_every_metric_says_what_it_counts():
    for name, metric in METRICS.items():
        assert re.fullmatch(r"[a-z_]+", name)
        assert metric.text.endswith(".")
        assert metric.shown.startswith("forebay_")
