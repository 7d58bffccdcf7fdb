"""Targets of what is kept and configured: record logs, index rows, settings as they are written."""

from contextlib import suppress
from pathlib import Path

from gateway.flash.record import (
    PAYLOAD_BYTES_MAX,
    RecordReader,
    Seal,
    _framed,
    encode_seal,
    find_seal,
)
from gateway.flash.rows import (
    Row,
    decode_row,
    encode_row,
    encode_tombstone,
    find_name,
    is_tombstone,
    time_of,
)
from gateway.model.names import ObjectName
from gateway.model.versions import Version
from gateway.settings.reading import SettingsError, read_settings
from gateway.settings.values import parse_address, parse_freshness, parse_seconds, parse_size
from tests.fuzzing.target import Target, cuts_of, text_of

_GOLDEN = (Path(__file__).parents[1] / "golden" / "flash_records.bin").read_bytes()
_NAME = ObjectName("bucket", "a/key")
_ROW = Row(
    _NAME,
    Version(
        '"e"', 7, "Mon, 01 Jan 2024 00:00:00 GMT", "v1", (("x-amz-checksum-crc32", "AAAAAA=="),)
    ),
    bytes(16),
    (("ETag", '"e"'), ("x-amz-meta-a", "b")),
    1_700_000_000_000_000_000,
)


def read_records(raw: bytes) -> None:
    outcomes = []
    for cut in cuts_of(raw):
        reader = RecordReader(None)
        entries = [entry for piece in cut for entry in reader.feed(piece)]
        assert reader.position <= len(raw)
        outcomes.append((entries, reader.position, reader.is_stopped))
    assert all(one == outcomes[0] for one in outcomes)
    find_seal(raw)
    # Bytes with the right checksum, whoever wrote them.
    whole = _framed(1, raw[:PAYLOAD_BYTES_MAX])
    reader = RecordReader(None)
    assert len(list(reader.feed(whole))) <= 1
    assert reader.position == len(whole)


def read_rows(raw: bytes) -> None:
    row = decode_row(raw, _NAME)
    if row is not None:
        assert row.name == _NAME
        assert decode_row(encode_row(row), _NAME) == row
        assert not is_tombstone(raw)
    find_name(raw)
    time_of(raw)


def read_values(raw: bytes) -> None:
    text = raw.decode("utf-8", "replace")
    for parse in (parse_size, parse_seconds, parse_freshness, parse_address):
        with suppress(ValueError):
            value = parse(text)
            if parse is not parse_seconds and parse is not parse_size:
                assert parse(str(value)) == value


def read_environment(raw: bytes) -> None:
    lines = (line.partition("=") for line in text_of(raw).split("\n"))
    environ = {f"FOREBAY_{name}": value for name, mark, value in lines if mark}
    with suppress(SettingsError):
        read_settings(None, environ)


_SETTINGS = (
    b"ORIGIN__ENDPOINT=http://127.0.0.1:9000\nORIGIN__REGION=us-east-1\nFLASH__SIZE=20GiB\n"
    b"S3__LISTEN=127.0.0.1:0\nRULES=[{bucket='a', freshness='bounded(5s)'}]\n"
    b"IDENTITIES=[{name='a', access_key='AK', secret_key='s', policy='admin'}]"
)

TARGETS = (
    Target(
        "records",
        read_records,
        (
            _GOLDEN,
            _GOLDEN[16:300],
            encode_seal(Seal(1, 4096)),
            _GOLDEN[:-3],
            _GOLDEN.replace(b"key", b"kez"),
        ),
        b"FBRC|\x01\x01|\x01\x02|\xff\xff",
    ),
    Target(
        "rows", read_rows, (encode_row(_ROW), encode_tombstone(_NAME, 1), encode_row(_ROW)[:-1])
    ),
    Target(
        "settings-values",
        read_values,
        (b"20GiB", b"1.5 MB", b"500ms", b"bounded(30s)", b"[::1]:9000", b"strict"),
        b"KiB|GB|ms|h|d|bounded(|)|[|]|:|.|0|99999999999999999999|1e9",
        512,
    ),
    Target(
        "settings",
        read_environment,
        (_SETTINGS, b"FLASH__SIZE=\nS3__TLS_CERT=/nowhere"),
        b"\nORIGIN__ENDPOINT=|\nFLASH__|\nS3__DOMAINS=[|'|]|[[|{a=|},|\nRULES=[{|\nIDENTITIES=[{|"
        b"\nGROUPS=[|freshness='|1979-05-27|nan|inf|0x|99999999999999999999|GiB|s|true",
        2048,
    ),
)
