"""Children page by page against a model, their attributes, and what a listing costs."""

import asyncio
import tracemalloc

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from gateway.core.objects import Objects
from gateway.demo.origin_faults import Fault
from gateway.filesystem.paths import join_path, shown_directory, shown_file
from gateway.filesystem.status import Kind, Summary
from gateway.filesystem.tally import Tally
from gateway.model.failures import NotFound
from gateway.model.names import ObjectName
from tests.support.origin_hooks import always
from tests.support.trees import running_stage

LETTERS = [*"a!-.0/", "%", "%-", "é", "b"]
KEYS = st.lists(st.sampled_from(LETTERS), min_size=1, max_size=6).map("".join)
TREES = st.dictionaries(KEYS, st.binary(max_size=2), max_size=12)


@pytest.fixture
async def stage(tmp_path):
    async with running_stage(tmp_path) as stage:
        yield stage


@pytest.fixture
async def listed(tmp_path):
    async with running_stage(tmp_path, filesystem={"listed_attributes": "listed"}) as stage:
        yield stage


async def pages_of(stage, path, count_max):
    """Return the pages of a directory, each asked for by the last name of the one before."""
    pages, after = [], ""
    while True:
        page = await stage.tree.children(stage.caller(), path, after, count_max)
        pages.append(page)
        if page.after is None:
            return pages
        assert page.entries
        assert page.entries[-1].base_name == page.after
        after = page.after


async def names_of(stage, path, count_max=1000):
    return [
        one.base_name for page in await pages_of(stage, path, count_max) for one in page.entries
    ]


def model(tree, prefix):
    """Return the children of a prefix: the kind of each by its path, in order."""
    found = {}
    for key, body in tree.items():
        rest = key.removeprefix(prefix)
        if not key.startswith(prefix) or (not rest and not body):
            continue
        text, slash, _ = rest.partition("/")
        found[text, bool(slash)] = key
    shown = {}
    for (text, is_directory), _ in sorted(found.items()):
        if is_directory:
            shown[join_path(shown_directory(f"{prefix}{text}/"))] = Kind.DIRECTORY
        else:
            is_hidden = (text, True) in found
            shown[join_path(shown_file(prefix + text, is_hidden=is_hidden))] = Kind.FILE
    return shown


def rebuilt(stage, tree):
    bucket = stage.origin.store.buckets["bucket"]
    for key in [*bucket.keys]:
        stage.origin.delete("bucket", key)
    for key, body in tree.items():
        stage.put(key, body)


@given(TREES, st.integers(1, 4))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@example(tree=dict.fromkeys(["a", "a!", "a/", "a0"], b""), count_max=1)
@example(
    tree=dict.fromkeys(["a", "a!", "a/x", "a-", "a.", "a0", "a/a", "a/a/a"], b"x"), count_max=1
)
@example(tree=dict.fromkeys(["/", "//", "/a", "!", "!a", "%-", "%"], b"x"), count_max=2)
async def test_pages_neither_repeat_nor_lose_a_name(listed, tree, count_max):
    rebuilt(listed, tree)
    prefixes = {key[: at + 1] for key in tree for at, letter in enumerate(key) if letter == "/"}
    for prefix in ["", *sorted(prefixes)]:
        path = join_path(("bucket", *shown_directory(prefix)))
        pages = await pages_of(listed, path, count_max)
        shown = [
            (one.path.removeprefix("/bucket"), one.kind) for page in pages for one in page.entries
        ]
        assert shown == list(model(tree, prefix).items())
        assert all(len(page.entries) <= count_max for page in pages)
        statuses = [await listed.tree.status(listed.caller(), f"/bucket{one}") for one, _ in shown]
        assert [status.kind for status in statuses] == [kind for _, kind in shown]


@given(TREES)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
async def test_a_summary_is_the_sum_of_all_children(listed, tree):
    rebuilt(listed, tree)

    async def walked(path):
        files, directories, length = 0, 1, 0
        for page in await pages_of(listed, path, 1000):
            for one in page.entries:
                below = await walked(one.path) if one.is_directory else Summary(1, 0, one.length)
                files, directories = files + below.files, directories + below.directories
                length += below.length
        return Summary(files, directories, length)

    assert await listed.tree.summary(listed.caller(), "/bucket") == await walked("/bucket")


async def test_children_come_with_their_attributes(stage):
    stage.put("d/file", b"123", mode="0100600", owner="alice")
    stage.put("d/sub/x", b"1")
    stage.put("d/sub/", mode="0040711", owner="bob")
    stage.put("d/link", b"file", mode="0120777")
    stage.put("d/", mode="0040700")
    page = await stage.tree.children(stage.caller(), "/bucket/d")
    shown = [(one.path, one.kind, one.mode, one.owner, one.symlink) for one in page.entries]
    assert shown == [
        ("/bucket/d/file", Kind.FILE, 0o600, "alice", ""),
        ("/bucket/d/link", Kind.SYMLINK, 0o777, "forebay", "file"),
        ("/bucket/d/sub", Kind.DIRECTORY, 0o711, "bob", ""),
    ]
    for entry in page.entries:
        assert await stage.tree.status(stage.caller(), entry.path) == entry


async def test_attributes_that_a_listing_proves_cost_no_question(stage):
    for number in range(40):
        stage.put(f"d/{number:02}", b"x", mode="0100600")
    first = await stage.tree.children(stage.caller(), "/bucket/d")
    assert stage.asked() == {"ListObjectsV2": 1, "HeadObject": 40}
    stage.put("d/07", b"y", mode="0100400", modified=None)
    stage.reset()
    second = await stage.tree.children(stage.caller(), "/bucket/d")
    assert stage.asked() == {"ListObjectsV2": 1, "HeadObject": 1}
    changed = [
        one for one, other in zip(first.entries, second.entries, strict=True) if one != other
    ]
    assert [one.base_name for one in changed] == ["07"]
    assert second.entries[7].mode == 0o400


async def test_a_directory_that_is_listed_drives_nothing_out_of_memory(stage):
    for number in range(40):
        stage.put(f"d/{number:02}", b"x")
    stage.put("hot", b"x")
    for path in ("/bucket/d", "/bucket/hot"):
        await stage.tree.children(stage.caller(), path)
    await stage.core.flash.forgotten(ObjectName("bucket", "waited for"))
    stage.core.flash.find_row(ObjectName("bucket", "hot"))
    page = await stage.tree.children(stage.caller(), "/bucket/d")
    assert len(page.entries) == 40
    remembered = stage.core.flash._lifeline.live.remembered._rows
    assert [name.key for name in remembered] == ["hot"]


async def test_what_was_written_within_two_seconds_is_asked_about_and_then_proven(stage):
    """A row that was read too soon is replaced by the first that a listing can prove."""
    version = stage.put("d/new", b"x", modified=None)
    for _ in range(2):
        stage.reset()
        await stage.tree.children(stage.caller(), "/bucket/d")
        assert stage.asked() == {"ListObjectsV2": 1, "HeadObject": 1}
    clock = stage.origin.store.clock
    stage.origin.store.clock = lambda: clock() + 10
    await stage.tree.children(stage.caller(), "/bucket/d")
    stage.reset()
    page = await stage.tree.children(stage.caller(), "/bucket/d")
    assert stage.asked() == {"ListObjectsV2": 1}
    assert page.entries[0].version.etag == version.etag


async def test_questions_about_children_are_asked_together_within_the_bound(tmp_path, monkeypatch):
    asking, most = 0, 0
    current = Objects.current

    async def watched(*given):
        nonlocal asking, most
        asking += 1
        most = max(most, asking)
        try:
            return await current(*given)
        finally:
            asking -= 1

    monkeypatch.setattr(Objects, "current", watched)
    async with running_stage(tmp_path, filesystem={"parallel_max": 5}) as stage:
        for number in range(30):
            stage.put(f"d/{number}", b"x")
        await stage.tree.children(stage.caller(), "/bucket/d")
    assert most == 5


async def test_listed_attributes_alone_cost_one_listing(listed):
    for number in range(20):
        listed.put(f"d/{number:02}", b"x", mode="0100600", owner="alice")
    listed.put("d/sub/x")
    page = await listed.tree.children(listed.caller(), "/bucket/d")
    assert listed.asked() == {"ListObjectsV2": 1}
    assert {(one.mode, one.owner) for one in page.entries[:-1]} == {(0o644, "forebay")}
    assert [one.length for one in page.entries] == [1] * 20 + [0]


async def test_the_children_of_a_file_are_itself(stage):
    stage.put("file", b"123")
    for path in ("/bucket/file", "/bucket/%-file"):
        page = await stage.tree.children(stage.caller(), path)
        assert [(one.path, one.length) for one in page.entries] == [(path, 3)]
        assert page.after is None


async def test_an_empty_directory_has_no_children_and_an_absent_one_is_not_found(stage):
    stage.put("empty/")
    page = await stage.tree.children(stage.caller(), "/bucket/empty")
    assert (page.entries, page.after) == ((), None)
    assert (await stage.tree.children(stage.caller(), "/other")).entries == ()
    for path in ("/bucket/none", "/nobucket", "/bucket/%-%-"):
        with pytest.raises(NotFound):
            await stage.tree.children(stage.caller(), path)


async def test_a_page_begins_behind_a_name_that_went(stage):
    for name in ("a", "c", "e/f"):
        stage.put(f"d/{name}")
    for after, names in (("b", ["c", "e"]), ("c", ["e"]), ("%-%zz", ["a", "c", "e"]), ("e", [])):
        page = await stage.tree.children(stage.caller(), "/bucket/d", after)
        assert [one.base_name for one in page.entries] == names
    long = await stage.tree.children(stage.caller(), "/bucket/d", f"%-b~{'0' * 32}")
    assert [one.base_name for one in long.entries] == ["c", "e"]


async def test_an_entry_that_went_since_it_was_listed_is_left_out(stage):
    for name in "abc":
        stage.put(f"d/{name}")
    stage.origin.faults.append(always(Fault(code="NoSuchKey"), method="HEAD", key="d/b"))
    assert await names_of(stage, "/bucket/d") == ["a", "c"]


async def test_an_entry_that_forebay_may_not_see_shows_what_the_listing_shows(stage):
    stage.put("d/a", b"12", mode="0100600")
    stage.origin.faults.append(always(Fault(code="AccessDenied"), method="HEAD", key="d/a"))
    page = await stage.tree.children(stage.caller(), "/bucket/d")
    assert [(one.length, one.mode) for one in page.entries] == [(2, 0o644)]


async def test_the_root_shows_buckets_in_pages(stage):
    pages = await pages_of(stage, "/", 2)
    assert [[one.base_name for one in page.entries] for page in pages] == [
        ["bucket", "other"],
        ["versioned"],
    ]
    assert all(one.is_directory for page in pages for one in page.entries)
    assert stage.asked() == {"ListBuckets": 2}


async def test_mounts_are_shown_where_they_are(tmp_path):
    mounts = {"/m/one": "s3://bucket/p", "/m/two": "s3://other", "/z": "s3://other/q"}
    async with running_stage(tmp_path, mounts=mounts) as stage:
        stage.put("p/x", b"123")
        stage.put("y", b"45", bucket="other")
        assert await names_of(stage, "/") == ["m", "z"]
        assert await names_of(stage, "/m", 1) == ["one", "two"]
        assert stage.asked() == {}
        assert await names_of(stage, "/m/one") == ["x"]
        assert await stage.tree.summary(stage.caller(), "/m") == Summary(2, 3, 5)


async def test_a_summary_costs_its_listing_and_no_more(stage):
    for number in range(1500):
        stage.put(f"d/{number % 7}/{number}", b"xy")
    stage.reset()
    assert await stage.tree.summary(stage.caller(), "/bucket/d") == Summary(1500, 8, 3000)
    assert stage.asked() == {"ListObjectsV2": 2}
    stage.put("file", b"123")
    assert await stage.tree.summary(stage.caller(), "/bucket/file") == Summary(1, 0, 3)
    with pytest.raises(NotFound):
        await stage.tree.summary(stage.caller(), "/bucket/none")


async def test_fifteen_thousand_children_are_listed_in_pages_at_bounded_memory(listed):
    count = 15_000  # a hundred thousand: conformance/run.py webhdfs --part listing
    for number in range(count):
        listed.put(f"d/part-{number:06}.parquet")
    listed.put("d/part/x")
    listed.reset()
    seen, after, held = 0, "", []
    while after is not None:
        page = await listed.tree.children(listed.caller(), "/bucket/d", after)
        seen, after = seen + len(page.entries), page.after
        listed.origin.counters.calls.clear()
        listed.receipts.clear()
        if seen > count * 0.6:
            tracemalloc.start()
            held.append(bytes_held())
    tracemalloc.stop()
    assert seen == count + 1
    # One page at a time, and one doubt in all: whether `part` is a directory.
    assert listed.asked() == {"ListObjectsV2": -(-count // 999) + 1}
    assert max(held) - held[2] < 2**20


def bytes_held():
    """Return what was allocated and is held, but by the origin, which is in this process too."""
    of_others = tracemalloc.Filter(inclusive=False, filename_pattern="*/gateway/demo/*")
    taken = tracemalloc.take_snapshot().filter_traces([of_others])
    return sum(trace.size for trace in taken.traces)


@given(st.lists(st.tuples(KEYS, st.integers(0, 3)), max_size=20))
def test_a_tally_counts_what_is_under_a_prefix(listing):
    tree = dict(listing)
    tally = Tally("p/")
    for key in sorted(tree):
        tally.add("p/" + key, tree[key])
    directories = {key[:at] for key in tree for at, letter in enumerate(key) if letter == "/"}
    files = [key for key, size in tree.items() if size or not key.endswith("/")]
    assert tally.summary == Summary(len(files), len(directories) + 1, sum(tree.values()))


async def test_two_listings_at_once_do_not_disturb_each_other(stage):
    for number in range(30):
        stage.put(f"d/{number:02}", b"x")
    found = await asyncio.gather(*(names_of(stage, "/bucket/d", 7) for _ in range(5)))
    assert all(names == found[0] and len(names) == 30 for names in found)
