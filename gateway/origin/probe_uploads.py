"""The part of the probe that uploads in parts: part copies, and the ETag that comes of them."""

from hashlib import md5

from gateway.model.names import ObjectName
from gateway.origin.probe import BODY, Finding, Outcome, Scratch
from gateway.protocol.s3.completion import has_etag, multipart_etag
from gateway.protocol.s3.documents import find_document
from gateway.protocol.s3.markup import element
from gateway.protocol.s3.requests import copy_source_header


async def probed_uploads(scratch: Scratch) -> list[Finding]:
    """Return the findings about an upload of one part, which is copied from an object there."""
    begun = await scratch.ask("POST", "parts", "uploads")
    root = find_document(begun.body)
    upload_id = root.findtext("UploadId") if root is not None else None
    if upload_id is None:
        return [Finding("multipart uploads", "no", begun.words, "large files cannot be written")]
    source = copy_source_header(ObjectName(scratch.bucket, f"{scratch.prefix}object"), None)
    query = f"partNumber=1&uploadId={upload_id}"
    copied = await scratch.ask("PUT", "parts", query, {"x-amz-copy-source": source})
    findings = [
        Finding(
            "UploadPartCopy",
            "yes" if copied.is_success else "no",
            copied.words,
            "" if copied.is_success else "clients that copy large objects in parts fail",
        )
    ]
    if not copied.is_success:
        await scratch.ask("PUT", "parts", query, body=BODY)
    part = md5(BODY, usedforsecurity=False).hexdigest()
    row = f"<Part>{element('PartNumber', '1')}{element('ETag', part)}</Part>"
    body = f"<CompleteMultipartUpload>{row}</CompleteMultipartUpload>".encode()
    done = await scratch.ask("POST", "parts", f"uploadId={upload_id}", body=body)
    if not done.is_success:
        await scratch.ask("DELETE", "parts", f"uploadId={upload_id}")
        return [*findings, Finding("multipart uploads", "no", done.words)]
    etag = (await scratch.ask("HEAD", "parts")).etag
    is_usual = etag.strip('"') == multipart_etag([part])
    outcome: Outcome = "yes" if is_usual and has_etag(done.body) else "partly"
    detail = etag if has_etag(done.body) else f"{etag}, left out of the answer"
    meaning = "" if is_usual else "a repeated CompleteMultipartUpload is not recognised"
    if is_usual and outcome == "partly":
        meaning = "none: Forebay fills it in"
    return [*findings, Finding("a multipart ETag is S3's", outcome, detail, meaning)]
