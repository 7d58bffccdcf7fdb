"""`forebay doctor`: what it finds at good and careless origins, where it leaves nothing."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.__main__ import main
from gateway.demo import origin_buckets, origin_objects, origin_uploads
from gateway.demo.origin import EmbeddedOrigin
from gateway.demo.origin_calls import Call
from gateway.demo.origin_store import Bucket
from tests.support.origins import ACCESS_KEY, SECRET_KEY, s3_client, threaded_origin
from tests.support.real_origins import RealOrigin


@pytest.fixture
def origin() -> Iterator[EmbeddedOrigin]:
    with threaded_origin() as running:
        running.make_bucket("bucket")
        yield running


def config(
    folder: Path, endpoint: str, keys: tuple[str, str] = (ACCESS_KEY, SECRET_KEY), more: str = ""
) -> str:
    path = folder / "forebay.toml"
    path.write_text(
        f'[origin]\nendpoint = "{endpoint}"\naccess_key = "{keys[0]}"\nsecret_key = "{keys[1]}"\n'
        f"{more}\n"
    )
    return str(path)


def doctor(capsys: pytest.CaptureFixture[str], path: str, *more: str) -> tuple[int, Any]:
    code = main(["doctor", "--config", path, "--json", *more])
    out = capsys.readouterr().out
    return code, json.loads(out) if out else None


def outcomes(told: Any) -> dict[str, str]:
    return {finding["name"]: finding["outcome"] for finding in told["findings"]}


def test_a_good_origin_gets_a_clean_bill_and_nothing_is_left(
    origin: EmbeddedOrigin, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, told = doctor(capsys, config(tmp_path, origin.endpoint))
    assert code == 0, told
    assert told["advice"] == ""
    found = outcomes(told)
    del found["the bucket in the host name"]  # the resolver's matter
    assert [name for name, outcome in found.items() if outcome != "yes"] == [
        "a 304 carries its headers",
        "versioning",
        "DeleteObjects without Content-MD5",
    ]
    assert not origin.store.get_bucket("bucket").keys
    assert not origin.store.uploads or all(u.completed for u in origin.store.uploads.values())
    assert told["requests"] <= 60


def test_versions_are_removed_too(
    origin: EmbeddedOrigin, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    origin.store.buckets["bucket"].versioning = "Enabled"
    _, told = doctor(capsys, config(tmp_path, origin.endpoint), "--bucket", "bucket")
    assert outcomes(told)["versioning"] == "yes"
    listed = s3_client(origin.endpoint).list_object_versions(Bucket="bucket")
    assert not listed.get("Versions")
    assert not listed.get("DeleteMarkers")


def test_an_origin_that_ignores_conditions_is_found_out(
    origin: EmbeddedOrigin,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(origin_objects, "judge_write", lambda *_: None)
    monkeypatch.setattr(origin_uploads, "judge_write", lambda *_: None)
    code, told = doctor(capsys, config(tmp_path, origin.endpoint))
    assert code == 1
    assert 'set origin.conditional_writes = "refuse"' in told["advice"]
    assert outcomes(told)["conditional writes are judged"] == "no"
    refusing = config(tmp_path, origin.endpoint, more='conditional_writes = "refuse"')
    assert doctor(capsys, refusing)[0] == 0


def test_a_listing_that_lags_is_found_out(
    origin: EmbeddedOrigin,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shown = origin_buckets._row
    first: dict[str, str] = {}

    def lagging(call: Call, bucket: Bucket, key: str, *, has_owner: bool) -> str:
        return first.setdefault(key, shown(call, bucket, key, has_owner=has_owner))

    monkeypatch.setattr(origin_buckets, "_row", lagging)
    code, told = doctor(capsys, config(tmp_path, origin.endpoint))
    assert outcomes(told)["LIST shows an overwrite as HEAD does"] == "no"
    assert code == 0
    strong = config(tmp_path, origin.endpoint, more='list_consistency = "strong"')
    code, told = doctor(capsys, strong)
    assert code == 1
    assert 'set origin.list_consistency = "weak"' in told["advice"]


def test_the_bucket_must_be_named_where_there_are_several(
    origin: EmbeddedOrigin, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    origin.make_bucket("other")
    assert main(["doctor", "--config", config(tmp_path, origin.endpoint)]) == 2
    assert "--bucket NAME (there are bucket, other)" in capsys.readouterr().err
    assert main(["doctor", "--config", config(tmp_path, origin.endpoint), "--bucket", "no"]) == 1
    assert "404 NoSuchBucket" in capsys.readouterr().err


def test_the_table_is_for_people(
    origin: EmbeddedOrigin, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["doctor", "--config", config(tmp_path, origin.endpoint)]) == 0
    shown = capsys.readouterr().out
    assert "The origin of bucket bucket" in shown
    assert "the settings fit this origin" in shown


def test_real_origins_are_examined_and_left_clean(
    strict_origin: RealOrigin, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keys = strict_origin.access_key, strict_origin.secret_key
    client = s3_client(strict_origin.endpoint, access_key=keys[0], secret_key=keys[1])
    client.create_bucket(Bucket="doctor")
    code, told = doctor(
        capsys, config(tmp_path, strict_origin.endpoint, keys), "--bucket", "doctor"
    )
    assert code == 0, told
    assert outcomes(told)["conditional writes are judged"] == "yes"
    assert outcomes(told)["LIST shows an overwrite as HEAD does"] == "yes"
    assert client.list_objects_v2(Bucket="doctor").get("Contents", []) == []
    client.delete_bucket(Bucket="doctor")
