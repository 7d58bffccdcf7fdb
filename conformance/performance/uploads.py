"""P8: what writing through costs, with plain PUTs and in parts."""

from functools import partial
from pathlib import Path
from time import perf_counter

from boto3.s3.transfer import TransferConfig

from conformance.performance.asking import link
from conformance.performance.figures import Bar, Outcome, Samples, in_turns, ratio_of
from conformance.performance.gateway import running_gateway
from conformance.performance.load import fetch
from conformance.performance.origins import BUCKET, MIB, Server, random_file, s3_client
from conformance.performance.workplace import GIB, Workplace, bare_origin, shaped_origin

_PART_BYTES = 64 * MIB
_PARTS_AT_ONCE = 4


def _curl_put(source: Path, server: Server) -> float:
    url = link(server, "written/curl", "PUT")
    return fetch(url, "--upload-file", str(source)).seconds


def _boto_put(source: Path, server: Server) -> float:
    started = perf_counter()
    with source.open("rb") as body:
        s3_client(server.endpoint).put_object(Bucket=BUCKET, Key="written/boto3", Body=body)
    return perf_counter() - started


def _parts(source: Path, server: Server) -> float:
    config = TransferConfig(multipart_chunksize=_PART_BYTES, max_concurrency=_PARTS_AT_ONCE)
    started = perf_counter()
    s3_client(server.endpoint).upload_file(str(source), BUCKET, "written/parts", Config=config)
    return perf_counter() - started


def writes(place: Workplace) -> Outcome:
    """P8: PUT of 64 MiB by curl and by boto3, multipart 1 GiB by boto3."""
    put_bytes = place.scaled(64 * MIB, 16 * MIB)
    parts_bytes = place.scaled(GIB, 128 * MIB)
    put_file = random_file(place.folder, put_bytes)
    parts_file = random_file(place.folder, parts_bytes)
    ways = {
        "curl": partial(_curl_put, put_file),
        "boto3": partial(_boto_put, put_file),
        "parts": partial(_parts, parts_file),
    }
    with (
        bare_origin(place) as bare,
        shaped_origin(bare) as origin,
        running_gateway(place.folder / "gateway", origin.endpoint) as gateway,
    ):
        samples: dict[str, Samples] = {}
        for way, put in ways.items():
            trials = {
                f"{way}, direct": partial(put, origin),
                f"{way}, Forebay": partial(put, gateway),
            }
            samples |= in_turns(place.scaled(3, 1), "s", trials)
    return Outcome(
        "P8",
        f"PUT {put_bytes // MIB} MiB (curl unsigned payload, boto3 with sha256 and crc32), "
        f"{parts_bytes // MIB} MiB in {_PART_BYTES // MIB} MiB parts, shaped origin, 2 workers",
        tuple(samples.values()),
        tuple(
            Bar(
                f"{way}: of direct's rate",
                ratio_of(samples, f"{way}, direct", f"{way}, Forebay"),
                0.95,
            )
            for way in ways
        ),
    )
