"""`forebay simulate`: a trace through the cache's decisions, as a table and as JSON."""

import json
import random

import pytest

from gateway.__main__ import main
from gateway.cli.traces import TraceRequest, read_trace
from gateway.model.names import ObjectName

LOG_LINE = (
    '{"time":"2026-11-28T15:50:23Z","bucket":"b","key":"k","operation":"GetObject",'
    '"status":200,"bytes_out":100}'
)


@pytest.fixture
def run(tmp_path, capsys):
    def ran(trace, *words, settings=""):
        (tmp_path / "trace").write_text(trace)
        (tmp_path / "forebay.toml").write_text(settings)
        config = ["--config", str(tmp_path / "forebay.toml")]
        code = main(["simulate", "--trace", str(tmp_path / "trace"), *config, *words])
        output = capsys.readouterr()
        return code, output.out, output.err

    return ran


def test_reads_of_both_forms_are_understood():
    lines = [
        LOG_LINE,
        LOG_LINE.replace("200", "206"),
        LOG_LINE.replace("200", "404"),
        LOG_LINE.replace("GetObject", "PutObject"),
        "time,key,size",
        "",
        "1.5,b/k,100",
        "2,b/k,100,10-19",
        "3,17,100,bytes=90-",
    ]
    name, moment = ObjectName("b", "k"), 1_795_881_023_000_000_000
    assert list(read_trace(lines)) == [
        TraceRequest(moment, name, 100, 0, 100),
        TraceRequest(moment, name, 100, 0, 100),
        TraceRequest(moment, name, is_change=True),
        TraceRequest(1_500_000_000, name, 100, 0, 100),
        TraceRequest(2_000_000_000, name, 100, 10, 20),
        TraceRequest(3_000_000_000, ObjectName("trace", "17"), 100, 90, 100),
    ]


@pytest.mark.parametrize("line", ["{", "[1]", "1,b/k", "x,b/k,1", "1,b/k,1,5-9", "{}", "1,b/k,-1"])
def test_a_line_of_no_form_is_named(run, line):
    code, out, err = run(f"1,b/k,1\n{line}\n", "--size", "32MiB")
    assert (code, out) == (2, "")
    assert "line 2 is neither" in err


def test_a_trace_that_is_not_there_and_a_size_that_is_none_are_one_sentence(run, tmp_path):
    assert main(["simulate", "--trace", str(tmp_path / "absent")]) == 2
    assert "--size" in run("1,b/k,1\n", "--size", "many")[2]
    assert "--size" in run("1,b/k,1\n", "--size", "1MiB")[2]


def test_sizes_and_policies_are_compared(run):
    chance = random.Random(1)
    trace = "".join(f"{at},b/{int(chance.paretovariate(0.8)) % 500},200000\n" for at in range(4000))
    words = ("--size", "16MiB", "64MiB", "--policy", "s3-fifo", "clock", "--warm-up", "1000")
    code, out, _ = run(trace, *words, "--json")
    small, _, large, _ = json.loads(out)
    assert code == 0
    assert small["requests"] == 3000
    assert 0.2 < small["hit_ratio"] < large["hit_ratio"] < 1
    assert large["origin_bytes"] == (3000 - large["hits"]) * 200_000
    assert large["origin_requests"] == 3000 - large["hits"]
    table = run(trace, *words)[1]
    assert "s3-fifo" in table
    assert "3,000 requests" in table


def test_what_the_origin_is_asked_follows_the_rules(run):
    rules = """
    [[rules]]
    match = "asked/*"
    [[rules]]
    match = "unasked/*"
    freshness = "immutable"
    [[rules]]
    match = "bounded/*"
    freshness = "bounded(5s)"
    [[rules]]
    match = "past/*"
    freshness = "bypass"
    """
    for bucket, questions, fetches in (
        ("asked", 19, 2),
        ("unasked", 0, 2),
        ("bounded", 3, 2),
        ("past", 0, 20),
    ):
        trace = "".join(f"{at},{bucket}/k,{10 << 20}\n" for at in range(20))
        found = json.loads(run(trace, "--size", "64MiB", "--json", settings=rules)[1])[0]
        assert (found["questions"], found["origin_requests"]) == (questions, fetches)
        assert found["bytes_read"] == 200 << 20
        assert found["bytes_hit"] == (190 << 20 if bucket != "past" else 0)


def test_an_overwritten_object_is_fetched_again(run):
    put = LOG_LINE.replace("GetObject", "PutObject")
    found = json.loads(run(f"{LOG_LINE}\n{LOG_LINE}\n{put}\n{LOG_LINE}", "--json")[1])[0]
    assert (found["requests"], found["hits"], found["origin_requests"]) == (3, 1, 2)
