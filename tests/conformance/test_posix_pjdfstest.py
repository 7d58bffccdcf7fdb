"""What pjdfstest said, counted by group: nothing is explained that is not, or no longer so."""

from conformance.posix.pjdfstest import by_group, read_tap, stale

SAID = "1..4\nok 1\nnot ok 2 - tried 'link a b', expected 0, got EPERM\nnot ok 3 # TODO later\n"
SCRIPT = '#!/bin/sh\necho "1..4"\n'


def test_each_test_is_passed_failed_or_never_told_of():
    one = read_tap("link/00.t", SAID, SCRIPT)
    assert (one.passed, set(one.failed), one.unsaid) == ({1, 3}, {2}, 1)
    group = by_group([one], {})[0]
    assert (group.passed, group.failed, group.skipped) == (2, 2, 0)
    assert len(group.unexplained) == 2


def test_a_file_that_says_only_that_it_ran_is_skipped():
    one = read_tap("chflags/00.t", "1..1\nok 1\n", SCRIPT)
    group = by_group([one], {})[0]
    assert (group.passed, group.failed, group.skipped) == (0, 0, 1)
    own = read_tap("chflags/01.t", "1..1\nok 1\n", 'echo "1..1"\n')
    assert len(own.passed) == 1
    assert not own.skipped


def test_a_file_that_says_nothing_has_failed():
    one = read_tap("open/00.t", "", SCRIPT)
    group = by_group([one], {})[0]
    assert (group.failed, len(group.unexplained)) == (1, 1)


def test_a_failure_is_explained_by_its_test_its_file_or_its_group():
    one = read_tap("link/00.t", SAID + "ok 4\n", SCRIPT)
    for key in ("link/00.t:2", "link/00.t", "link"):
        group = by_group([one], {key: "an object has one name", "open": "?"})[0]
        assert (group.reasons, group.unexplained) == ({"an object has one name"}, [])
    assert by_group([one], {"link/00.t:3": "no"})[0].unexplained


def test_a_gap_that_explains_nothing_any_more_is_told():
    one = read_tap("link/00.t", SAID + "ok 4\n", SCRIPT)
    gaps = {"link/00.t:2": "a", "link/00.t:3": "b", "link": "c", "open/01.t": "d"}
    assert stale([one], gaps) == ["link", "link/00.t:3"]
