"""`forebay snapshot`: taken by one listing pass, shown, removed; every refusal is a sentence."""

import json

import pytest

from gateway.__main__ import main
from gateway.demo.origin_faults import Fault
from gateway.flash.store import Flash
from gateway.model.names import ObjectName
from tests.support.gateway_process import write_settings
from tests.support.gateway_settings import gateway_tables
from tests.support.origins import threaded_origin


@pytest.fixture(scope="module")
def served():
    with threaded_origin() as origin:
        for bucket in ("bucket", "versioned"):
            origin.make_bucket(bucket)
        origin.store.buckets["versioned"].versioning = "Enabled"
        for number in range(2345):
            origin.put("bucket", f"many/{number:05}", b"x" * (number % 7))
        for round_ in range(3):
            for number in range(1100):
                origin.put("versioned", f"k{number:04}", b"%d" % round_)
        origin.delete("versioned", "k0003")
        yield origin


@pytest.fixture
def origin(served):
    served.counters.reset()
    yield served
    served.faults.clear()


@pytest.fixture
def run(served, tmp_path, capsys):
    config = tmp_path / "forebay.toml"
    write_settings(config, gateway_tables(served.endpoint, tmp_path / "flash"))

    def ran(*words):
        code = main(["snapshot", *words, "--config", str(config)])
        output = capsys.readouterr()
        return code, output.out, output.err

    return ran


def names(run):
    return [one["name"] for one in json.loads(run("list", "--json")[1])["snapshots"]]


def test_one_listing_pass_takes_it(run, origin):
    code, out, err = run("create", "s3://bucket/many/", "--as", "snap", "--json")
    assert (code, err) == (0, "")
    shown = json.loads(out)
    assert (shown["objects"], shown["bytes"]) == (2345, sum(n % 7 for n in range(2345)))
    assert (shown["bucket"], shown["prefix"], shown["has_versions"]) == ("bucket", "many/", False)
    assert origin.counters.operations["ListObjectsV2"] == 3
    assert sum(origin.counters.requests.values()) == 5
    assert names(run) == ["snap"]
    assert "2,345" in run("list")[1]
    assert "s3://bucket/" not in run("show", "snap")[1]
    assert json.loads(run("show", "snap", "--json")[1])["hides_a_bucket"] is False


def test_a_versioned_bucket_gives_the_ids_of_the_latest_versions(run, origin):
    shown = json.loads(run("create", "s3://versioned", "--as", "snap", "--json")[1])
    assert (shown["objects"], shown["has_versions"]) == (1099, True)
    assert origin.counters.operations["ListObjectVersions"] == 2
    assert origin.counters.operations["ListObjectsV2"] == 0


def test_it_is_removed(run, origin):
    run("create", "s3://bucket/many/0000", "--as", "snap")
    assert run("remove", "snap")[:2] == (
        0,
        'snapshot "snap" is removed, from the next request on\n',
    )
    assert names(run) == []
    code, _, err = run("remove", "snap")
    assert (code, err.count("\n")) == (2, 1)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("s3://bucket/", "--as", "versioned"), 'the origin has a bucket "versioned" already'),
        (("s3://bucket/", "--as", "No_Name"), "is no name for a snapshot"),
        (("s3://absent/", "--as", "snap"), "the origin answered 404: NoSuchBucket"),
        (("bucket/", "--as", "snap"), "is no path"),
        (("s3://", "--as", "snap"), "is no path"),
    ],
)
def test_what_cannot_be_taken_is_one_sentence_and_nothing_is_there(run, origin, words, sentence):
    code, out, err = run("create", *words)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert sentence in err
    assert names(run) == []


def test_a_name_is_taken_once_and_a_snapshot_has_no_snapshots(run, origin):
    run("create", "s3://bucket/many/0000", "--as", "snap")
    assert "already" in run("create", "s3://bucket/", "--as", "snap")[2]
    assert "is a snapshot itself" in run("create", "s3://snap/", "--as", "other")[2]


def test_a_pass_that_breaks_off_leaves_nothing(run, origin, tmp_path):
    def refuse_the_second_page(call):
        return Fault(code="AccessDenied") if "continuation-token" in call.query else None

    origin.faults.append(refuse_the_second_page)
    code, _, err = run("create", "s3://bucket/", "--as", "snap")
    assert code == 2
    assert "AccessDenied" in err
    assert names(run) == []
    assert [path.name for path in (tmp_path / "state" / "snapshots").iterdir()] == ["moment"]


def test_an_expired_one_goes_with_the_next_command(run, origin):
    shown = json.loads(
        run("create", "s3://bucket/many/0000", "--as", "snap", "--expires", "1ms", "--json")[1]
    )
    assert shown["expires"]
    assert names(run) == []


def test_a_duration_that_is_none_is_refused(run):
    for bad in ("soon", "0s"):
        with pytest.raises(SystemExit) as ended:
            run("create", "s3://bucket/", "--as", "snap", "--expires", bad)
        assert ended.value.code == 2


def test_what_rules_keep_on_flash_is_kept_while_one_is_taken(served, tmp_path, monkeypatch):
    """An index that grows makes room, and must not take it from what is pinned."""
    config = tmp_path / "forebay.toml"
    pinned = [{"match": "bucket/many/*", "pin": True}]
    write_settings(config, gateway_tables(served.endpoint, tmp_path / "flash", rules=pinned))
    (tmp_path / "flash" / "segments").mkdir(parents=True)
    opened, really_open = [], Flash.open

    async def open_and_keep(*where, **how):
        opened.append(await really_open(*where, **how))
        return opened[-1]

    monkeypatch.setattr(Flash, "open", open_and_keep)
    words = "create", "s3://bucket/many/0000", "--as", "kept-by-rules", "--config", str(config)
    assert main(["snapshot", *words]) == 0
    (flash,) = opened
    name = ObjectName("bucket", "many/00001")
    assert flash._lifeline.keeping.terms_of(name).is_pinned
