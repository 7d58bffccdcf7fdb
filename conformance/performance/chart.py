"""One picture of the last figures; runs in an environment of its own that has matplotlib.

    python chart.py performance.json performance.png

On the left every figure that has an aim, as a multiple of it: right of the line is better than the
aim, by how much; on the right P1's rates beside everything that was measured with it.
"""

import json
import sys
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")  # there is no screen

import matplotlib.pyplot as plt

MET, SHORT, OTHERS, OURS = "#2b6cb0", "#dd6b20", "#a0aec0", "#2b6cb0"
TIMES_MAX, TIMES_MIN = 30.0, 0.1
INCHES_A_BAR = 0.27


def times_aim(bar: dict[str, Any]) -> float:
    """Return how many times as good as its aim a figure is; 1 is just met. Bounded for drawing."""
    value, limit = bar["value"], bar["limit"]
    if bar["is_ceiling"]:
        times = TIMES_MAX if value <= 0 else limit / value
    else:
        times = value / limit if limit else TIMES_MAX
    return min(TIMES_MAX, max(TIMES_MIN, times))


def aims(known: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Return all figures that have an aim, each with the row it is of."""
    return [
        (name, bar)
        for name, row in known.items()
        for bar in row["bars"]
        if bar["limit"] is not None
    ]


def written(value: float) -> str:
    """Return a figure as short as it can be said."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.4g}"


def draw_aims(axes: Any, found: list[tuple[str, dict[str, Any]]]) -> None:
    """Draw a bar a figure, from the line of its aim to what it is."""
    for place, (_, bar) in enumerate(found):
        times = times_aim(bar)
        axes.barh(
            place, times - 1, left=1, height=0.62, color=MET if bar["holds"] else SHORT, zorder=2
        )
        least = "at most" if bar["is_ceiling"] else "at least"
        says = f"{written(bar['value'])}  ({least} {bar['limit']:g})"
        axes.annotate(
            says,
            (max(times, 1.0), place),
            xytext=(5, 0),
            textcoords="offset points",
            va="center",
            fontsize=8,
            color="#1a202c",
        )
    axes.set_yticks(
        range(len(found)), [f"{name}   {bar['what']}" for name, bar in found], fontsize=8
    )
    axes.set_ylim(len(found) - 0.4, -0.6)
    axes.set_xscale("log")
    axes.set_xlim(TIMES_MIN, TIMES_MAX * 4)
    ticks = (0.1, 0.2, 0.5, 1, 2, 5, 10, 30)
    axes.set_xticks(ticks, [f"{tick:g}x" for tick in ticks], fontsize=8)
    axes.minorticks_off()
    axes.axvline(1, color="#1a202c", linewidth=1, zorder=3)
    axes.grid(axis="x", color="#e2e8f0", zorder=0)
    axes.set_title("Each figure as a multiple of its aim (orange: short of it)", loc="left")
    for turn in range(1, len(found)):
        if found[turn][0] != found[turn - 1][0]:
            axes.axhline(turn - 0.5, color="#e2e8f0", linewidth=0.8, zorder=0)


def draw_rates(axes: Any, row: dict[str, Any]) -> None:
    """Draw P1's rates, the highest above."""
    medians = sorted(((s["median"], s["subject"]) for s in row["samples"]), reverse=True)
    for place, (rate, subject) in enumerate(medians):
        is_ours = subject.startswith("Forebay")
        axes.barh(place, rate, height=0.62, color=OURS if is_ours else OTHERS, zorder=2)
        axes.annotate(
            f"{rate:,.0f}",
            (rate, place),
            xytext=(5, 0),
            textcoords="offset points",
            va="center",
            fontsize=8,
        )
    axes.set_yticks(range(len(medians)), [subject for _, subject in medians], fontsize=8)
    axes.invert_yaxis()
    axes.set_xlim(0, medians[0][0] * 1.25)
    axes.tick_params(axis="x", labelsize=8)
    axes.grid(axis="x", color="#e2e8f0", zorder=0)
    axes.set_title("P1: warm 4 KiB GETs a second, one core each", loc="left")


def draw(known: dict[str, Any], path: Path) -> None:
    """Write the picture."""
    found = aims(known)
    plt.rcParams.update({"font.family": "DejaVu Sans", "axes.titlesize": 10})
    rates = known.get("P1", {}).get("samples", [])
    lines = max(len(found), len(rates) + 1, 12)
    figure, panels = plt.subplot_mosaic(
        [["aims", "rates"], ["aims", "."]],
        figsize=(15, 1.4 + INCHES_A_BAR * lines),
        width_ratios=(2.1, 1),
        height_ratios=(len(rates) + 1, max(lines - len(rates) - 1, 1)),
        layout="constrained",
    )
    left, right = panels["aims"], panels["rates"]
    draw_aims(left, found)
    if rates:
        draw_rates(right, known["P1"])
    else:
        right.set_visible(False)
    for axes in (left, right):
        axes.spines[["top", "right", "left"]].set_visible(False)
        axes.tick_params(axis="y", length=0)
    taken = max(row["taken"] for row in known.values())
    commits = sorted({row["on"]["commit"] for row in known.values()})
    figure.suptitle(
        f"Forebay, performance suite: last taken {taken[:16].replace('T', ' ')} UTC "
        f"at {', '.join(commits[:4])}{', ...' if len(commits) > 4 else ''}",
        fontsize=11,
        x=0.01,
        ha="left",
    )
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    draw(json.loads(Path(sys.argv[1]).read_text()), Path(sys.argv[2]))
