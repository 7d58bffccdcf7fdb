"""Targets of answers and calls: an origin's headers, the bodies of operators."""

from contextlib import suppress

from gateway.core.described import content_range, described_version, full_object_checksums
from gateway.doors.admin.calls import CREATION, ROTATION, read_call, read_keys, read_wanted
from gateway.model.failures import Failure
from gateway.protocol.s3.cors import cors_headers
from gateway.protocol.s3.headers import object_headers, shown_headers
from tests.fuzzing.target import Portions, Target, head_of


def read_origin_headers(raw: bytes) -> None:
    portions = Portions(raw)
    size = portions.choice((None, 10))
    headers = head_of(b"GET /\n" + portions.rest()).headers
    version = described_version(headers, size)
    if version is not None:
        assert version.size >= 0
        assert version.etag
        assert not version.etag.startswith("W/")
        assert not any("-" in value for _, value in version.checksums)
    full_object_checksums(headers)
    placed = content_range(headers)
    assert placed is None or min(placed) >= 0
    pairs = tuple(headers.items())
    assert not {name.lower() for name, _ in object_headers(pairs)} & {"connection", "date"}
    shown_headers(pairs, has_checksums=False)
    cors_headers(headers)


def read_admin_call(raw: bytes) -> None:
    with suppress(Failure):
        wanted = read_wanted(read_call(raw, CREATION))
        assert 0 < len(wanted.name) <= 128
    with suppress(Failure):
        read_keys(read_call(raw, ROTATION))


TARGETS = (
    Target(
        "origin-headers",
        read_origin_headers,
        (
            (
                b'\0ETag: "a-2"\nContent-Length: 7\nLast-Modified: Mon, 01 Jan 2024 00:00:00 GMT\n'
                b"x-amz-version-id: 1\nx-amz-checksum-crc32: AAAAAA==\nAge: 1\nConnection: x"
            ),
            b'\1ETag: "a"\nContent-Range: bytes 0-9/9\nx-amz-checksum-type: COMPOSITE\nAge: 1',
            b"\0ETag: W/a\nTransfer-Encoding: chunked\nx-amz-storage-class: GLACIER",
        ),
        b'\nETag: |"|W/|\nContent-Length: |\nContent-Range: bytes |-|/|*|99999999999999999999|\n'
        b"x-amz-checksum-sha256: |\naccess-control-allow-origin: |\nx-amz-checksum-type: |\xc2\xb2",
    ),
    Target(
        "admin-calls",
        read_admin_call,
        (
            (
                b'{"name": "ann", "policy": "admin", "groups": ["a", "a"], "access_key": "FBAK", '
                b'"secret_key": "12345678"}'
            ),
            b'{"name": 1, "nmae": []}',
            b"",
        ),
        b'"name"|"groups"|"policy"|"access_key"|"secret_key"|null|true|[|]|{|}|:|,|\\ud800|"a"|NaN',
        2048,
    ),
)
