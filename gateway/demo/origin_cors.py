"""The embedded origin's CORS: which site's pages may ask what, by bucket."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from gateway.demo.origin_calls import Answer
from gateway.demo.origin_errors import S3Error

_VARY = "Origin, Access-Control-Request-Headers, Access-Control-Request-Method"


@dataclass(frozen=True, slots=True)
class CorsRule:
    """One rule of a bucket; origins and headers may hold a `*`."""

    origins: tuple[str, ...]
    methods: tuple[str, ...]
    headers: tuple[str, ...] = ()
    exposed: tuple[str, ...] = ()

    def allows(self, site: str, method: str, names: Sequence[str] = ()) -> bool:
        """Return whether a page of `site` may send `method` with these headers."""
        return (
            method in self.methods
            and any(fnmatchcase(site, pattern) for pattern in self.origins)
            and all(any(fnmatchcase(name, one) for one in self.headers) for name in names)
        )


def shown(rules: Sequence[CorsRule], method: str, headers: Mapping[str, str]) -> dict[str, str]:
    """Return what an answer to `method` tells the browser of the page that asked."""
    site = headers.get("Origin", "")
    rule = next((rule for rule in rules if rule.allows(site, method)), None)
    if not site or rule is None:
        return {}
    told = {
        "access-control-allow-origin": site,
        "access-control-allow-methods": ", ".join(rule.methods),
        "vary": _VARY,
    }
    if rule.exposed:
        told["access-control-expose-headers"] = ", ".join(rule.exposed)
    return told


def preflight(rules: Sequence[CorsRule], headers: Mapping[str, str]) -> Answer:
    """Answer a preflight; raises S3Error where it is none, or no rule allows what it asks for."""
    site = headers.get("Origin", "")
    method = headers.get("Access-Control-Request-Method", "")
    if not site or not method:
        raise S3Error("InvalidRequest", "Insufficient information.")
    named = headers.get("Access-Control-Request-Headers", "").lower()
    names = [name.strip() for name in named.split(",") if name.strip()]
    if not any(rule.allows(site, method, names) for rule in rules):
        raise S3Error("AccessDenied", "CORSResponse: This CORS request is not allowed.")
    told = shown(rules, method, headers)
    return Answer(200, told | ({"access-control-allow-headers": named} if names else {}))
