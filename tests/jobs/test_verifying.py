"""`forebay cache verify`: every byte is read, the origin is asked, each object gets its word."""

from random import Random

import pytest

from tests.support.gateway_settings import CHUNK_BYTES

BODY = Random(4).randbytes(3 * CHUNK_BYTES + 5)


@pytest.fixture
def held(desk):
    for name in ("a", "b", "c", "d/e"):
        desk.put(name, Random(name).randbytes(len(BODY)))
    desk.put("empty", b"")
    assert desk.warm("s3://bucket/").code == 0
    desk.origin.counters.reset()
    return desk


def damage(desk, key, chunk):
    """Change one byte of a chunk where it lies: bodies are stored as they are."""
    body = desk.origin.read("bucket", key)
    sought = body[chunk * CHUNK_BYTES : chunk * CHUNK_BYTES + 64]
    for path in (desk.flash_path / "segments").iterdir():
        at = path.read_bytes().find(sought)
        if at >= 0:
            with path.open("r+b") as segment:
                segment.seek(at + 5)
                segment.write(bytes([sought[5] ^ 1]))
            return
    raise AssertionError(f"{key} is in no segment")


def states(told):
    return {
        path.removeprefix("s3://bucket/"): one["state"] for path, one in told.of("object").items()
    }


def test_what_is_right_is_asked_once_and_costs_no_body(held):
    told = held.verify()
    assert told.code == 0
    assert states(told) == dict.fromkeys(("a", "b", "c", "d/e", "empty"), "right")
    assert (told.summary["objects"], told.summary["right"]) == (5, 5)
    assert told.summary["bytes_read"] == 4 * len(BODY)
    assert held.asked() == {"HeadObject": 5}
    assert held.sent_bytes() == 0


def test_a_flipped_bit_is_found_dropped_and_brought_again(held):
    damage(held, "b", 2)
    told = held.verify()
    assert told.code == 1
    assert states(told) == {
        "a": "right",
        "b": "damaged",
        "c": "right",
        "d/e": "right",
        "empty": "right",
    }
    assert told.of("object")["s3://bucket/b"]["chunks_damaged"] == 1
    assert held.held()["s3://bucket/b"]["chunks_held"] == 3
    held.origin.counters.reset()
    assert held.warm("s3://bucket/b").code == 0
    assert held.sent_bytes() == CHUNK_BYTES
    assert held.verify().code == 0


def test_what_changed_or_went_at_the_origin_is_stale(held):
    held.origin.put("bucket", "a", b"newer")
    held.origin.delete("bucket", "c")
    told = held.verify()
    assert told.code == 1
    assert states(told) == {
        "a": "stale",
        "b": "right",
        "c": "stale",
        "d/e": "right",
        "empty": "right",
    }
    assert told.of("object")["s3://bucket/c"]["words"] == "the origin does not have it any more"


def test_a_prefix_is_a_bound_and_offline_asks_nobody(held):
    held.origin.put("bucket", "a", b"newer")
    told = held.verify("s3://bucket/d/", "--offline")
    assert (told.code, states(told)) == (0, {"d/e": "right"})
    assert held.verify("s3://bucket/a", "--offline").code == 0
    assert held.asked() == {}


def test_an_origin_that_is_away_is_not_taken_for_a_change(held):
    held.tables["origin"]["endpoint"] = "http://127.0.0.1:1"
    told = held.verify("s3://bucket/a")
    assert (told.code, states(told)) == (1, {"a": "unasked"})


def test_people_read_what_is_not_right(held):
    held.origin.put("bucket", "a", b"newer")
    told = held.run("verify", "s3://bucket/")
    assert told.code == 1
    assert "stale: s3://bucket/a: the origin has another version now\n" in told.out
    assert "5 objects: 4 right, 1 stale, 0 damaged, 0 unasked" in told.out


@pytest.mark.parametrize(
    ("path", "sentence"),
    [("bucket", "is no path"), ("s3://bucket/*.bin", "verify takes a prefix")],
)
def test_what_cannot_be_meant_is_one_sentence(held, path, sentence):
    told = held.run("verify", path)
    assert (told.code, told.out) == (2, "")
    assert sentence in told.err


def test_without_flash_there_is_one_sentence(desk):
    told = desk.run("verify", "s3://bucket/")
    assert told.code == 2
    assert "there is no flash at" in told.err


def test_bytes_are_read_also_where_readers_leave_that_to_the_scrub(held):
    held.tables["flash"]["verify"] = "scrub"
    damage(held, "b", 0)
    assert states(held.verify("s3://bucket/b")) == {"b": "damaged"}
