"""Documents are Hadoop's JSON: keys sorted, the fields that its client reads."""

import json

from gateway.protocol.webhdfs.blocks import (
    Host,
    block_locations,
    block_ranges,
    located_blocks,
)
from gateway.protocol.webhdfs.documents import (
    LISTING_BEGIN,
    LISTING_END,
    FileStatus,
    attribute_names,
    attributes,
    file_status,
    listing_part,
    to_json,
)

FILE = FileStatus("FILE", 5, 1000, 2000, 0o1640, "ann", "staff", 128)


def test_a_file() -> None:
    assert to_json(file_status(FILE)).decode() == (
        '{"FileStatus":{"accessTime":2000,"blockSize":128,"childrenNum":0,"fileId":0,'
        '"group":"staff","length":5,"modificationTime":1000,"owner":"ann","pathSuffix":"",'
        '"permission":"1640","replication":1,"storagePolicy":0,"type":"FILE"}}'
    )


def test_a_directory_and_a_link_have_no_blocks() -> None:
    directory = FileStatus("DIRECTORY", 0, 0, 0, 0o755, "", "", 128)
    link = FileStatus("SYMLINK", 4, 0, 0, 0o777, "", "", 128, "/a/b")
    for one in (directory, link):
        told = json.loads(to_json(one.document("x")))
        assert told["blockSize"] == told["replication"] == told["length"] == 0
    assert json.loads(to_json(link.document("x")))["symlink"] == "/a/b"


def test_a_listing_in_parts_is_one_document() -> None:
    parts = [
        listing_part([("a", FILE), ("b", FILE)], is_first=True),
        listing_part([("\u00e9", FILE)], is_first=False),
        listing_part([], is_first=False),
    ]
    told = json.loads(LISTING_BEGIN + b"".join(parts) + LISTING_END)
    suffixes = [one["pathSuffix"] for one in told["FileStatuses"]["FileStatus"]]
    assert suffixes == ["a", "b", "\u00e9"]


def test_attributes() -> None:
    assert attributes({"user.a": b"hi", "user.b": b""}, "HEX") == {
        "XAttrs": [{"name": "user.a", "value": "0x6869"}, {"name": "user.b", "value": None}]
    }
    assert attributes({"user.a": b"hi"}, None) == {"XAttrs": [{"name": "user.a", "value": '"hi"'}]}
    assert attribute_names(["user.a"]) == {"XAttrNames": '["user.a"]'}


def test_blocks_of_a_range() -> None:
    assert block_ranges(300, 128, 0, None) == [range(128), range(128, 256), range(256, 300)]
    assert block_ranges(300, 128, 130, 10) == [range(128, 256)]
    assert block_ranges(300, 128, 300, 10) == []
    assert block_ranges(0, 128, 0, None) == []
    told = json.loads(to_json(block_locations(block_ranges(300, 128, 0, None), Host("h", 1))))
    locations = told["BlockLocations"]["BlockLocation"]
    assert [(one["offset"], one["length"]) for one in locations] == [
        (0, 128),
        (128, 128),
        (256, 44),
    ]
    assert locations[0]["hosts"] == ["h"]
    assert locations[0]["names"] == ["h:1"]


def test_located_blocks_name_the_last_one() -> None:
    told = json.loads(to_json(located_blocks([range(128)], 300, 128, Host("h", 1))))
    assert told["LocatedBlocks"]["lastLocatedBlock"]["startOffset"] == 256
    empty = json.loads(to_json(located_blocks([], 0, 128, Host("h", 1))))
    assert empty["LocatedBlocks"]["lastLocatedBlock"] is None
