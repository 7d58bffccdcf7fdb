"""A job's journal gives back what it was told, whatever the names and headers are."""

import pytest

from gateway.jobs.journal import Entry, Journal
from gateway.model.names import ObjectName
from gateway.model.versions import Version

CHECKED = Version("e", 0, "", "v1", (("x-amz-checksum-crc32", "A="),))
VERSION = Version('"e"', 7, "Mon, 01 Jan 2024 00:00:00 GMT")


@pytest.mark.parametrize(
    "entries",
    [
        [],
        [Entry(ObjectName("b", "k"), VERSION)],
        [
            Entry(ObjectName("b", "line\nbreak \udc80 ä"), failure="it is larger than flash"),
            Entry(ObjectName("b", '"'), CHECKED),
            Entry(ObjectName("b", "k"), VERSION),
        ],
    ],
)
def test_what_was_noted_is_given_back(entries):
    with Journal() as journal:
        for entry in entries:
            journal.note(entry)
        assert list(journal.entries()) == entries
        assert list(journal.entries()) == entries
