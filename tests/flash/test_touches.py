"""Touches make chunks hotter up to a bound, for all who map the file."""

import os

from gateway.flash.touches import HEAT_MAX, Touches

BODY = bytes(range(16))


def test_heat_rises_to_its_bound_and_falls_to_nothing(tmp_path):
    descriptor = os.open(tmp_path, os.O_RDONLY)
    touches, others = Touches(descriptor), Touches(descriptor)
    assert touches.heat(BODY, 1) == 0
    for _ in range(HEAT_MAX + 5):
        touches.touch(BODY, 1)
    assert others.heat(BODY, 1) == HEAT_MAX
    assert others.heat(BODY, 2) == 0
    for left in range(HEAT_MAX - 1, -1, -1):
        others.cool(BODY, 1)
        assert touches.heat(BODY, 1) == left
    others.cool(BODY, 1)
    assert touches.heat(BODY, 1) == 0
    touches.close()
    others.close()
    os.close(descriptor)
