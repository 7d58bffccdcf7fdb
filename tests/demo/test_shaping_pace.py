"""The pacer keeps to its schedule whatever the sleeps do; time here is counted, not spent."""

import pytest

from gateway.demo.shaping_pace import Pacer

RATE = 33e6


class Clock:
    def __init__(self, oversleep_seconds: float = 0.0) -> None:
        self.now = 100.0
        self.oversleep_seconds = oversleep_seconds

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds + self.oversleep_seconds


@pytest.mark.parametrize("quantum", [4 << 10, 64 << 10, 256 << 10])
@pytest.mark.parametrize("oversleep_seconds", [0.0, 0.0005, 0.005])
def test_a_body_takes_its_time_and_no_more(quantum: int, oversleep_seconds: float) -> None:
    clock = Clock(oversleep_seconds)
    pacer = Pacer(RATE, clock, clock.sleep)
    pacer.begin()
    for _ in range((64 << 20) // quantum):
        pacer.wait_for(quantum)
    assert clock.now - 100.0 == pytest.approx((64 << 20) / RATE, rel=0.01)


def test_a_body_that_was_held_up_hurries_only_a_little() -> None:
    clock = Clock()
    pacer = Pacer(RATE, clock, clock.sleep)
    pacer.begin()
    clock.now += 60.0
    begun = clock.now
    for _ in range(100):
        pacer.wait_for(330_000)
    assert clock.now - begun == pytest.approx(1.0 - 0.05, rel=0.01)


def test_a_new_body_has_no_credit() -> None:
    clock = Clock()
    pacer = Pacer(RATE, clock, clock.sleep)
    pacer.begin()
    clock.now += 60.0
    pacer.begin()
    begun = clock.now
    pacer.wait_for(3_300_000)
    assert clock.now - begun == pytest.approx(0.1)


def test_no_rate_is_no_wait() -> None:
    clock = Clock()
    Pacer(0, clock, clock.sleep).wait_for(1 << 40)
    assert clock.now == 100.0
