"""Every client against the origin itself and through Forebay: what works there must work here.

Origin and gateway are real processes on loopback. A client runs twice through all cells, each time
with a bucket prefix of its own; a cell that passes directly and fails through Forebay is *lost*.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import boto3

from conformance.clients.cells import CELLS
from conformance.clients.driver import DRIVERS
from conformance.clients.environments import python_of
from conformance.clients.readiness import TRUST_THE_SYSTEM, why_absent
from conformance.clients.scorecard import Scorecard, write
from conformance.s3_tests.places import running_rgw
from conformance.support.certificates import make_certificates
from conformance.support.raw_s3 import Place, RawS3
from conformance.support.servers import ORIGINS, ROLE, Server, running_gateway, running_origin
from conformance.support.system_trust import with_system_trust
from conformance.support.tls_relay import running_tls_relay

_ROOT = Path(__file__).resolve().parents[2]
_BUCKET = "conformance"
_SECONDS_MAX = 1200
_RGW_ROOT = Path.home() / ".cache/forebay/rgw/root"
_ENDED = "the client broke down"


@dataclass(frozen=True, slots=True)
class Sides:
    """The two ways to the same bucket by one scheme, and the witness's own."""

    scheme: str
    direct: Place
    forebay: Place
    origin: Place


def main(words: Sequence[str]) -> int:
    """Run the suite; exit code 1 if anything is lost."""
    chosen = _parser().parse_args(words)
    clients = chosen.client or list(DRIVERS)
    absent = why_absent(clients)
    card = Scorecard(f"{chosen.origin}-temporary" if chosen.temporary else chosen.origin)
    for client in clients:
        if client in absent:
            card.absent[client] = absent[client]
            print(f"{client:9} cannot be had: {absent[client]}")
    with (
        tempfile.TemporaryDirectory(prefix="forebay-clients-") as folder,
        _running_chosen(chosen, Path(folder)) as origin,
        running_sides(origin, Path(folder), is_https_too=chosen.https) as sides,
    ):
        ready = [one for one in clients if one not in absent]
        with ThreadPoolExecutor(chosen.jobs) as threads:
            played = [playing(side) if chosen.temporary else side for side in sides]
            for part in threads.map(lambda one: _play(one, played, chosen.cell), ready):
                card.add(part)
    path = write(card, chosen.out)
    print(f"\n{card.summary()}\n{path}")
    return 1 if card.lost() or card.absent else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="conformance/run.py clients", description=__doc__)
    parser.add_argument("--origin", choices=(*ORIGINS, "rgw"), default="embedded")
    parser.add_argument("--rgw-scripts", type=Path, help="for rgw: the folder of rgw-up.sh")
    parser.add_argument("--rgw-root", type=Path, default=_RGW_ROOT, help="unpacked")
    parser.add_argument("--https", action="store_true", help="by https as well as by http")
    parser.add_argument("--client", action="append", choices=sorted(DRIVERS), help="may repeat")
    parser.add_argument(
        "--temporary", action="store_true", help="Forebay is asked with keys of AssumeRole"
    )
    parser.add_argument("--jobs", type=int, default=1, help="clients at a time")
    parser.add_argument("--cell", action="append", default=[], choices=[one.name for one in CELLS])
    parser.add_argument("--out", type=Path, default=_ROOT / "conformance/results")
    return parser


@contextmanager
def _running_chosen(chosen: argparse.Namespace, folder: Path) -> Iterator[Server]:
    if chosen.origin == "rgw":
        with running_rgw(chosen.rgw_scripts, chosen.rgw_root, folder) as side:
            yield side.server
    else:
        with running_origin(chosen.origin) as server:
            yield server


@contextmanager
def running_sides(origin: Server, folder: Path, *, is_https_too: bool) -> Iterator[list[Sides]]:
    """Run a gateway for each scheme before an origin, in which one bucket is made."""
    with ExitStack() as stack:
        witness = _place(origin)
        made = RawS3(witness).ask("PUT", f"/{_BUCKET}")
        assert made.status == 200, made
        (folder / "http").mkdir()
        gateway = stack.enter_context(running_gateway(origin, folder / "http"))
        sides = [Sides("http", witness, _place(gateway), witness)]
        if is_https_too:
            certificates = make_certificates(folder)
            (folder / "https").mkdir()
            port = stack.enter_context(running_tls_relay(origin.port, certificates))
            direct = replace(origin, port=port, is_secure=True)
            secure = stack.enter_context(running_gateway(origin, folder / "https", certificates))
            ca_file = str(certificates.ca_file)
            sides.append(Sides("https", _place(direct, ca_file), _place(secure, ca_file), witness))
        yield sides


def _place(server: Server, ca_file: str | None = None) -> Place:
    return Place(server.endpoint, _BUCKET, server.access_key, server.secret_key, ca_file)


def playing(sides: Sides) -> Sides:
    """Return the sides with temporary credentials for Forebay, asked of Forebay itself."""
    place = sides.forebay
    sts = boto3.client(
        "sts",
        endpoint_url=place.endpoint,
        region_name=place.region,
        aws_access_key_id=place.access_key,
        aws_secret_access_key=place.secret_key,
        verify=place.ca_file,
    )
    arn = f"arn:aws:iam::000000000000:role/{ROLE}"
    given = sts.assume_role(RoleArn=arn, RoleSessionName="conformance")["Credentials"]
    keys = {
        "access_key": given["AccessKeyId"],
        "secret_key": given["SecretAccessKey"],
        "session_token": given["SessionToken"],
    }
    return replace(sides, forebay=replace(place, **keys))


def _play(client: str, sides: Sequence[Sides], cells: Sequence[str]) -> Scorecard:
    """Run one client at both sides by each scheme, and say what was lost as soon as it is known."""
    card = Scorecard("")
    for way in sides:
        for side, place in (("direct", way.direct), ("forebay", way.forebay)):
            told = {
                "place": asdict(place),
                "origin": asdict(way.origin),
                "prefix": f"{client}-{way.scheme}-{side}",
                "cells": list(cells),
            }
            for outcome in _outcomes(client, told):
                card.take(client, way.scheme, side, outcome)
                if side == "direct" and outcome.get("words", "").startswith(_ENDED):
                    card.absent[client] = outcome["words"]
        print(card.line(client, way.scheme), flush=True)
    return card


def _outcomes(client: str, told: dict[str, Any]) -> Iterator[dict[str, str]]:
    """Run a driver in its client's environment and yield what it says."""
    command = [str(python_of(client)), "-m", "conformance.clients.driver", client]
    if client in TRUST_THE_SYSTEM:
        command = with_system_trust(command, told["place"]["ca_file"])
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.upper().startswith(("AWS_", "PYTHON")) and not name.upper().endswith("_PROXY")
    }
    with tempfile.TemporaryFile("w+") as complaints, tempfile.TemporaryFile("w+") as answers:
        try:
            code = subprocess.run(
                command,
                cwd=_ROOT,
                env={**environment, "PYTHONPATH": str(_ROOT), "PYTHONUTF8": "1"},
                input=json.dumps(told),
                stdout=answers,
                stderr=complaints,
                text=True,
                timeout=_SECONDS_MAX,
                check=False,
            ).returncode
        except subprocess.TimeoutExpired as slow:
            code = str(slow)
        answers.seek(0)
        said = [json.loads(line) for line in answers]
        yield from said
        if code:
            complaints.seek(0)
            last_words = f"{complaints.read()[-4000:]} {code}"
            sys.stderr.write(last_words)
            yield from _unsaid(told, said, f"{_ENDED}: {last_words[-200:]}")


def _unsaid(
    told: dict[str, Any], said: list[dict[str, str]], words: str
) -> Iterator[dict[str, str]]:
    """Yield a failure for each cell that a client which broke down did not come to."""
    done = {one.get("cell") for one in said}
    for cell in CELLS:
        if cell.name not in done and (not told["cells"] or cell.name in told["cells"]):
            yield {"cell": cell.name, "outcome": "fail", "words": words}
