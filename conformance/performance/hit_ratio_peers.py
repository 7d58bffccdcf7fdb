"""libCacheSim's policies over a trace of numbers; run in an environment of its own.

    python hit_ratio_peers.py CACHE_OBJECTS SKIP SCANNED < numbers > {"LRU": 0.7, ...}

Every object is one unit. The ratio is of the requests from the `SKIP`th on whose number is below
`SCANNED`: what a scan reads once can be no hit of anyone's.
"""

import json
import sys

import libcachesim

POLICIES = ("LRU", "Sieve", "S3FIFO", "Belady")
NEVER = 2**62


def main() -> None:
    """Replay through each policy."""
    capacity, skip, scanned = (int(word) for word in sys.argv[1:])
    numbers = [int(line) for line in sys.stdin]
    following = [NEVER] * len(numbers)
    last: dict[int, int] = {}
    for at in range(len(numbers) - 1, -1, -1):
        following[at] = last.get(numbers[at], NEVER)
        last[numbers[at]] = at
    counted = sum(number < scanned for number in numbers[skip:])
    ratios = {}
    for name in POLICIES:
        cache = getattr(libcachesim, name)(cache_size=capacity)
        request, hits = libcachesim.Request(), 0
        request.obj_size = 1
        for at, number in enumerate(numbers):
            request.obj_id, request.next_access_vtime, request.clock_time = (
                number,
                following[at],
                at,
            )
            is_hit = cache.get(request)
            hits += is_hit and at >= skip and number < scanned
        ratios[name] = hits / counted
    json.dump(ratios, sys.stdout)


if __name__ == "__main__":
    main()
