"""AWS's signing test suite, read from a checkout: each of its signed requests must verify.

The suite is of no service in particular. Where S3's rules differ (it never normalises a path, and
encodes it once, and wants the session token signed) a vector is not S3's; then it must not verify.
"""

import json
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

from multidict import CIMultiDict, CIMultiDictProxy

from gateway.model.failures import AuthenticationFailed
from gateway.protocol.http.head import RequestHead, split_target
from gateway.protocol.s3.sigv4 import read_claim, verify


def judged_vectors(folder: Path) -> dict[str, str]:
    """Return vector -> `verified`, `not S3's: refused` or `WRONG`."""
    judged = {}
    for place in sorted(folder.iterdir()):
        for kind in ("header", "query"):
            path = place / f"{kind}-signed-request.txt"
            if path.exists():
                judged[f"{place.name}, {kind}"] = _judged(place, path)
    return judged


def _judged(place: Path, path: Path) -> str:
    context = json.loads((place / "context.json").read_text())
    head, body = _read(path.read_bytes())
    # Their service is called `service`; reading is S3's own, and the signature is of theirs.
    theirs = f"/{context['service']}/aws4_request"
    lines = {
        name: value.replace(theirs, "/s3/aws4_request") for name, value in head.headers.items()
    }
    query = head.query.replace(theirs.replace("/", "%2F"), "%2Fs3%2Faws4_request")
    ours = CIMultiDict(head.headers)
    if "Authorization" in lines:
        ours["Authorization"] = lines["Authorization"]
    is_foreign = context.get("omit_session_token", False) or (
        context["normalize"] and _is_changed_by_normalising(head.path)
    )
    try:
        claim = read_claim(RequestHead(head.method, head.path, query, CIMultiDictProxy(ours)))
        assert claim is not None
        claim = replace(claim, service=context["service"], payload_hash=sha256(body).hexdigest())
        verify(head, claim, context["credentials"]["secret_access_key"])
    except AuthenticationFailed:
        return "not S3's: refused" if is_foreign else "WRONG"
    return "WRONG" if is_foreign else "verified"


def _is_changed_by_normalising(path: str) -> bool:
    return "//" in path or any(part in {".", ".."} for part in path.split("/")) or "%" in path


def _read(raw: bytes) -> tuple[RequestHead, bytes]:
    text, _, body = raw.partition(b"\n\n")
    first, *lines = text.decode("utf-8", "surrogateescape").rstrip("\n").split("\n")
    method, _, rest = first.partition(" ")
    path, query = split_target(rest.removesuffix(" HTTP/1.1"))
    headers: CIMultiDict[str] = CIMultiDict()
    name = ""
    for line in lines:
        if line.startswith(" "):
            # Obsolete folding, which HTTP no longer has: our door refuses it, the vector means it.
            headers[name] = f"{headers[name]} {line.strip()}"
            continue
        name, _, value = line.partition(":")
        headers.add(name, value)
    return RequestHead(method, path, query, CIMultiDictProxy(headers)), body
