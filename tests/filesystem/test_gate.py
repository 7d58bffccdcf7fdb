"""Who may see what: nothing is asked for who may not, and the absent is as the forbidden."""

import json
from contextlib import closing
from dataclasses import replace

import pytest

from gateway.filesystem.status import Kind, Summary
from gateway.model.failures import AccessDenied, NotFound
from gateway.model.ranges import ByteRange
from gateway.model.voices import Keys, own_voice
from gateway.telemetry.audit_log import AuditLog
from tests.support.origins import ACCESS_KEY, SECRET_KEY
from tests.support.trees import running_stage

NOBODY = [{"Effect": "Allow", "Action": "s3:*", "Resource": ["other", "other/*"]}]
READER = [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "bucket/*"}]
LISTER = [{"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "bucket"}]
BOTH = READER + LISTER

READS = {
    "status": lambda tree, caller, path: tree.status(caller, path),
    "check_access": lambda tree, caller, path: tree.check_access(
        caller, path, reads=True, writes=False, executes=False
    ),
    "children": lambda tree, caller, path: tree.children(caller, path),
    "summary": lambda tree, caller, path: tree.summary(caller, path),
    "open": lambda tree, caller, path: tree.open(caller, path, ByteRange(0, 5)),
}


@pytest.fixture
async def stage(tmp_path):
    async with running_stage(tmp_path) as stage:
        stage.put("home/ann/file", b"123", mode="0100600", owner="ann")
        stage.put("home/ann/link", b"file", mode="0120777")
        stage.put("home/ben/file", b"4")
        stage.put("top", b"56")
        stage.reset()
        yield stage


def audited(path):
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    return [(line["audit"], line["action"], line["resource"]) for line in lines]


@pytest.mark.parametrize("read", READS)
@pytest.mark.parametrize("warm", [False, True])
async def test_who_may_nothing_touches_nothing(stage, read, warm):
    paths = ["top", "home", "home/ann/file", "none", "none/deeper", "home/%-ann", "%-", ""]
    long = f"%-{'l' * 100}~{'0' * 32}"
    if warm:
        for path in paths[:3]:
            await stage.tree.status(stage.caller(), f"/bucket/{path}")
        stage.reset()
    told = set()
    for path in [*paths, long, f"{long}/x"]:
        with pytest.raises(AccessDenied) as denied:
            await READS[read](
                stage.tree, stage.caller("nobody", policy=NOBODY), f"/bucket/{path}".rstrip("/")
            )
        told.add((type(denied.value), denied.value.code, denied.value.message))
    assert len(told) == 1
    assert stage.asked() == {}


@pytest.mark.parametrize("read", READS)
async def test_buckets_that_are_absent_and_forbidden_are_alike(stage, read):
    told = set()
    for path in ("/bucket/top", "/absent/top", "/absent"):
        with pytest.raises(AccessDenied) as denied:
            await READS[read](stage.tree, stage.caller("nobody", policy=NOBODY), path)
        told.add(denied.value.message)
    assert len(told) == 1


async def test_who_may_read_and_not_list_sees_files_by_name_and_learns_of_nothing_else(stage):
    def reader():
        return stage.caller("reader", policy=READER)

    status = await stage.tree.status(reader(), "/bucket/top")
    assert (status.kind, status.length) == (Kind.FILE, 2)
    assert stage.asked() == {"HeadObject": 1}
    page = await stage.tree.children(reader(), "/bucket/home/ann/file")
    assert [one.owner for one in page.entries] == ["ann"]
    assert await stage.tree.summary(reader(), "/bucket/top") == Summary(1, 0, 2)
    assert (await stage.tree.open(reader(), "/bucket/top")).status.length == 2
    for path in ("/bucket/none", "/bucket/home", "/bucket/home/ann", "/bucket", "/none"):
        for read in READS.values():
            with pytest.raises(AccessDenied):
                await read(stage.tree, reader(), path)
    assert "ListObjectsV2" not in stage.asked()


async def test_who_may_list_and_not_read_sees_what_listings_show(stage):
    def lister():
        return stage.caller("lister", policy=LISTER)

    status = await stage.tree.status(lister(), "/bucket/home/ann/file")
    assert (status.kind, status.length, status.owner, status.mode) == (
        Kind.FILE,
        3,
        "forebay",
        0o644,
    )
    assert (await stage.tree.status(lister(), "/bucket/home")).is_directory
    page = await stage.tree.children(lister(), "/bucket/home/ann")
    assert [(one.base_name, one.kind, one.length) for one in page.entries] == [
        ("file", Kind.FILE, 3),
        ("link", Kind.FILE, 4),
    ]
    assert await stage.tree.summary(lister(), "/bucket/home") == Summary(3, 3, 8)
    with pytest.raises(NotFound):
        await stage.tree.status(lister(), "/bucket/none")
    with pytest.raises(AccessDenied):
        await stage.tree.open(lister(), "/bucket/top")
    assert stage.asked().keys() == {"ListObjectsV2"}


async def test_in_a_listing_each_entry_shows_what_its_own_object_lets_be_read(stage):
    policy = [*LISTER, {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "bucket/*/file"}]
    page = await stage.tree.children(stage.caller(policy=policy), "/bucket/home/ann")
    assert [(one.base_name, one.kind, one.owner) for one in page.entries] == [
        ("file", Kind.FILE, "ann"),
        ("link", Kind.FILE, "forebay"),
    ]
    assert stage.asked() == {"ListObjectsV2": 1, "HeadObject": 1}


async def test_a_marker_that_may_not_be_read_gives_no_attributes(stage):
    stage.put("home/ann/", mode="0040700", owner="ann")
    stage.reset()
    status = await stage.tree.status(stage.caller(policy=LISTER), "/bucket/home/ann")
    assert (status.is_directory, status.mode, status.owner) == (True, 0o755, "forebay")
    assert stage.asked() == {"ListObjectsV2": 1}


async def test_conditions_on_listings_hold_for_files(stage):
    policy = [
        *READER,
        {
            "Effect": "Allow",
            "Action": "s3:ListBucket",
            "Resource": "bucket",
            "Condition": {
                "StringLike": {"s3:prefix": ["home/ann/*"]},
                "StringEquals": {"s3:delimiter": "/"},
                "NumericLessThanEquals": {"s3:max-keys": "1000"},
            },
        },
    ]

    def ann():
        return stage.caller("ann", policy=policy)

    assert (await stage.tree.status(ann(), "/bucket/home/ann")).is_directory
    page = await stage.tree.children(ann(), "/bucket/home/ann")
    assert [one.base_name for one in page.entries] == ["file", "link"]
    with pytest.raises(NotFound):
        await stage.tree.status(ann(), "/bucket/home/ann/none")
    stage.reset()
    for path in ("/bucket/home/ben", "/bucket/home", "/bucket"):
        with pytest.raises(AccessDenied):
            await stage.tree.children(ann(), path)
    assert "ListObjectsV2" not in stage.asked()
    # All that is under it is another listing than one level of it.
    with pytest.raises(AccessDenied):
        await stage.tree.summary(ann(), "/bucket/home/ann")


async def test_parameters_of_another_protocol_satisfy_no_condition(stage):
    """The caller's own request says `prefix=lies`, which nobody obeys."""
    condition = {"StringEquals": {"s3:prefix": "lies"}}
    policy = [{**LISTER[0], "Condition": condition}]
    with pytest.raises(AccessDenied):
        await stage.tree.children(stage.caller(policy=policy), "/bucket/home")


async def test_conditions_on_the_client_are_asked_of_the_real_request(stage):
    condition = {
        "StringEquals": {"aws:UserAgent": "probe/1"},
        "IpAddress": {"aws:SourceIp": "192.0.2.0/24"},
    }
    policy = [{**one, "Condition": condition} for one in BOTH]
    known = stage.caller(policy=policy, headers={"User-Agent": "probe/1"})
    assert (await stage.tree.status(known, "/bucket/top")).length == 2
    with pytest.raises(AccessDenied):
        await stage.tree.status(stage.caller(policy=policy), "/bucket/top")


async def test_what_forebay_was_told_is_shown_to_no_voice_of_its_own(stage):
    """A listing proves to Forebay alone what is at hand: another voice is asked about by HEAD."""
    for _ in range(2):
        await stage.tree.children(stage.caller(), "/bucket/home/ben")
    own = own_voice(Keys(ACCESS_KEY, SECRET_KEY))
    caller = stage.caller()
    caller = replace(caller, principal=caller.principal._replace(voice=own))
    for _ in range(2):
        stage.reset()
        await stage.tree.children(caller, "/bucket/home/ben")
        assert stage.asked() == {"ListObjectsV2": 1, "HeadObject": 1}


async def test_the_list_of_buckets_is_judged_and_virtual_directories_tell_nothing(stage):
    with pytest.raises(AccessDenied):
        await stage.tree.children(stage.caller(policy=BOTH), "/")
    assert (await stage.tree.status(stage.caller(policy=NOBODY), "/")).is_directory
    assert stage.asked() == {}


@pytest.mark.parametrize(
    ("policy", "reads", "writes", "is_allowed"),
    [
        (BOTH, True, False, True),
        (BOTH, False, True, False),
        ([*BOTH, {"Effect": "Allow", "Action": "s3:PutObject", "Resource": "*"}], True, True, True),
        (LISTER, False, False, True),
    ],
)
@pytest.mark.parametrize("path", ["/bucket/top", "/bucket/home"])
async def test_access_is_checked_by_policy(stage, policy, reads, writes, is_allowed, path):  # noqa: PLR0917
    checked = stage.tree.check_access(
        stage.caller(policy=policy), path, reads=reads, writes=writes, executes=True
    )
    if is_allowed:
        assert await checked is None
    else:
        with pytest.raises(AccessDenied):
            await checked


async def test_the_audit_log_is_told_of_each_judgement(tmp_path):
    path = tmp_path / "audit.log"
    with closing(AuditLog(str(path), with_reads=True)) as log:
        async with running_stage(tmp_path, audit_log=log) as stage:
            stage.put("d/a", b"x")
            stage.put("d/b/c", b"x")
            caller = stage.caller(policy=BOTH)
            await stage.tree.status(caller, "/bucket/d/a")
            await stage.tree.children(stage.caller(policy=LISTER), "/bucket/d")
            with pytest.raises(AccessDenied):
                await stage.tree.open(stage.caller("lister", policy=LISTER), "/bucket/d/a")
            with pytest.raises(AccessDenied):
                await stage.tree.status(stage.caller(policy=READER), "/bucket/none")
    assert audited(path) == [
        ("allowed", "s3:GetObject", "bucket/d/a"),
        ("allowed", "s3:ListBucket", "bucket"),
        ("allowed", "s3:ListBucket", "bucket"),
        ("denied", "s3:GetObject", "bucket/d/a"),
        ("allowed", "s3:GetObject", "bucket/none"),
        ("denied", "s3:ListBucket", "bucket"),
    ]
    first = json.loads(path.read_text().splitlines()[0])
    assert (first["request_id"], first["remote"]) == (caller.asked.id, "192.0.2.7")
