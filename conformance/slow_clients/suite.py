"""Row B7: what 2,000 slow and 10,000 idle connections, and then a flood, do to everybody else.

Sixteen clients read a warm object, alone, beside the crowd and after it, each time once as fast as
they can and once with pauses; everything is in one run on one machine, the crowd in processes of
its own at the same priority. Writes results/slow-clients.json and .md; 1 where a bar is not met.
"""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from conformance.performance.gateway import Gateway, running_gateway
from conformance.performance.load import fetch, link, signed_heads
from conformance.performance.machine import describe, load_average
from conformance.performance.origins import BUCKET, MIB, put_object
from conformance.performance.workplace import Workplace, bare_origin, workplace
from conformance.slow_clients.stage import FLOODER, Crowds, asking, crowds, request_text, result_of

_RESULTS = Path(__file__).resolve().parent.parent / "results"
_CLIENTS = 16
_SMALL, _LARGE = "small", "large"
_RATIO_MAX = 2.0
_PAUSE_SECONDS = 0.03
_SOURCES = iter(range(2, 250))
_LIMITS = """
[limits]
requests_max = 32
[[identities]]
name = "flooder"
access_key = "{key}"
secret_key = "{secret}"
policy = "admin"
{rate}
"""


def main(argv: Sequence[str]) -> int:
    """Measure; 0 when every bar was met, 1 when one was not, 2 for what cannot be measured."""
    parser = argparse.ArgumentParser(prog="conformance/run.py slow-clients", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of it; writes nothing")
    options = parser.parse_args(argv)
    load_before = load_average()
    with workplace(is_quick=options.quick) as place:
        try:
            found = {"crowd": _crowd(place), "flood": _flood(place, "")}
        except FileNotFoundError as missing:
            print(missing, file=sys.stderr)
            return 2
        found["flood, its identity bounded"] = _flood(place, "requests_per_second_max = 50")
    bars = _bars(found)
    report = {
        "taken": datetime.now(UTC).isoformat(timespec="seconds"),
        "load_before": load_before,
        "on": describe(),
        "bars": bars,
        **found,
    }
    text = _markdown(report)
    print(text)
    if not options.quick:
        (_RESULTS / "slow-clients.json").write_text(json.dumps(report, indent=1) + "\n")
        (_RESULTS / "slow-clients.md").write_text(text)
    return 0 if all(bar["holds"] for bar in bars) else 1


def _crowd(place: Workplace) -> dict[str, Any]:
    """Measure beside idle and slow connections, with the limits as they are by default."""
    with bare_origin(place) as origin:
        put_object(origin.endpoint, _SMALL, 4096, place.folder)
        put_object(origin.endpoint, _LARGE, 64 * MIB, place.folder)
        folder = place.folder / "crowd"
        with running_gateway(folder, origin.endpoint, freshness="immutable") as gateway:
            for key in (_SMALL, _SMALL, _LARGE, _LARGE, _SMALL, _SMALL):
                fetch(link(gateway, key))
            found = {"alone, before": _measured(place, gateway, "before", place.scaled(12, 3))}
            with crowds(place.folder) as gathered:
                before_bytes = gateway.memory_bytes()
                _join_idle(place, gathered, gateway)
                gathered.wait_there()
                idle_bytes = gateway.memory_bytes() - before_bytes
                found["beside idle"] = _measured(place, gateway, "idle", place.scaled(8, 3))
                _join_slow(place, gathered, gateway)
                gathered.wait_there()
                found["beside all"] = _measured(place, gateway, "beside", place.scaled(35, 5))
                told = gathered.statuses()
                everyone = sum(gathered.wanted.values())
                all_bytes = gateway.memory_bytes() - before_bytes
            time.sleep(2)
            found["alone, after"] = _measured(place, gateway, "after", place.scaled(12, 3))
    return {
        **found,
        "crowd": told,
        "connections": everyone,
        "idle_kib_each": idle_bytes / 1024 / place.scaled(10_000, 1_000),
        "all_kib_each": all_bytes / 1024 / everyone,
    }


def _join_idle(place: Workplace, gathered: Crowds, gateway: Gateway) -> None:
    for number in range(4):
        plan = {
            "kind": "idle",
            "port": gateway.port,
            "connections": place.scaled(2_500, 250),
            "at_once": 25,
            "request": request_text(gateway, "GET", _SMALL),
        }
        gathered.join(f"idle-{number}", f"127.0.0.{next(_SOURCES)}", plan)


def _join_slow(place: Workplace, gathered: Crowds, gateway: Gateway) -> None:
    for kind, count, request in (
        ("head", place.scaled(1_000, 100), ""),
        ("body", place.scaled(500, 50), request_text(gateway, "PUT", "put", body_bytes=10**6)),
        ("deaf", place.scaled(500, 50), request_text(gateway, "GET", _LARGE)),
    ):
        plan = {
            "kind": kind,
            "port": gateway.port,
            "connections": count,
            "at_once": 25,
            "request": request,
        }
        gathered.join(kind, f"127.0.0.{next(_SOURCES)}", plan)


def _measured(place: Workplace, gateway: Gateway, name: str, seconds: float) -> dict[str, Any]:
    """Return what the good clients saw, as fast as they can and then with pauses."""
    return {
        said: _asked(place, gateway, f"{name}-{said}", seconds, pause)
        for said, pause in (("at once", 0.0), ("paced", _PAUSE_SECONDS))
    }


def _asked(
    place: Workplace, gateway: Gateway, name: str, seconds: float, pause: float
) -> dict[str, Any]:
    requests = _good_requests(gateway)
    with asking(
        place.folder,
        name,
        gateway.port,
        requests,
        connections=_CLIENTS,
        seconds=seconds,
        pause=pause,
    ) as process:
        return result_of(place.folder, name, process)


def _good_requests(gateway: Gateway) -> list[str]:
    """Return warm GETs as an SDK signs them, each of another second."""
    return [
        "\r\n".join(
            [
                f"GET /{BUCKET}/{_SMALL} HTTP/1.1",
                *(f"{name}: {value}" for name, value in head.items()),
                "",
                "",
            ]
        )
        for head in signed_heads(gateway, _SMALL)
    ]


def _flood(place: Workplace, rate: str) -> dict[str, Any]:
    """Measure beside 256 clients that never pause, under a bound of 32 requests in flight."""
    name = f"flood-{len(rate)}"
    more = _LIMITS.format(key=FLOODER[0], secret=FLOODER[1], rate=rate)
    seconds = place.scaled(8, 4)
    # versitygw sets its bucket up in the same folder: it is there from the first time.
    with bare_origin(place) as origin:
        put_object(origin.endpoint, _SMALL, 4096, place.folder)
        with running_gateway(
            place.folder / name, origin.endpoint, freshness="immutable", more=more
        ) as gateway:
            for _ in range(6):
                fetch(link(gateway, _SMALL))
            found = {"alone": _asked(place, gateway, f"{name}-a", seconds, _PAUSE_SECONDS)}
            # A HEAD is asked of the origin each time, so that it stays in flight for a while.
            asked = [request_text(gateway, "HEAD", _SMALL, keys=FLOODER)]
            with asking(
                place.folder,
                f"{name}-f",
                gateway.port,
                asked,
                connections=256,
                seconds=seconds + 4,
            ) as flood:
                time.sleep(2)
                found["beside"] = _asked(place, gateway, f"{name}-b", seconds, _PAUSE_SECONDS)
                found["the flood"] = result_of(place.folder, f"{name}-f", flood)
            found["after"] = _asked(place, gateway, f"{name}-c", seconds, _PAUSE_SECONDS)
    return found


def _bars(found: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what must hold, and whether it does."""
    crowd = found["crowd"]
    bars = []
    for said in ("at once", "paced"):
        before, after = (crowd[f"alone, {when}"][said]["p99_ms"] for when in ("before", "after"))
        ratio = crowd["beside all"][said]["p99_ms"] / ((before + after) / 2)
        bars.append(_bar(f"p99 beside 12,000, times alone ({said})", ratio, _RATIO_MAX))
    wrong = sum(
        _others(one[said]["statuses"], "200")
        for phase, one in crowd.items()
        if phase.startswith(("alone", "beside"))
        for said in ("at once", "paced")
    )
    bars.append(_bar("answers but 200, with the crowd or without", wrong, 0))
    for name in ("flood", "flood, its identity bounded"):
        flood = found[name]
        statuses = flood["the flood"]["statuses"]
        bars.append(_bar(f"{name}: answers but 200 and 503", _others(statuses, "200", "503"), 0))
        bars.append(
            _bar(f"{name}: answers but 200 after it", _others(flood["after"]["statuses"], "200"), 0)
        )
    bounded = found["flood, its identity bounded"]["beside"]["statuses"]
    bars.append(_bar("others' answers but 200, identity bounded", _others(bounded, "200"), 0))
    return bars


def _bar(what: str, value: float, most: float) -> dict[str, Any]:
    return {"what": what, "value": value, "most": most, "holds": value <= most}


def _others(statuses: dict[str, int], *expected: str) -> int:
    """Return how many answers had another status; 'broken' is a connection that broke."""
    return sum(count for status, count in statuses.items() if status not in expected)


def _markdown(report: dict[str, Any]) -> str:
    crowd = report["crowd"]
    lines = ["# Slow, idle and too many clients (B7)", ""]
    lines += [
        "Written by `python conformance/run.py slow-clients`: 16 clients read a warm 4 KiB object",
        "(`immutable`, signed in the header, two workers) from one process beside the crowd, which",
        "shares the machine's cores with everything. *Paced* clients rest 30 ms between two reads.",
        "",
        "| phase | reads/s | p50 ms | p99 ms | most ms | answers |",
        "|---|---|---|---|---|---|",
    ]
    for phase, one in crowd.items():
        if phase.startswith(("alone", "beside")):
            lines += [_row(f"{phase}, {said}", one[said]) for said in ("at once", "paced")]
    for name in ("flood", "flood, its identity bounded"):
        lines += [_row(f"{name}: {phase}", one) for phase, one in report[name].items()]
    lines += ["", "| bar | value | at most | |", "|---|---|---|---|"]
    lines += [
        f"| {bar['what']} | {bar['value']:.2f} | {bar['most']:g} | "
        f"{'met' if bar['holds'] else '**short**'} |"
        for bar in report["bars"]
    ]
    lines += [
        "",
        (
            f"{crowd['connections']:,} connections: {crowd['idle_kib_each']:.1f} KiB (PSS of all "
            f"processes) for an idle one, {crowd['all_kib_each']:.1f} KiB on average of all."
        ),
        "",
        "| crowd | open | let go | answers heard | its CPU s |",
        "|---|---|---|---|---|",
        *(
            f"| {name} | {one['open']} | {one['ended']} | {one['answers']} | "
            f"{one['cpu_seconds']:.1f} |"
            for name, one in crowd["crowd"].items()
        ),
        "",
        f"Taken {report['taken']}, load of the machine before it {report['load_before']:.2f}, on "
        + ", ".join(f"{name} {value}" for name, value in report["on"].items()),
    ]
    return "\n".join(lines) + "\n"


def _row(phase: str, one: dict[str, Any]) -> str:
    answers = ", ".join(f"{status}: {count}" for status, count in sorted(one["statuses"].items()))
    return (
        f"| {phase} | {one['per_second']:,.0f} | {one['p50_ms']:.2f} | {one['p99_ms']:.2f} | "
        f"{one['most_ms']:.1f} | {answers} |"
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
