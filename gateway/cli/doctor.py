"""`forebay doctor`: what the origin can do, as a table, and whether the settings fit it."""

import asyncio
import json
import secrets
import sys
from contextlib import AsyncExitStack
from dataclasses import asdict

from rich import box
from rich.console import Console
from rich.table import Table

from gateway.assembly.core import make_origin
from gateway.model.failures import Failure
from gateway.model.voices import FOREBAY
from gateway.origin.interface import Origin, OriginRequest
from gateway.origin.probe import Finding, Scratch, clean, needs, probed
from gateway.origin.probe_listing import needs_listing, probed_listing
from gateway.origin.probe_uploads import probed_uploads
from gateway.protocol.s3.documents import find_document
from gateway.settings.reading import SettingsError
from gateway.settings.tree import Settings

_BUCKETS_BYTES_MAX = 4 * 1024 * 1024
_OK = 200
_STYLES = {"yes": "green", "partly": "yellow", "no": "red"}


def examine(settings: Settings, bucket: str | None, *, as_json: bool) -> int:
    """Probe the origin and print what was found; 1 where a setting should be another."""
    scratch, findings = asyncio.run(_findings(settings, bucket))
    advice = needs(findings, settings.origin.conditional_writes) or needs_listing(
        findings, settings.origin.list_consistency
    )
    if as_json:
        told = {
            "bucket": scratch.bucket,
            "requests": scratch.requests,
            "advice": advice,
            "findings": [asdict(finding) for finding in findings],
        }
        sys.stdout.write(json.dumps(told, indent=2) + "\n")
    else:
        Console().print(_table(scratch, findings))
        sys.stdout.write(f"{advice or 'the settings fit this origin'}\n")
    return 1 if advice else 0


async def _findings(settings: Settings, bucket: str | None) -> tuple[Scratch, list[Finding]]:
    async with AsyncExitStack() as stack:
        origin = await stack.enter_async_context(make_origin(settings, addressing=None))
        virtual = await stack.enter_async_context(make_origin(settings, addressing="virtual"))
        chosen = bucket or await _only_bucket(origin)
        scratch = Scratch(origin, chosen, f".forebay-doctor/{secrets.token_hex(6)}/")
        findings: list[Finding] = []
        try:
            findings += [one async for one in probed(scratch, virtual)]
            findings += await probed_listing(scratch)
            findings += await probed_uploads(scratch)
        finally:
            findings += [one async for one in clean(scratch)]
        return scratch, findings


async def _only_bucket(origin: Origin) -> str:
    """Return the bucket where there is just one; raises SettingsError where it must be named."""
    answer = await origin.ask(OriginRequest("GET", None, voice=FOREBAY))
    body = await answer.read(_BUCKETS_BYTES_MAX)
    root = find_document(body)
    if answer.status != _OK or root is None:
        raise Failure(f"the origin does not list its buckets ({answer.status}): give --bucket")
    names = [name.text or "" for name in root.iterfind("Buckets/Bucket/Name")]
    if len(names) != 1:
        known = f" (there are {', '.join(names[:8])})" if names else ", and make one first"
        raise SettingsError(f"name the bucket to write a few bytes to: --bucket NAME{known}")
    return names[0]


def _table(scratch: Scratch, findings: list[Finding]) -> Table:
    table = Table(
        title=f"The origin of bucket {scratch.bucket}, by {scratch.requests} small requests",
        title_style="bold",
        box=box.SIMPLE_HEAD,
    )
    for column in ("", "can", "it answered", "what follows"):
        table.add_column(column, overflow="fold")
    for one in findings:
        style = _STYLES[one.outcome]
        table.add_row(one.name, f"[{style}]{one.outcome}[/]", one.detail, one.meaning or "-")
    return table
