"""What operators are given is true of the code: readings, alarms, rules and the dashboard."""

import json
import re
import shutil
import subprocess
from pathlib import Path

from gateway.telemetry.metrics import METRICS
from tests.support import dashboard

ROOT = Path(__file__).parents[2]
RULES = ROOT / "deploy" / "prometheus" / "forebay.rules.yml"
OPERATIONS = (ROOT / "docs" / "OPERATIONS.md").read_text()
METRICS_SOURCE = (ROOT / "gateway" / "telemetry" / "metrics.py").read_text()
SHOWN = {metric.shown: metric for metric in METRICS.values()}
SERIES = set(SHOWN) | {
    f"{name}_{part}"
    for name, metric in SHOWN.items()
    if metric.kind == "histogram"
    for part in ("bucket", "sum", "count")
}


def named_in(text: str) -> set[str]:
    return set(re.findall(r"\bforebay_[a-z_]+", text))


def section(title: str) -> str:
    return OPERATIONS.split(f"\n## {title}\n")[1].split("\n## ")[0]


def rules() -> dict[str, str]:
    """Return the expression of each alarm; the file has each on a line of its own."""
    pairs = re.findall(r"- alert: (\w+)\n +expr: (.+)\n", RULES.read_text())
    assert len(pairs) == RULES.read_text().count("- alert:")
    return dict(pairs)


def test_every_alarm_is_explained_and_every_explanation_is_an_alarm():
    rows = re.findall(r"^\| `(Forebay\w+)` \|(.*)\|$", section("Alarms"), re.MULTILINE)
    assert sorted(name for name, _ in rows) == sorted(rules())
    assert all(len(cells.split("|")) == 3 for _, cells in rows), "means, look at, do"


def test_every_alarm_and_panel_asks_for_metrics_that_there_are():
    for name, expression in rules().items():
        assert named_in(expression), name
        assert named_in(expression) <= SERIES, name
    told = json.loads(dashboard.PATH.read_text())
    drawn = {line["expr"] for panel in told["panels"] for line in panel.get("targets", [])}
    assert set().union(*map(named_in, drawn)) <= SERIES


def test_labels_that_are_asked_for_are_the_metrics_own():
    own = {label for metric in METRICS.values() for label in metric.labels} | {"le", "job"}
    asked = "\n".join([*rules().values(), dashboard.PATH.read_text()])
    assert set(re.findall(r"by \(([a-z]+)\)", asked)) <= own
    assert set(re.findall(r"[{,]([a-z]+)=~?\\?\"", asked)) <= own


def test_the_dashboard_has_the_sections_of_the_metrics():
    told = json.loads(dashboard.PATH.read_text())
    rows = [panel["title"] for panel in told["panels"] if panel["type"] == "row"]
    assert rows == re.findall(r"^# (.+)$", METRICS_SOURCE, re.MULTILINE)


def test_panels_have_a_place_and_a_number_of_their_own():
    told = json.loads(dashboard.PATH.read_text())
    numbers = [panel["id"] for panel in told["panels"]]
    assert len(set(numbers)) == len(numbers)
    places = [tuple(panel["gridPos"].values()) for panel in told["panels"]]
    assert len(set(places)) == len(places)


def test_prometheus_takes_the_rules():
    """Where promtool is on the path, it judges; its absence proves less, not nothing."""
    promtool = shutil.which("promtool")
    said = "SUCCESS"
    if promtool is not None:
        done = subprocess.run(
            [promtool, "check", "rules", str(RULES)], capture_output=True, text=True, check=False
        )
        said = done.stdout + done.stderr
    assert "SUCCESS" in said
