"""DeleteObjects: many keys in one request, proven by an MD5, and none of them served from before.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html
"""

import asyncio
import base64
from collections.abc import Mapping, Sequence
from hashlib import md5, sha256

from multidict import CIMultiDict

from gateway.core.said import Said, say
from gateway.flash.store import Flash
from gateway.model.names import ObjectName
from gateway.model.voices import Voice
from gateway.origin.interface import Origin, OriginRequest
from gateway.protocol.s3.requests import DeleteRequest, delete_objects_xml


async def ask_deletion(
    origin: Origin,
    flash: Flash,
    bucket: str,
    wanted: DeleteRequest,
    voice: Voice,
    *,
    headers: Mapping[str, str] | None = None,
    query: str = "delete=",
) -> Said:
    """Return the origin's whole answer; raises OriginUnreachable, after which nobody knows."""
    body = delete_objects_xml(wanted.keys, quiet=wanted.quiet)
    asked = CIMultiDict(headers or {"Content-Type": "application/xml"})
    # RGW and older origins insist on Content-MD5, which SDKs no longer send.
    asked["Content-MD5"] = base64.b64encode(md5(body, usedforsecurity=False).digest()).decode()
    question = OriginRequest(
        "POST",
        bucket,
        "",
        query,
        asked,
        body,
        len(body),
        sha256(body).hexdigest(),
        voice=voice,
    )
    try:
        return await say(origin, question)
    finally:
        # An answer that is lost does not mean that nothing was deleted.
        await forget_all(flash, bucket, [entry.key for entry in wanted.keys])


async def forget_all(flash: Flash, bucket: str, keys: Sequence[str]) -> None:
    """Return once no worker serves any of the keys unasked from what was there before."""
    # At once: one commit of the index then serves many of them.
    await asyncio.gather(*(flash.forgotten(ObjectName(bucket, key)) for key in keys))
