"""An object as the origin has it at this moment, for who is about to change it.

No rule lets this be answered from memory: what is said again of an object (`core/preserving`) must
be what it says now, and a condition must name the version that is there.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from multidict import CIMultiDictProxy

from gateway.core.changing import CopySource
from gateway.core.preserving import TAGS
from gateway.core.receipt import Receipt
from gateway.core.said import Condition
from gateway.model.failures import NotSupported, OriginRefused, OriginUnreachable
from gateway.model.names import ObjectName
from gateway.model.voices import Voice
from gateway.origin.interface import Origin, OriginRequest
from gateway.protocol.s3.addressing import encode_key
from gateway.protocol.s3.documents import find_document

_OK: Final = 200
_NOT_FOUND: Final = 404
_TAGS_BYTES_MAX: Final = 64 * 1024
_PLAIN: Final = {"Accept-Encoding": "identity"}


@dataclass(frozen=True, slots=True)
class Latest:
    """The object that is there now."""

    name: ObjectName
    size: int
    headers: CIMultiDictProxy[str]

    @property
    def etag(self) -> str:
        """Return its strong ETag; raises NotSupported where it has none: nothing pins it."""
        etag = self.headers.get("ETag", "")
        if not etag or etag.startswith("W/"):
            raise NotSupported(f"{self.name} has no strong ETag that a change could name")
        return etag

    @property
    def condition(self) -> Condition:
        """Return that this version is there still."""
        return Condition(self.etag)

    @property
    def source(self) -> CopySource:
        """Return this version as what is copied."""
        return CopySource(self.name, self.etag, self.headers.get("x-amz-version-id"))


async def find_latest(
    origin: Origin, name: ObjectName, voice: Voice, receipt: Receipt
) -> Latest | None:
    """Return what is there, or None; raises OriginRefused, OriginUnreachable."""
    receipt.origin_requests += 1
    answer = await origin.ask(
        OriginRequest("HEAD", name.bucket, encode_key(name.key), headers=_PLAIN, voice=voice)
    )
    answer.close()
    if answer.status == _NOT_FOUND:
        return None
    if answer.status != _OK:
        raise OriginRefused(answer.status, answer.headers, b"")
    return Latest(name, int(answer.headers.get("Content-Length", "0")), answer.headers)


async def tags_of(
    origin: Origin, name: ObjectName, head: Mapping[str, str], voice: Voice, receipt: Receipt
) -> Mapping[str, str]:
    """Return the header that gives a new body the tags of an object, none where it has none.

    `head` is what a HEAD said of it. Raises OriginRefused, OriginUnreachable.
    """
    if int(head.get(TAGS, "0") or "0") == 0:
        return {}
    receipt.origin_requests += 1
    answer = await origin.ask(
        OriginRequest("GET", name.bucket, encode_key(name.key), "tagging=", _PLAIN, voice=voice)
    )
    body = await answer.read(_TAGS_BYTES_MAX)
    if answer.status != _OK:
        raise OriginRefused(answer.status, answer.headers, body)
    root = find_document(body)
    if root is None or root.tag != "Tagging":
        raise OriginUnreachable("The origin's tags of an object cannot be read.")
    pairs = (
        f"{quote(tag.findtext('Key') or '', safe='')}={quote(tag.findtext('Value') or '', safe='')}"
        for tag in root.iter("Tag")
    )
    return {"x-amz-tagging": "&".join(pairs)}
