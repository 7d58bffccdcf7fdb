"""Real processes that move are killed: all is here or all is there, and nothing is lost."""

from gateway.demo.origin import running_origin
from tests.simulation import moving_trials
from tests.simulation.moving_trials import Kill, verdict
from tests.support.origins import new_origin

FILES = 40


async def test_what_a_killed_process_moved_is_whole_or_not_at_all(tmp_path):
    kills = [
        Kill("rename", step=20, is_after=True),  # among the copies
        Kill("rename", step=2 * FILES + 9),  # about the commit
        Kill("rename", share=0.5),
        Kill("remove", step=5, is_after=True),
    ]
    async with running_origin(new_origin()) as origin:
        result = await moving_trials.kill_movers(origin, origin.endpoint, tmp_path, kills, FILES)
    assert result.failures == []
    assert result.figures["undone"] >= 1
    assert result.figures["completed"] >= 1


def test_the_verdict_sees_what_is_lost_mixed_or_changed():
    there = {"f": (b"1", ()), "g": (b"2", ())}
    half = {"f": (b"1", ())}
    assert verdict("rename", there, there, {}) == "undone"
    assert verdict("rename", there, {}, there) == "completed"
    assert "1 lost, 0 at both" in verdict("rename", there, {}, half)
    assert "0 lost, 1 at both" in verdict("rename", there, there, half)
    assert "1 with other bytes" in verdict("rename", there, {}, {**there, "f": (b"x", ())})
    assert "1 at the source" in verdict("remove", there, half, {})
