"""The contract of buckets: listings, their pages, versions, removal of many."""

import pytest
from botocore.exceptions import ClientError

from tests.support.contract import Subject, except_for, status_and_code


def test_a_listing_is_in_order_and_in_pages(subject: Subject) -> None:
    names = ["a-", "a/b", "a/c/d", "b", "z", "ä"]
    for name in names:
        subject.put(name, name.encode())
    first = subject.client.list_objects_v2(Bucket=subject.bucket, MaxKeys=2)
    assert [row["Key"] for row in first["Contents"]] == names[:2]
    assert (first["IsTruncated"], first["KeyCount"]) == (True, 2)
    pages = subject.client.get_paginator("list_objects_v2").paginate(
        Bucket=subject.bucket, PaginationConfig={"PageSize": 2}
    )
    assert [row["Key"] for page in pages for row in page.get("Contents", [])] == names
    assert subject.keys(StartAfter="a/b") == ["a/c/d", "b", "z", "ä"]
    assert subject.keys(Prefix="a/") == ["a/b", "a/c/d"]


def test_a_key_may_be_another_ones_prefix(subject: Subject) -> None:
    except_for(subject, "versitygw", "minio", why="keeps objects in a tree of paths")
    for name in ("a", "a/b"):
        subject.put(name, name.encode())
    assert subject.keys() == ["a", "a/b"]
    assert subject.get("a/b")["Body"].read() == b"a/b"


def test_a_row_tells_what_head_tells(subject: Subject) -> None:
    subject.put("k")
    row = subject.client.list_objects_v2(Bucket=subject.bucket)["Contents"][0]
    head = subject.head("k")
    assert (row["ETag"], row["Size"]) == (head["ETag"], head["ContentLength"])
    assert row["LastModified"].replace(microsecond=0) == head["LastModified"]
    assert row["StorageClass"] == "STANDARD"


def test_a_delimiter_folds_keys_into_prefixes(subject: Subject) -> None:
    for name in ("d1/a", "d1/b", "d2/sub/c", "f"):
        subject.put(name)
    page = subject.client.list_objects_v2(Bucket=subject.bucket, Delimiter="/")
    assert [row["Prefix"] for row in page["CommonPrefixes"]] == ["d1/", "d2/"]
    assert [row["Key"] for row in page["Contents"]] == ["f"]
    assert page["KeyCount"] == 3
    page = subject.client.list_objects_v2(Bucket=subject.bucket, Delimiter="/", Prefix="d2/")
    assert [row["Prefix"] for row in page["CommonPrefixes"]] == ["d2/sub/"]


def test_version_1_of_the_listing_goes_on_behind_a_prefix(subject: Subject) -> None:
    for name in ("d1/a", "d1/b", "d2/c", "f"):
        subject.put(name)
    seen: list[str] = []
    marker = ""
    for _ in range(3):
        page = subject.client.list_objects(
            Bucket=subject.bucket, Delimiter="/", MaxKeys=1, Marker=marker
        )
        seen += [row["Prefix"] for row in page.get("CommonPrefixes", [])]
        seen += [row["Key"] for row in page.get("Contents", [])]
        marker = page.get("NextMarker", "")
    assert seen == ["d1/", "d2/", "f"]
    assert page["IsTruncated"] is False


def test_a_write_shows_in_the_next_listing(subject: Subject) -> None:
    for size in range(5):
        subject.put("k", b"x" * size)
        row = subject.client.list_objects_v2(Bucket=subject.bucket)["Contents"][0]
        assert row["Size"] == size


def test_many_are_deleted_at_once(subject: Subject) -> None:
    for name in ("a", "b+ c", "d"):
        subject.put(name)
    rows = [{"Key": name} for name in ("a", "b+ c", "absent")]
    told = subject.client.delete_objects(Bucket=subject.bucket, Delete={"Objects": rows})
    assert {row["Key"] for row in told["Deleted"]} == {"a", "b+ c", "absent"}
    assert subject.keys() == ["d"]
    except_for(subject, "versitygw", why="is never quiet")
    quiet = {"Objects": [{"Key": "d"}], "Quiet": True}
    assert "Deleted" not in subject.client.delete_objects(Bucket=subject.bucket, Delete=quiet)


def test_versions_are_kept_when_asked_for(subject: Subject) -> None:
    subject.client.put_bucket_versioning(
        Bucket=subject.bucket, VersioningConfiguration={"Status": "Enabled"}
    )
    first = subject.put("k", b"first")["VersionId"]
    second = subject.put("k", b"second")["VersionId"]
    assert subject.get("k")["VersionId"] == second
    assert subject.get("k", VersionId=first)["Body"].read() == b"first"
    marker = subject.client.delete_object(Bucket=subject.bucket, Key="k")
    assert marker["DeleteMarker"] is True
    with pytest.raises(ClientError) as failed:
        subject.get("k")
    assert status_and_code(failed) == (404, "NoSuchKey")
    listed = subject.client.list_object_versions(Bucket=subject.bucket)
    assert [row["VersionId"] for row in listed["Versions"]] == [second, first]
    assert [row["VersionId"] for row in listed["DeleteMarkers"]] == [marker["VersionId"]]
    subject.client.delete_object(Bucket=subject.bucket, Key="k", VersionId=marker["VersionId"])
    assert subject.get("k")["Body"].read() == b"second"


def test_a_bucket_is_made_listed_and_removed(subject: Subject) -> None:
    named = [row["Name"] for row in subject.client.list_buckets()["Buckets"]]
    assert subject.bucket in named
    subject.client.head_bucket(Bucket=subject.bucket)
    subject.put("k")
    with pytest.raises(ClientError) as failed:
        subject.client.delete_bucket(Bucket=subject.bucket)
    assert status_and_code(failed) == (409, "BucketNotEmpty")
    subject.client.delete_object(Bucket=subject.bucket, Key="k")
    subject.client.delete_bucket(Bucket=subject.bucket)
    with pytest.raises(ClientError) as failed:
        subject.client.head_bucket(Bucket=subject.bucket)
    assert status_and_code(failed)[0] == 404
