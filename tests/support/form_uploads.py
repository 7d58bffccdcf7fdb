"""Browsers' form uploads as bytes: fields in order, the policy and its signature, the file last."""

import base64
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from hmac import digest
from typing import Any

from gateway.protocol.s3.signing import signing_key

BOUNDARY = "----forebay-tests"
CONTENT_TYPE = f"multipart/form-data; boundary={BOUNDARY}"


def policy_text(conditions: Sequence[Any], **more: Any) -> str:
    """Return a policy in base64 that holds for an hour; `more` replaces its elements."""
    until = (datetime.now(UTC) + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    document = {"expiration": until, "conditions": conditions, **more}
    kept = {name: value for name, value in document.items() if value is not None}
    return base64.b64encode(json.dumps(kept).encode()).decode()


def signed_fields(
    keys: tuple[str, str],
    fields: Mapping[str, str],
    conditions: Sequence[Any],
    **more: Any,
) -> dict[str, str]:
    """Return `fields` with the policy and the fields that sign it; what signs is allowed too."""
    amz_date = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    proof = {
        "x-amz-algorithm": "AWS4-HMAC-SHA256",
        "x-amz-credential": f"{keys[0]}/{amz_date[:8]}/us-east-1/s3/aws4_request",
        "x-amz-date": amz_date,
    }
    policy = policy_text([*conditions, *({name: value} for name, value in proof.items())], **more)
    key = signing_key(keys[1], amz_date[:8], "us-east-1")
    signature = digest(key, policy.encode(), "sha256").hex()
    return {**fields, **proof, "policy": policy, "x-amz-signature": signature}


def form_body(
    fields: Mapping[str, str] | Sequence[tuple[str, str]],
    file: bytes | None,
    *,
    filename: str | None = "photo.jpg",
    after: Mapping[str, str] | None = None,
) -> bytes:
    """Return the form; `after` are fields that stand behind the file."""
    pairs = fields.items() if isinstance(fields, Mapping) else fields
    parts = [_part(name, value.encode()) for name, value in pairs]
    if file is not None:
        parts.append(_part("file", file, "" if filename is None else f'; filename="{filename}"'))
    parts += [_part(name, value.encode()) for name, value in (after or {}).items()]
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()


def _part(name: str, value: bytes, more: str = "") -> bytes:
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n'
    return head.encode() + value + b"\r\n"
