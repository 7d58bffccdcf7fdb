"""`forebay cache warm`: brings what is meant, costs what it must, and tells the truth."""

import io
from random import Random

import pytest

from gateway.origin.s3 import S3Answer, S3Origin
from tests.support.gateway_settings import CHUNK_BYTES, FLASH_BYTES

RUN_BYTES = 8 * CHUNK_BYTES
SMALL = Random(1).randbytes(CHUNK_BYTES + 7)
LARGE = Random(2).randbytes(5 * RUN_BYTES + CHUNK_BYTES + 3)


@pytest.fixture
def filled(desk):
    for number in range(40):
        desk.put(f"small/{number:02}", SMALL)
    desk.put("large/model", LARGE)
    desk.put("small/empty", b"")
    return desk


def test_everything_under_a_prefix_is_whole_on_flash_and_was_sent_once(filled):
    told = filled.warm("s3://bucket/")
    assert (told.code, told.summary["missing"]) == (0, {})
    assert told.summary["on_flash"] == told.summary["objects"] == told.summary["brought"] == 42
    held = filled.held()
    assert len(held) == 42
    assert all(one["whole"] for one in held.values())
    wanted = 40 * len(SMALL) + len(LARGE)
    assert told.summary["bytes_on_flash"] == wanted == sum(o["bytes_held"] for o in held.values())
    assert filled.sent_bytes() == told.summary["bytes_fetched"] == wanted


def test_a_small_object_costs_its_get_and_a_large_one_a_question_and_its_runs(filled):
    filled.warm("s3://bucket/")
    asked = filled.asked()
    assert asked["ListObjectsV2"] == 1
    assert asked["HeadObject"] == 1
    assert asked["GetObject"] == 41 + 6


def test_what_is_unchanged_costs_a_listing_and_nothing_else(filled):
    filled.warm("s3://bucket/")
    filled.origin.counters.reset()
    told = filled.warm("s3://bucket/")
    assert (told.code, told.summary["here_before"], told.summary["brought"]) == (0, 42, 0)
    assert filled.asked() == {"ListObjectsV2": 1}


def test_what_changed_is_brought_again_and_what_is_new_too(filled):
    filled.warm("s3://bucket/")
    filled.origin.put("bucket", "small/07", SMALL[::-1])
    filled.put("small/new", SMALL)
    filled.origin.counters.reset()
    told = filled.warm("s3://bucket/")
    assert (told.summary["here_before"], told.summary["brought"]) == (41, 2)
    assert filled.sent_bytes() == 2 * len(SMALL)
    assert told.summary["on_flash"] == told.summary["objects"] == 43


def test_a_large_object_that_is_there_in_part_is_completed(filled):
    filled.warm("s3://bucket/large/")
    filled.origin.counters.reset()
    filled.put("large/other", LARGE[: 3 * RUN_BYTES])
    assert filled.warm("s3://bucket/large/").summary["brought"] == 1
    assert filled.sent_bytes() == 3 * RUN_BYTES


def test_globs_and_several_paths(filled):
    filled.put("small/00.txt", SMALL)
    told = filled.warm("s3://bucket/small/0?", "s3://bucket/**.txt", "s3://bucket/large/*")
    assert told.summary["objects"] == 10 + 1 + 1
    assert set(filled.held()) == {
        *(f"s3://bucket/small/{number:02}" for number in range(10)),
        "s3://bucket/small/00.txt",
        "s3://bucket/large/model",
    }


def test_a_manifest_names_what_it_wants_and_no_listing_is_asked_for(filled):
    manifest = filled.folder / "manifest"
    manifest.write_text(
        '# of today\ns3://bucket/small/01\nbucket,small/02\n{"bucket":"bucket","key":"large/model"}\n'
    )
    told = filled.warm("--manifest", str(manifest))
    assert (told.code, told.summary["on_flash"]) == (0, 3)
    assert "ListObjectsV2" not in filled.asked()
    assert all(one["whole"] for one in filled.held().values())


def test_a_manifest_may_come_from_a_pipe(filled, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"bucket,small/03\n")))
    assert filled.warm("--manifest", "-").summary["on_flash"] == 1


def test_a_line_that_names_nothing_ends_the_job_in_words(filled):
    manifest = filled.folder / "manifest"
    manifest.write_text("s3://bucket/small/01\nnonsense\n")
    told = filled.run("warm", "--manifest", str(manifest))
    assert told.code == 1
    assert "line 2 of the manifest: it names no object" in told.err
    assert told.err.count("\n") == 1


def test_what_is_not_there_in_the_end_is_told_with_its_reason(filled):
    filled.put("bypass/a", SMALL)
    filled.put("odd/weak", SMALL)
    filled.origin.put("bucket", "odd/weak", SMALL, etag='W/"weak"')
    manifest = filled.folder / "manifest"
    names = ["small/01", "bypass/a", "odd/weak", "never/was"]
    manifest.write_text("".join(f"bucket,{name}\n" for name in names))
    told = filled.warm("--manifest", str(manifest))
    assert told.code == 1
    reasons = {path: one["reason"] for path, one in told.of("missing").items()}
    assert reasons == {
        "s3://bucket/bypass/a": "its rule is bypass",
        "s3://bucket/odd/weak": "it is not kept: no strong validator",
        "s3://bucket/never/was": "the origin does not have it",
    }
    assert told.summary["missing"] == dict.fromkeys(reasons.values(), 1)
    assert told.summary["on_flash"] == 1
    lines = filled.run("warm", "--manifest", str(manifest)).out
    assert "not on flash: s3://bucket/bypass/a: its rule is bypass" in lines
    assert "1 of 4 objects are on flash now" in lines


def test_what_cannot_fit_is_not_fetched_and_said_so(desk):
    desk.put("big", bytes(FLASH_BYTES + 1))
    third = Random(3).randbytes(FLASH_BYTES // 4)
    for number in range(3):
        desk.put(f"part/{number}", third)
    told = desk.warm("s3://bucket/", "--concurrency", "2")
    assert told.code == 1
    missing = {path: one["reason"] for path, one in told.of("missing").items()}
    assert missing.pop("s3://bucket/big") == "it is not kept: it is larger than flash"
    assert set(missing.values()) == {"it is not kept: flash is full of what this job brought"}
    assert len(missing) == 1
    assert desk.sent_bytes() == 2 * len(third)
    assert told.summary["on_flash"] == 2


def test_what_its_rule_does_not_admit_is_not_fetched_and_said_so(filled):
    filled.tables["rules"] += [
        {"match": "bucket/small/0*", "admit_size_min": "1MiB"},
        {"match": "bucket/small/1*", "admit_hits_min": 3},
    ]
    told = filled.warm("s3://bucket/small/0", "s3://bucket/small/1")
    assert told.code == 1
    assert told.summary["missing"] == {
        "it is not admitted: smaller than its rule admits to flash": 10
    }
    assert told.summary["on_flash"] == 10
    manifest = filled.folder / "manifest"
    manifest.write_text("bucket,small/03\n")
    assert filled.warm("--manifest", str(manifest)).summary["missing"] == told.summary[
        "missing"
    ] | {"it is not admitted: smaller than its rule admits to flash": 1}
    assert filled.sent_bytes() == 11 * len(SMALL)


def test_nothing_that_is_meant_is_no_success(filled):
    told = filled.run("warm", "s3://bucket/typo/")
    assert told.code == 1
    assert "no object is meant" in told.out


def test_a_bucket_that_cannot_be_listed_is_told_and_the_rest_goes_on(filled):
    told = filled.warm("s3://nowhere/x", "s3://bucket/small/1")
    assert told.code == 1
    assert told.summary["not_listed"] == [
        "s3://nowhere/x could not be listed: the origin answered 404"
    ]
    assert told.summary["on_flash"] == 10


def test_bandwidth_is_a_bound(filled):
    told = filled.warm("s3://bucket/large/", "--bandwidth", "2MB/s")
    floor_seconds = (len(LARGE) - 2e6 * 0.05) / 2e6
    assert told.summary["seconds"] >= floor_seconds


@pytest.mark.parametrize("concurrency", [1, 5])
def test_concurrency_is_a_bound_on_requests(filled, monkeypatch, concurrency):
    open_answers, most = set(), 0
    ask, pieces = S3Origin.ask, S3Answer.pieces

    async def asked(origin, request):
        nonlocal most
        answer = await ask(origin, request)
        if request.method == "GET" and int(answer.headers["Content-Length"]):
            open_answers.add(id(answer))
            most = max(most, len(open_answers))
        return answer

    async def counted(answer):
        left = int(answer.headers["Content-Length"])
        async for piece in pieces(answer):
            left -= len(piece)
            if not left:
                open_answers.discard(id(answer))
            yield piece

    monkeypatch.setattr(S3Origin, "ask", asked)
    monkeypatch.setattr(S3Answer, "pieces", counted)
    told = filled.warm("s3://bucket/", "--concurrency", str(concurrency))
    assert told.summary["on_flash"] == 42
    assert 0 < most <= concurrency


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("warm",), "nothing to warm"),
        (("warm", "bucket/x"), "is no path: write s3://bucket/prefix"),
        (("warm", "s3://b", "--manifest", "/nowhere/x"), "cannot be read: No such file"),
    ],
)
def test_what_cannot_be_meant_is_one_sentence(desk, words, sentence):
    told = desk.run(*words)
    assert (told.code, told.out) == (2, "")
    assert sentence in told.err
    assert told.err.count("\n") == 1


@pytest.mark.parametrize(
    "words", [("--bandwidth", "fast"), ("--bandwidth", "1"), ("--concurrency", "0")]
)
def test_bounds_that_are_none_are_refused(desk, capsys, words):
    with pytest.raises(SystemExit) as ended:
        desk.run("warm", "s3://bucket/", *words)
    assert ended.value.code == 2
