"""The flash without a disk keeps the bounds of the real one, whatever is read through it."""

import random
from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.flash.admission import divide
from gateway.flash.eviction import CLOCK, TWO_STREAMS
from gateway.flash.keeping import Keeping
from gateway.flash.virtual import Chunk, VirtualFlash
from gateway.model.names import ObjectName
from gateway.model.rules import Keep, Rule, Rules, Share

KIB, MIB = 1 << 10, 1 << 20
CHUNK_BYTES = 64 * KIB
SIZE_BYTES = 16 * MIB
RULES = Rules(
    [
        Rule("pinned/*", keep=Keep(is_pinned=True)),
        Rule("held/*", keep=Keep(hold_seconds=1e6)),
        Rule("reserved/*", keep=Keep(hold_seconds=1e6, share=Share(fraction=0.25))),
        Rule("shared/*", keep=Keep(share=Share(count_bytes=3 * MIB))),
        Rule("aged/*", keep=Keep(ttl_seconds=10)),
    ]
)
BUCKETS = ("pinned", "held", "reserved", "shared", "aged", "common")


def flash_of(rules=RULES, policy=TWO_STREAMS, size_bytes=SIZE_BYTES):
    division = divide(size_bytes, CHUNK_BYTES)
    return VirtualFlash(division, Keeping(rules, (), size_bytes), policy), division


def chunk_of(bucket, number):
    return Chunk(random.Random(f"{bucket}/{number}").randbytes(16), 0)


def read(flash, bucket, number, length=CHUNK_BYTES):
    """Read as the gateway does; return whether it was a hit, and whether it is there now."""
    chunk = chunk_of(bucket, number)
    is_hit = flash.has(chunk)
    is_there = is_hit or flash.put(ObjectName(bucket, str(number)), chunk, length)
    return is_hit, is_there


@given(
    st.lists(
        st.tuples(st.sampled_from(BUCKETS), st.integers(0, 400), st.integers(1, CHUNK_BYTES)),
        max_size=400,
    ),
    st.sampled_from([TWO_STREAMS, CLOCK]),
)
@settings(max_examples=60, deadline=None)
def test_no_bound_is_ever_exceeded(reads, policy):
    flash, division = flash_of(policy=policy)
    room = division.segments_bytes_max(division.allowance_for(0))
    for bucket, number, length in reads:
        flash.now_ns += 10**9
        read(flash, bucket, number, length)
        occupied = flash.occupied_by_group()
        assert sum(occupied.values()) <= room
        keeping = Keeping(RULES, (), SIZE_BYTES)
        for group, terms in keeping.groups.items():
            assert terms.bytes_max is None or occupied.get(group, 0) <= terms.bytes_max


@given(st.lists(st.tuples(st.sampled_from(BUCKETS), st.integers(0, 300)), max_size=600))
@settings(max_examples=40, deadline=None)
def test_what_is_pinned_stays_and_what_is_held_stays_for_its_like(reads):
    flash, _ = flash_of()
    there = {bucket: set() for bucket in BUCKETS}
    for bucket, number in reads:
        if read(flash, bucket, number)[1]:
            there[bucket].add(number)
        for kept in ("pinned", "reserved"):
            assert all(flash.has(chunk_of(kept, one)) for one in there[kept])


def test_held_alone_stays_whole_whatever_else_of_it_is_read():
    flash, _ = flash_of()
    first = [number for number in range(400) if read(flash, "held", number)[1]]
    assert len(first) * CHUNK_BYTES > 0.7 * SIZE_BYTES
    for number in range(400, 800):
        assert read(flash, "held", number) == (False, False)
    assert all(read(flash, "held", number) == (True, True) for number in first)
    for number in range(100):
        assert read(flash, "common", number)[1], "others take the place of what has no share"


def test_a_scan_leaves_what_is_hot_where_it_is():
    flash, _ = flash_of()
    hot = range(60)
    for _ in range(8):
        for number in hot:
            read(flash, "common", number)
    counts = Counter()
    for number in range(1000, 3000):
        read(flash, "common", number)
        if number % 100 == 0:
            counts.update(read(flash, "common", one)[0] for one in hot)
    assert counts[True] > 0.9 * counts.total()


def test_what_has_a_time_to_live_is_gone_after_it():
    flash, _ = flash_of()
    assert read(flash, "aged", 1) == (False, True)
    assert read(flash, "aged", 1) == (True, True)
    flash.now_ns += 11 * 10**9
    assert read(flash, "aged", 1) == (False, True)
