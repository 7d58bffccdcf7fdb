"""What an origin can do, found out by asking: small requests in a scratch prefix, left clean.

Each check gives findings: what was asked, how the origin took it, and what it means behind Forebay.
Checks run one after the other and build on what the first ones wrote; whatever they find, `clean`
removes by name and version what was written.
"""

import base64
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from hashlib import md5, sha256
from typing import Final, Literal

from multidict import CIMultiDictProxy

from gateway.model.failures import Failure
from gateway.model.voices import FOREBAY
from gateway.origin.interface import Origin, OriginRequest
from gateway.protocol.http.percent import encode
from gateway.protocol.s3.addressing import encode_key
from gateway.protocol.s3.checksums import base64_of, new_digest
from gateway.protocol.s3.requests import DeleteEntry, delete_objects_xml
from gateway.protocol.s3.responses import find_error
from gateway.protocol.s3.signing import EMPTY_SHA256

Outcome = Literal["yes", "no", "partly"]
BODY: Final = b"written by `forebay doctor`, and removed by it\n"
CHECKSUMS: Final = ("crc32", "crc32c", "crc64nvme", "sha1", "sha256")
CONDITIONAL_WRITES: Final = "conditional writes are judged"
_ANSWER_BYTES_MAX: Final = 256 * 1024
_ERRORS_FROM: Final = 300
_UNSURE_FROM: Final = 500
_NO_OBJECT: Final = ("uploads", "partNumber")
"""Queries of requests that make no object yet."""
_NOT_MODIFIED: Final = 304
_REFUSED: Final = 412
_PARTIAL: Final = 206


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that an origin can do, or cannot."""

    name: str
    outcome: Outcome
    detail: str
    meaning: str = ""
    """What follows for whoever reads and writes through Forebay; empty where nothing does."""


@dataclass(frozen=True, slots=True)
class Told:
    """A whole answer of the origin's."""

    status: int
    headers: CIMultiDictProxy[str]
    body: bytes

    @property
    def is_success(self) -> bool:
        """Return whether it was done."""
        return self.status < _ERRORS_FROM and find_error(self.body) is None

    @property
    def words(self) -> str:
        """Return the status, and the error's code where there is one."""
        error = find_error(self.body)
        return f"{self.status} {error.code}" if error is not None else str(self.status)

    @property
    def etag(self) -> str:
        """Return the ETag as it stands in the header."""
        return self.headers.get("ETag", "")


@dataclass(slots=True)
class Scratch:
    """A bucket's scratch prefix: asked through, and remembered for cleaning."""

    origin: Origin
    bucket: str
    prefix: str
    requests: int = 0
    written: dict[tuple[str, str], None] = field(default_factory=dict)
    """(key, version id or '') of all that was made."""

    async def ask(
        self,
        method: str,
        name: str | None,
        query: str = "",
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        *,
        payload_hash: str | None = None,
    ) -> Told:
        """Return the whole answer; `name` of None asks the bucket; raises OriginUnreachable."""
        key = "" if name is None else f"{self.prefix}{name}"
        self.requests += 1
        answer = await self.origin.ask(
            OriginRequest(
                method,
                self.bucket,
                encode_key(key),
                query,
                dict(headers or {}),
                body,
                len(body),
                payload_hash or (sha256(body).hexdigest() if body else EMPTY_SHA256),
                voice=FOREBAY,
            )
        )
        told = Told(answer.status, answer.headers, await answer.read(_ANSWER_BYTES_MAX))
        if name is not None and method in {"PUT", "POST"} and not query.startswith(_NO_OBJECT):
            may_be_there = told.status < _ERRORS_FROM or told.status >= _UNSURE_FROM
            if may_be_there:
                self.written[key, answer.headers.get("x-amz-version-id", "")] = None
        return told

    async def listed(self) -> Told:
        """Return one page of what lies under the prefix."""
        return await self.ask("GET", None, f"list-type=2&prefix={encode(self.prefix)}")


async def probed(scratch: Scratch, virtual: Origin | None) -> AsyncGenerator[Finding]:
    """Yield the findings about the origin; `virtual` is asked with the bucket in the host name."""
    for check in (_writes, _checksums, _listing, _conditional_writes, _reads, _not_modified):
        async with aclosing(check(scratch)) as findings:
            async for finding in findings:
                yield finding
    yield await _trailer(scratch)
    yield await _versioning(scratch)
    if virtual is not None:
        yield await _virtual_host(virtual, scratch.bucket)


async def clean(scratch: Scratch) -> AsyncGenerator[Finding]:
    """Remove all that was written, and yield what that showed of the origin."""
    if not scratch.written:
        return
    entries = [DeleteEntry(key, version or None) for key, version in scratch.written]
    body = delete_objects_xml(entries, quiet=True)
    plain = await scratch.ask("POST", None, "delete", {}, body)
    if not plain.is_success:
        digest = base64.b64encode(md5(body, usedforsecurity=False).digest()).decode()
        await scratch.ask("POST", None, "delete", {"Content-MD5": digest}, body)
    yield Finding(
        "DeleteObjects without Content-MD5",
        "yes" if plain.is_success else "no",
        plain.words,
        "" if plain.is_success else "none: Forebay always sends it",
    )
    left = await scratch.listed()
    is_gone = b"<Key>" not in left.body
    yield Finding(
        "LIST shows a deletion at once",
        "yes" if is_gone else "no",
        "the scratch prefix is empty" if is_gone else f"{scratch.prefix} is not empty",
        "" if is_gone else "remove what is left by hand",
    )


async def _writes(scratch: Scratch) -> AsyncGenerator[Finding]:
    told = await scratch.ask("PUT", "object", body=BODY)
    if not told.is_success:
        raise Failure(f"the origin refuses to write {scratch.prefix}object: {told.words}")
    is_md5 = told.etag == f'"{md5(BODY, usedforsecurity=False).hexdigest()}"'
    outcome: Outcome = "yes" if is_md5 else "partly" if told.etag else "no"
    meaning = "" if told.etag else "objects are not cached: without a strong ETag nothing is sure"
    yield Finding("the ETag of a PUT is its MD5", outcome, told.etag or "no ETag", meaning)


async def _checksums(scratch: Scratch) -> AsyncGenerator[Finding]:
    stored: list[str] = []
    others: list[str] = []
    for algorithm in CHECKSUMS:
        digest = new_digest(algorithm)
        digest.update(BODY)
        header, value = f"x-amz-checksum-{algorithm}", base64_of(digest.digest())
        put = await scratch.ask("PUT", f"sum-{algorithm}", "", {header: value}, BODY)
        if not put.is_success:
            others.append(f"{algorithm} refused ({put.words})")
            continue
        mode = {"x-amz-checksum-mode": "ENABLED"}
        head = await scratch.ask("HEAD", f"sum-{algorithm}", "", mode)
        kept = stored if head.headers.get(header) == value else others
        kept.append(algorithm if kept is stored else f"{algorithm} not kept")
    yield Finding(
        "checksums are stored and shown",
        "partly" if stored and others else "yes" if stored else "no",
        "; ".join([*(["stored: " + ", ".join(stored)] if stored else []), *others]),
        "" if stored else "an overwrite with the same bytes costs reading the body again",
    )


async def _listing(scratch: Scratch) -> AsyncGenerator[Finding]:
    told = await scratch.listed()
    written = {key for key, _ in scratch.written}
    there = [key for key in written if f"<Key>{key}</Key>".encode() in told.body]
    is_whole = len(there) == len(written)
    yield Finding(
        "LIST shows a write at once",
        "yes" if is_whole else "no",
        f"{len(there)} of {len(written)} keys",
        "" if is_whole else "listings may lag behind reads, as they do without Forebay",
    )


async def _conditional_writes(scratch: Scratch) -> AsyncGenerator[Finding]:
    asked = {"If-None-Match": "*", "If-Match": '"00000000000000000000000000000000"'}
    answers = {
        name: await scratch.ask("PUT", "object", "", {name: value}, BODY)
        for name, value in asked.items()
    }
    ignored = [name for name, told in answers.items() if told.is_success]
    judged = [name for name, told in answers.items() if told.status == _REFUSED]
    outcome: Outcome = "no" if ignored else "yes" if len(judged) == len(asked) else "partly"
    meaning = {
        "yes": "",
        "partly": "the origin itself refuses what it cannot do",
        "no": 'set origin.conditional_writes = "refuse": a writer that relies on them loses data',
    }[outcome]
    words = "; ".join(f"{name}: {told.words}" for name, told in answers.items())
    yield Finding(CONDITIONAL_WRITES, outcome, words, meaning)


async def _reads(scratch: Scratch) -> AsyncGenerator[Finding]:
    etag = (await scratch.ask("HEAD", "object")).etag
    part = await scratch.ask("GET", "object", "", {"Range": "bytes=0-6", "If-Match": etag})
    stale = await scratch.ask("GET", "object", "", {"Range": "bytes=0-6", "If-Match": '"stale"'})
    is_pinned = part.status == _PARTIAL and part.body == BODY[:7] and stale.status == _REFUSED
    yield Finding(
        "a range is pinned by If-Match",
        "yes" if is_pinned else "no",
        f"current: {part.words}; stale: {stale.words}",
        "" if is_pinned else "reads that an overwrite interrupts may not be noticed: use bypass",
    )


async def _not_modified(scratch: Scratch) -> AsyncGenerator[Finding]:
    etag = (await scratch.ask("HEAD", "object")).etag
    told = await scratch.ask("GET", "object", "", {"If-None-Match": etag})
    has_headers = "ETag" in told.headers and "Last-Modified" in told.headers
    is_right = told.status == _NOT_MODIFIED
    yield Finding(
        "a 304 carries its headers",
        "no" if not is_right else "yes" if has_headers else "partly",
        f"{told.words}; {'ETag' if 'ETag' in told.headers else 'no ETag'}",
        "" if has_headers else "none: Forebay validates by HEAD, and fills the ETag in",
    )


async def _trailer(scratch: Scratch) -> Finding:
    digest = new_digest("crc32")
    digest.update(BODY)
    line = f"x-amz-checksum-crc32:{base64_of(digest.digest())}\r\n\r\n"
    framed = b"%x\r\n%b\r\n0\r\n" % (len(BODY), BODY) + line.encode()
    headers = {
        "Content-Encoding": "aws-chunked",
        "x-amz-decoded-content-length": str(len(BODY)),
        "x-amz-trailer": "x-amz-checksum-crc32",
    }
    kind = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
    put = await scratch.ask("PUT", "framed", "", headers, framed, payload_hash=kind)
    head = await scratch.ask("HEAD", "framed")
    # To a 404 it says how long the error would be (RFC 9110 8.6).
    length = head.headers.get("Content-Length") if head.is_success else None
    is_taken = put.is_success and length == str(len(BODY))
    words = "unframed" if is_taken else f"{put.words}, {length or 'no'} bytes stored"
    meaning = "" if is_taken else "none: Forebay unframes and proves bodies itself"
    return Finding("aws-chunked with a trailer", "yes" if is_taken else "no", words, meaning)


async def _versioning(scratch: Scratch) -> Finding:
    told = await scratch.ask("GET", None, "versioning")
    is_on = b"<Status>Enabled</Status>" in told.body
    detail = "enabled on this bucket" if is_on else "not enabled on this bucket"
    return Finding(
        "versioning",
        "yes" if is_on else "partly" if told.is_success else "no",
        detail if told.is_success else told.words,
        "" if is_on else "an overwrite within a second is told apart by ETag and checksum only",
    )


async def _virtual_host(virtual: Origin, bucket: str) -> Finding:
    try:
        answer = await virtual.ask(OriginRequest("HEAD", bucket, voice=FOREBAY))
    except Failure as failure:
        return Finding("the bucket in the host name", "no", failure.message, "keep addressing path")
    answer.close()
    is_found = answer.status < _ERRORS_FROM
    meaning = 'origin.addressing = "virtual" would work' if is_found else "keep addressing path"
    return Finding(
        "the bucket in the host name", "yes" if is_found else "no", str(answer.status), meaning
    )


def needs(findings: Sequence[Finding], conditional_writes: str) -> str:
    """Return what to change in the settings, in a sentence; '' where they fit the origin."""
    for finding in findings:
        if finding.name == CONDITIONAL_WRITES:
            if finding.outcome == "no" and conditional_writes == "judge":
                return 'the origin ignores conditions: set origin.conditional_writes = "refuse"'
            if finding.outcome == "yes" and conditional_writes == "refuse":
                return 'origin.conditional_writes = "refuse" is not needed: "judge" would do'
    return ""
