"""`forebay cache`: what is on flash, object by object, and what is taken out of it."""

import asyncio
import json

import pytest

from gateway.__main__ import main
from tests.flash.rooms import CHUNK_BYTES, MIB, checked_flash, fill, row_of

SETTINGS = (
    f'[flash]\npath = "flash"\nsize = {32 * MIB}\nchunk_size = {CHUNK_BYTES}\n'
    f"segment_size = {MIB}\n"
)
ROWS = (
    (row_of("a/whole", 3 * CHUNK_BYTES), range(3)),
    (row_of("a/part", 4 * CHUNK_BYTES), range(2)),
    (row_of("b/[bold]odd", 10), range(1)),
    (row_of("b/empty", 0), range(0)),
)
BUCKET = ROWS[0][0].name.bucket


@pytest.fixture
def run(tmp_path, capsys):
    (tmp_path / "forebay.toml").write_text(SETTINGS)

    def ran(*words):
        code = main(["cache", *words, "--config", str(tmp_path / "forebay.toml")])
        output = capsys.readouterr()
        return code, output.out, output.err

    return ran


@pytest.fixture
def filled(tmp_path):
    async def make():
        async with checked_flash(tmp_path / "flash") as flash:
            for row, numbers in ROWS:
                await fill(flash, row, numbers, min(CHUNK_BYTES, row.version.size or 1))
                flash.put_row(row)

    asyncio.run(make())


def listed(run, path=f"s3://{BUCKET}/"):
    return {one["object"]: one for one in json.loads(run("ls", path, "--json")[1])["objects"]}


def test_without_flash_there_is_one_sentence_and_none_is_made(run, tmp_path):
    code, out, err = run("status")
    assert (code, out) == (2, "")
    assert "there is no flash at" in err
    assert not (tmp_path / "flash").exists()


def test_status_counts_what_is_there(run, filled):
    code, out, _ = run("status", "--json")
    status = json.loads(out)
    assert code == 0
    assert (status["objects"], status["objects_whole"]) == (4, 3)
    assert status["bytes_held"] == 5 * CHUNK_BYTES + 10
    assert status["buckets"] == {BUCKET: {"objects": 4, "bytes_held": status["bytes_held"]}}
    code, out, _ = run("status")
    assert code == 0
    assert "4, 3 of them whole" in out
    assert BUCKET in out


def test_ls_tells_how_much_of_each_object_is_here(run, filled):
    found = listed(run)
    assert list(found) == sorted(found)
    part = found[f"s3://{BUCKET}/a/part"]
    assert (part["bytes_held"], part["chunks_held"], part["chunks"]) == (2 * CHUNK_BYTES, 2, 4)
    assert [one["whole"] for one in found.values()] == [False, True, True, True]
    assert set(listed(run, f"s3://{BUCKET}/a/")) == {
        f"s3://{BUCKET}/a/part",
        f"s3://{BUCKET}/a/whole",
    }
    code, out, _ = run("ls", f"s3://{BUCKET}/b/")
    assert code == 0
    assert "[bold]odd" in out


def test_a_list_is_bounded_and_says_so(run, filled):
    code, out, _ = run("ls", "--limit", "3")
    assert code == 0
    assert "and 1 more" in out
    assert json.loads(run("ls", "--limit", "1", "--json")[1])["more"] == 3


def test_ls_of_nothing_is_1(run, filled):
    assert run("ls", "s3://nowhere/")[0] == 1


def test_stat_shows_one_object_and_no_other(run, filled):
    code, out, _ = run("stat", f"s3://{BUCKET}/a/whole", "--json")
    shown = json.loads(out)
    assert code == 0
    assert (shown["etag"], shown["whole"]) == (ROWS[0][0].version.etag, True)
    assert [tuple(pair) for pair in shown["headers"]] == list(ROWS[0][0].headers)
    code, out, _ = run("stat", f"s3://{BUCKET}/a/whole")
    assert "chunks_held:      3" in out
    code, _, err = run("stat", f"s3://{BUCKET}/a/who")
    assert code == 2
    assert "is not on flash" in err


def test_drop_takes_a_prefix_out_and_leaves_the_rest(run, filled):
    code, out, _ = run("drop", f"s3://{BUCKET}/a/")
    assert (code, out) == (0, "2 objects were taken out of flash\n")
    assert set(listed(run)) == {f"s3://{BUCKET}/b/[bold]odd", f"s3://{BUCKET}/b/empty"}
    assert json.loads(run("drop", "--all", "--json")[1]) == {"dropped": 2, "left": 0}
    assert json.loads(run("status", "--json")[1])["objects"] == 0


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("ls", "models/prod"), "write s3://bucket/prefix"),
        (("drop", "s3://"), "write --all"),
        (("ls", "--limit", "0"), "--limit is at least 1"),
    ],
)
def test_what_cannot_be_meant_is_one_sentence(run, filled, words, sentence):
    code, out, err = run(*words)
    assert (code, out) == (2, "")
    assert sentence in err
    assert err.count("\n") == 1


def test_a_pin_is_kept_listed_and_let_go_in_words(run, filled):
    assert run("pin") == (0, "nothing is pinned\n", "")
    assert run("pin", f"s3://{BUCKET}/a/") == (0, f"s3://{BUCKET}/a/\n", "")
    assert json.loads(run("pin", "--json")[1]) == {"pins": [f"s3://{BUCKET}/a/"]}
    assert run("pin", f"s3://{BUCKET}/b/", "--remove")[2].endswith("it is not pinned\n")
    assert run("pin", "s3://")[0] == 2
    assert run("pin", "--remove")[0] == 2
    assert run("pin", f"s3://{BUCKET}/a/", "--remove") == (0, "nothing is pinned\n", "")
