"""What came out: each cell's verdict from its two outcomes, as JSON for programs and a table."""

import json
from dataclasses import dataclass, field
from pathlib import Path

from conformance.clients.cells import CELLS

# (directly at the origin, through Forebay) -> verdict
VERDICTS = {
    ("pass", "pass"): "ok",
    ("fail", "fail"): "both fail",
    ("pass", "fail"): "LOST",
    ("fail", "pass"): "gained",
    ("n/a", "n/a"): "n/a",
}
_MARKS = {"ok": "✓", "both fail": "(1)", "LOST": "**LOST**", "gained": "✓ (+)", "n/a": "·"}

Outcome = dict[str, str]


@dataclass
class Scorecard:
    """All outcomes of a run: (client, scheme, cell) -> side -> outcome."""

    origin: str
    versions: dict[str, str] = field(default_factory=dict)
    absent: dict[str, str] = field(default_factory=dict)
    outcomes: dict[tuple[str, str, str], dict[str, Outcome]] = field(default_factory=dict)

    def take(self, client: str, scheme: str, side: str, said: Outcome) -> None:
        """Write down one line that a driver said."""
        if "version" in said:
            self.versions[client] = said["version"]
            return
        self.outcomes.setdefault((client, scheme, said["cell"]), {})[side] = said

    def add(self, part: "Scorecard") -> None:
        """Take over all of a client's own card."""
        self.versions |= part.versions
        self.absent |= part.absent
        self.outcomes |= part.outcomes

    def verdict(self, client: str, scheme: str, cell: str) -> str:
        """Return a cell's verdict; '' if it was not run."""
        sides = self.outcomes.get((client, scheme, cell))
        if sides is None:
            return ""
        return VERDICTS[sides["direct"]["outcome"], sides["forebay"]["outcome"]]

    def lost(self) -> list[tuple[str, str, str]]:
        """Return the cells that work at the origin and not through Forebay."""
        return [place for place in self.outcomes if self.verdict(*place) == "LOST"]

    def counts(self, client: str = "", scheme: str = "") -> dict[str, int]:
        """Return how often each verdict was given, to one client and scheme or to all."""
        verdicts = [
            self.verdict(*place)
            for place in self.outcomes
            if client in ("", place[0]) and scheme in ("", place[1])
        ]
        return {name: verdicts.count(name) for name in _MARKS}

    def line(self, client: str, scheme: str) -> str:
        """Return one line about a client, and one for each loss and gain."""
        lines = [f"{client:16} {scheme:5} {_written(self.counts(client, scheme))}"]
        for place, sides in self.outcomes.items():
            verdict = self.verdict(*place)
            if place[:2] == (client, scheme) and verdict in ("LOST", "gained", "both fail"):
                words = sides["direct" if verdict == "gained" else "forebay"]["words"]
                lines.append(f"    {verdict:9} {place[2]}: {' '.join(words.split())[:300]}")
        return "\n".join(lines)

    def summary(self) -> str:
        """Return the counts of all."""
        return f"{self.origin}: {_written(self.counts())}"


def _written(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items() if count)


def write(card: Scorecard, folder: Path) -> Path:
    """Write both forms and return the table's path."""
    folder.mkdir(parents=True, exist_ok=True)
    table = folder / f"clients-{card.origin}.md"
    table.with_suffix(".json").write_text(json.dumps(_as_json(card), indent=1) + "\n")
    table.write_text(_as_markdown(card))
    return table


def _as_json(card: Scorecard) -> dict[str, object]:
    verdicts: dict[str, dict[str, str]] = {}
    for client, scheme, cell in card.outcomes:
        verdict = card.verdict(client, scheme, cell)
        verdicts.setdefault(f"{client} {scheme}", {})[cell] = verdict
    return {
        "origin": card.origin,
        "counts": card.counts(),
        "versions": card.versions,
        "absent": card.absent,
        "verdicts": verdicts,
        "reasons": _reasons(card),
    }


def _as_markdown(card: Scorecard) -> str:
    tested = dict.fromkeys(client for client, _, _ in card.outcomes)
    clients = list(tested | dict.fromkeys(card.absent))
    schemes = list(dict.fromkeys(scheme for _, scheme, _ in card.outcomes))
    names = [cell.name for cell in CELLS if any(place[2] == cell.name for place in card.outcomes)]
    lines = [
        f"# Clients through Forebay before {card.origin}",
        "",
        f"{card.summary()}.",
        "",
        f"{len(tested)} clients by {' and '.join(schemes)}. Each cell is one thing done by the",
        "client, proven by sha256 at the origin, and compared with the same client at the origin",
        "itself.",
        "✓ works · (1) fails at the origin as well · (+) works through Forebay only · LOST works",
        "at the origin only · `·` the client has no words for it · n/a it cannot be had here.",
        "Where the schemes differ, both stand there.",
        "",
        "| | " + " | ".join(clients) + " |",
        "|---" * (len(clients) + 1) + "|",
    ]
    for name in names:
        marks = (_mark(card, client, schemes, name) for client in clients)
        lines.append(f"| {name} | " + " | ".join(marks) + " |")
    versions = (f"{client}: {said}" for client, said in card.versions.items())
    lines += ["", "Versions: " + ", ".join(versions) + ".", ""]
    lines += [f"- {reason.replace('|', '¦')}" for reason in _reasons(card)]
    return "\n".join(lines) + "\n"


def _mark(card: Scorecard, client: str, schemes: list[str], cell: str) -> str:
    if client in card.absent:
        return "n/a"
    marks = [_MARKS.get(card.verdict(client, scheme, cell), "") for scheme in schemes]
    return " / ".join(dict.fromkeys(marks))


def _reasons(card: Scorecard) -> list[str]:
    """Return the reasons of all that is not ✓, each said once."""
    said: dict[str, list[str]] = {}
    for (client, scheme, cell), sides in card.outcomes.items():
        verdict = card.verdict(client, scheme, cell)
        side = "direct" if verdict == "gained" else "forebay"
        words = " ".join(sides[side]["words"].replace(f"{client}-{scheme}-{side}", "…").split())
        if verdict != "ok":
            said.setdefault(f"{verdict}: {client}: {cell}: {words[:160]}", []).append(scheme)
    said |= {f"absent: {client}: {why}": [] for client, why in card.absent.items()}
    return [
        f"{reason} ({', '.join(schemes)})" if schemes else reason
        for reason, schemes in sorted(said.items())
    ]
