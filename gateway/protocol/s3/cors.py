"""The headers of CORS (https://fetch.spec.whatwg.org/#http-cors-protocol), in tables (pure)."""

from collections.abc import Mapping
from typing import Final

REQUEST_HEADERS: Final = (
    "Origin",
    "Access-Control-Request-Method",
    "Access-Control-Request-Headers",
)
"""What of a preflight goes to the origin."""

RESPONSE_PREFIX: Final = "access-control-"


def cors_headers(headers: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return what of an answer tells a browser which site may see it."""
    return [
        (name, value)
        for name, value in headers.items()
        if name.lower().startswith(RESPONSE_PREFIX) or name.lower() == "vary"
    ]
