"""A bounded origin: requests are spaced, whoever sends them."""

from gateway.demo.shaping_turns import Turns


def test_turns_are_spaced_and_quiet_time_is_not_saved_up():
    now = [100.0]
    waited: list[float] = []
    turns = Turns(10, lambda: now[0], waited.append)
    for _ in range(3):
        turns.take()
    now[0] = 200.0
    for _ in range(2):
        turns.take()
    assert [round(seconds, 6) for seconds in waited] == [0.1, 0.2, 0.1]


def test_without_a_bound_nobody_waits():
    turns = Turns(wait=lambda _: 1 / 0)
    for _ in range(1000):
        turns.take()
