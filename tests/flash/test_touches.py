"""Touches are seen by all who map the file, whatever length they would have given it."""

import os

from gateway.flash.sketches import HEAT_MAX
from gateway.flash.touches import Touches

BODY = bytes(range(16))
MIB = 1 << 20


def test_what_one_process_touches_is_hot_for_all(tmp_path):
    descriptor = os.open(tmp_path, os.O_RDONLY)
    touches = Touches(descriptor, MIB, is_first=True)
    others = Touches(descriptor, 2 * MIB, is_first=False)
    for _ in range(HEAT_MAX + 5):
        touches.touch(BODY, 1)
    assert others.heats.heat(BODY, 1) == HEAT_MAX
    assert others.heats.heat(BODY, 2) == 0
    touches.close()
    others.close()
    os.close(descriptor)


def test_the_first_to_open_settles_the_length(tmp_path):
    descriptor = os.open(tmp_path, os.O_RDONLY)
    Touches(descriptor, MIB, is_first=True).close()
    Touches(descriptor, 2 * MIB, is_first=True).close()
    assert (tmp_path / "touch").stat().st_size == 2 * MIB
    Touches(descriptor, MIB, is_first=False).close()
    assert (tmp_path / "touch").stat().st_size == 2 * MIB
    Touches(descriptor, MIB, is_first=True).close()
    assert (tmp_path / "touch").stat().st_size == MIB
    os.close(descriptor)
