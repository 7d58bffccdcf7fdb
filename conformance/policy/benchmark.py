"""How long it takes to judge a request by 100 statements: p50 and p99 of single judgements.

    .venv/bin/python conformance/run.py policy --examples 0

Keys are new at each judgement, so that nothing remembered helps (`hot` shows what memory makes of
it). Each judgement is timed on the wall and by the thread's own CPU time: on a machine that others
use too, only the second is the policy's.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random

from gateway.access.policy import Policy, compile_policy
from gateway.access.request_context import RequestContext

STATEMENTS = 100
P99_MICROSECONDS_MAX = 50.0
ROUNDS = 20_000
ACTIONS = ("s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:ListBucket")
CONTEXT = RequestContext(
    {
        "aws:username": "ann",
        "aws:sourceip": "10.1.2.3",
        "aws:securetransport": "true",
        "aws:currenttime": "2026-06-01T10:00:00+00:00",
        "aws:useragent": "aws-sdk/1",
        "s3:prefix": "home/ann/",
    }
)
_OFFICE = {"IpAddress": {"aws:SourceIp": ["10.0.0.0/8", "192.168.0.0/16"]}}


@dataclass(frozen=True, slots=True)
class Timed:
    """Microseconds of one kind of policy."""

    name: str
    wall_p50: float
    wall_p99: float
    cpu_p50: float
    cpu_p99: float

    @property
    def is_barred(self) -> bool:
        """Return whether the bar is for it; the last kind is what nobody writes, and is shown."""
        return self.name != _EXTREME


_EXTREME = "every condition is judged"


def _plain(number: int) -> dict:
    """Return one of many teams' rights; every fourth is a denial."""
    return {
        "Effect": "Deny" if number % 4 == 3 else "Allow",
        "Action": ["s3:Get*", "s3:PutObject"] if number % 2 else "s3:*",
        "Resource": [f"arn:aws:s3:::lake/team-{number}/*", f"lake/shared/{number}/*.parquet"],
    }


def _conditional(number: int) -> dict:
    return _plain(number) | {"Condition": _OFFICE}


def _varying(number: int) -> dict:
    return _plain(number) | {"Resource": f"lake/team-{number}/${{aws:username}}/*"}


def _all_asked(number: int) -> dict:
    """Return a denial of everything whose condition is judged by each request, and is false."""
    elsewhere = {"IpAddress": {"aws:SourceIp": [f"172.16.{number}.0/24", "2001:db8::/32"]}}
    return {"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": elsewhere}


POLICIES: dict[str, Callable[[int], dict]] = {
    "plain": _plain,
    "every statement has a condition": _conditional,
    "every resource has a variable": _varying,
    _EXTREME: _all_asked,
}


def measured(rounds: int = ROUNDS) -> list[Timed]:
    """Return the times of every kind, and of the plain one where its keys are hot."""
    found = []
    for name, make in POLICIES.items():
        policy = compile_policy([make(number) for number in range(STATEMENTS)])
        found.append(_timed(name, policy, _new_keys(rounds)))
        if name == "plain":
            hot = list(_new_keys(100)) * (rounds // 100)
            found.append(_timed("plain, hot", policy, iter(hot)))
    return found


def _new_keys(rounds: int) -> Iterator[tuple[str, str]]:
    chance = Random(7)
    for number in range(rounds):
        team = chance.randrange(STATEMENTS)
        yield chance.choice(ACTIONS), f"lake/team-{team}/ann/part-{number:08d}.parquet"


def _timed(name: str, policy: Policy, asked: Iterator[tuple[str, str]]) -> Timed:
    wall, cpu = [], []
    for action, resource in asked:
        cpu_begun, begun = time.thread_time_ns(), time.perf_counter_ns()
        policy.allows(action, resource, CONTEXT)
        wall.append(time.perf_counter_ns() - begun)
        cpu.append(time.thread_time_ns() - cpu_begun)
    wall.sort()
    cpu.sort()
    at = [len(wall) // 2, len(wall) * 99 // 100]
    return Timed(name, *(wall[one] / 1e3 for one in at), *(cpu[one] / 1e3 for one in at))


def table(timed: list[Timed]) -> str:
    """Return the times for people."""
    rows = [
        f"| {one.name} | {one.wall_p50:.1f} | {one.wall_p99:.1f} | {one.cpu_p50:.1f} "
        f"| {one.cpu_p99:.1f} |"
        for one in timed
    ]
    head = [
        f"| {STATEMENTS} statements, microseconds | wall p50 | wall p99 | CPU p50 | CPU p99 |",
        "|---|---|---|---|---|",
    ]
    return "\n".join([*head, *rows])
