"""From host and raw path to bucket and key, byte-exact, in both of S3's styles (pure).

Path style is `/bucket/key`; virtual-host style is `bucket.domain` with `/key`. Nothing is
normalised: `//`, a leading '/', '.' and '..' are parts of keys like any other, and libraries that
normalise paths change which object is meant.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

from gateway.model.failures import InvalidRequest
from gateway.model.names import ObjectName
from gateway.protocol.http.percent import decode, encode_path

KEY_BYTES_MAX = 1024

# Wider than AWS's rule of today: old buckets have capitals and underscores, RGW has tenant:bucket.
# What is no path trick, no delimiter and no control character is for the origin to judge.
_IS_BUCKET = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._:-]{0,254}").fullmatch


@dataclass(frozen=True, slots=True)
class Target:
    """What a request is about: the service (no bucket), a bucket (no key) or an object."""

    bucket: str | None
    key: str | None
    raw_key: str
    """The key's part of the path as sent, percent-encoded; '' where there is no key."""

    @property
    def name(self) -> ObjectName:
        """Return the object's name; only for a target with a key (raises InvalidRequest)."""
        if self.bucket is None or self.key is None:
            raise InvalidRequest("A key must be specified.", code="InvalidRequest")
        return ObjectName(self.bucket, self.key)

    @property
    def resource(self) -> str:
        """Return `/bucket/key`, as error XML names it."""
        return f"/{self.bucket or ''}" + (f"/{self.key}" if self.key is not None else "")


def locate(host: str, raw_path: str, domains: tuple[str, ...] = ()) -> Target:
    """Return the target of a request; `host` as in the Host header, `domains` in lower case.

    Raises InvalidRequest with InvalidURI, InvalidBucketName or KeyTooLongError.
    """
    return _located(_find_bucket_in_host(host, domains) if domains else None, raw_path)


@lru_cache(maxsize=1024)  # hot objects are located by each of their requests
def _located(bucket: str | None, raw_path: str) -> Target:
    """Return the target; remembered without the host, which may be as long as a header."""
    if not raw_path.startswith("/"):
        raise InvalidRequest("Couldn't parse the specified URI.", code="InvalidURI")
    if bucket is not None:
        return _target(bucket, raw_path[1:])
    raw_bucket, _, raw_key = raw_path[1:].partition("/")
    if not raw_bucket and not raw_key and raw_path == "/":
        return Target(None, None, "")
    return _target(decode(raw_bucket), raw_key)


def encode_key(key: str) -> str:
    """Return S3's URI-encoding of a key: '/' and A-Za-z0-9-._~ kept, all else %XX."""
    return encode_path(key)


def check_key(key: str) -> str:
    """Return `key`; raises InvalidRequest (KeyTooLongError) beyond 1,024 bytes of UTF-8."""
    if len(key) * 4 > KEY_BYTES_MAX and len(key.encode("utf-8")) > KEY_BYTES_MAX:
        raise InvalidRequest("Your key is too long", code="KeyTooLongError")
    return key


def check_bucket(bucket: str) -> str:
    """Return `bucket`; raises InvalidRequest (InvalidBucketName) for what can be no bucket."""
    if not _IS_BUCKET(bucket):
        raise InvalidRequest("The specified bucket is not valid.", code="InvalidBucketName")
    return bucket


def _target(bucket: str, raw_key: str) -> Target:
    check_bucket(bucket)
    if not raw_key:
        return Target(bucket, None, "")
    return Target(bucket, check_key(decode(raw_key)), raw_key)


def _find_bucket_in_host(host: str, domains: tuple[str, ...]) -> str | None:
    if host.startswith("["):
        return None
    name = host.partition(":")[0].lower().removesuffix(".")
    for domain in sorted(domains, key=len, reverse=True):
        if name == domain:
            return None
        if name.endswith("." + domain):
            return name[: -len(domain) - 1]
    return None
