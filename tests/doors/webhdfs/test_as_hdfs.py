"""Scene by scene, the door answers as the real namenode did that the golden files were recorded at.

Compared are the status and the exception of the last answer, and the names in documents. Modes
judge nobody in memory, so what HDFS denies to a stranger is left to the tests of the real tree.
"""

import asyncio

import pytest

from conformance.webhdfs.golden import SCENES, read_golden
from conformance.webhdfs.playing import Door, play
from conformance.webhdfs.steps import STRANGER

LEFT_OUT = {"SNAPSHOTS_ACLS_POLICIES": "refused here in words, as test_handlers says"}
"""Scenes of what HDFS has and Forebay has not."""

OTHERWISE = {
    ("SETOWNER", "another owner"): "policies judge",
    ("SETXATTR", "no flag"): "without a flag the attribute is set, whichever flag it needs",
    ("SETXATTR", "bad value"): "400, for the question is bad",
    ("SETXATTR", "trusted by no superuser"): "there is no superuser: policies judge",
    ("GETFILESTATUS", "dots"): "400, whether it reads or writes",
    ("CONCAT", "relative source"): "400, for the question is bad",
    ("TOKENS", "renew rubbish"): "InvalidToken, not an index beyond an array",
    ("TOKENS", "cancel rubbish"): "likewise",
    ("TOKENS", "ask with rubbish"): "a token that is shown is judged",
    ("REFUSED", "operation twice"): "400: nobody knows which is meant",
    ("REFUSED", "options of HTTP"): "405",
    ("REFUSED", "patch"): "405",
    ("CHECKACCESS", "execution of a file"): "modes judge nobody in memory",
    ("SETOWNER", "by a superuser"): "nobody trusts `hdfs` here",
    ("REFUSED", "no user"): "401: nobody is not taken for dr.who",
}
CODELESS = "op=GETXATTRS"
"""Without an encoding HDFS refuses it; here values are then told as texts."""
BELOW = "below a file"
"""Objects have no ancestors to look at: what is asked about below a file is not there."""
MAKES = {"CREATE", "MKDIRS", "RENAME"}


def outcome(told):
    """Return what is compared of a record."""
    last = told.get("then", told)
    document = last.get("json", {})
    exception = (document.get("RemoteException") or {}).get("exception", "")
    if exception:
        return last["status"], exception
    return last["status"], sorted(document), last.get("body", "")


@pytest.mark.parametrize("name", sorted(SCENES.keys() - LEFT_OUT.keys()))
async def test_scene(door, name):
    door.tree.make("/conformance")
    there = Door(door.authority, "/conformance", lambda user: f"user.name={user}" if user else "")
    scene = tuple(step for step in SCENES[name] if step.user != STRANGER)
    ours = await asyncio.to_thread(lambda: list(play(there, name, scene)))
    golden = [one for one in read_golden(name) if f"user.name={STRANGER}" not in one["request"]]
    for mine, theirs in zip(ours, golden, strict=True):
        assert mine["case"] == theirs["case"]
        key = (name, str(theirs["case"]))
        asked = str(theirs["request"])
        if CODELESS in asked and "encoding=" not in asked:
            assert outcome(theirs) == (400, "IllegalArgumentException")
        elif key in OTHERWISE:
            assert outcome(mine) != outcome(theirs), key
        elif key[1] == BELOW and name not in MAKES:
            assert outcome(mine)[0] in {200, 404}
        else:
            assert outcome(mine) == outcome(theirs), (key, mine, theirs)
