"""Crowds that read many keys of one bucket at once, while strangers write: LIST pages in play.

The keys lie under a rule with `batch_validation`. Answers are held back at random, listings too:
who comes while a page is under way must not be told what it shows.
"""

import asyncio
import random
import time
from collections.abc import Sequence

from gateway.demo.origin_faults import Fault
from tests.models import traffic
from tests.models.reference_store import Key
from tests.models.stage import FAULTS, Stage

BUCKET = "listed"
NAMES = tuple((BUCKET, f"c/{number:02}") for number in range(36))
SIZES = (0, 1, 700)
_SECONDS = 0.08
_CLOCK_STEPS = (0.0, 0.0, 1.0, 3.0)
"""Versions grow old enough for a page, or not: its clock is the origin's."""


def begin(stage: Stage, keys: Sequence[Key], chance: random.Random) -> None:
    """Write every object, as strangers do."""
    for key in keys:
        traffic.foreign_put(stage, key, chance.choice(SIZES))


async def crowd(stage: Stage, keys: Sequence[Key], chance: random.Random) -> None:
    """Read every key, some twice, each judged by the time of its own request; others write."""
    stage.clock.pass_beyond(stage.clock() - 1 + chance.choice(_CLOCK_STEPS))
    if chance.random() < 0.5:
        await asyncio.gather(*(stage.read(key) for key in keys))
    late: list[Fault] = [FAULTS["answers late"]] * chance.randrange(0, 12)
    if late:
        stage.arm(late)
    listed = stage.origin.counters.operations["ListObjectsV2"]
    chosen = [*keys, *chance.choices(keys, k=len(keys) // 2)]
    writes = [_write(stage, chance.choice(keys), chance) for _ in range(chance.randrange(0, 9))]
    begun = time.monotonic()
    await asyncio.gather(*(_read(stage, key, chance) for key in chosen), *writes)
    stage.counts["crowds"] += 1
    stage.counts["milliseconds in crowds"] += int((time.monotonic() - begun) * 1000)
    stage.counts["pages"] += stage.origin.counters.operations["ListObjectsV2"] - listed


async def _read(stage: Stage, key: Key, chance: random.Random) -> None:
    """Read, now or a little later; who asks for the explanation goes another way."""
    asks = {"x-forebay-explain": "1"} if chance.random() < 0.5 else {}
    if chance.random() < 0.4:
        await asyncio.sleep(chance.random() * _SECONDS)
    await stage.read(key, "HEAD" if chance.random() < 0.05 else "GET", **asks)


async def _write(stage: Stage, key: Key, chance: random.Random) -> None:
    await asyncio.sleep(chance.random() * _SECONDS)
    old = stage.store.current(key)
    size = len(old.body) if old is not None else chance.choice(SIZES)
    acts = (
        lambda: traffic.foreign_put(stage, key, size),
        lambda: traffic.foreign_put(stage, key, size),
        lambda: traffic.foreign_same_bytes(stage, key),
        lambda: traffic.foreign_metadata_only(stage, key),
        lambda: traffic.foreign_md5_collision(stage, key),
        lambda: traffic.foreign_delete(stage, key),
    )
    if chance.random() < 0.2:
        await traffic.put(stage, key, size)
    else:
        chance.choice(acts)()
