"""Fills are bounded in bytes, first come first served."""

import asyncio

import pytest

from gateway.core.budget import ByteBudget


async def settle():
    for _ in range(5):
        await asyncio.sleep(0)


async def test_taking_beyond_the_bound_waits_for_giving():
    budget = ByteBudget(10)
    await budget.take(8)
    async with asyncio.TaskGroup() as tasks:
        second = tasks.create_task(budget.take(4))
        await settle()
        assert not second.done()
        budget.give(8)
    assert budget.taken_bytes == 4


async def test_nobody_overtakes():
    budget = ByteBudget(10)
    await budget.take(8)
    order = []

    async def take(count):
        await budget.take(count)
        order.append(count)

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(take(6))
        await settle()
        small = tasks.create_task(take(1))  # would fit, but came later
        await settle()
        assert not small.done()
        budget.give(8)
    assert order == [6, 1]


async def test_more_than_the_whole_budget_is_let_in_alone():
    budget = ByteBudget(10)
    await budget.take(20)
    budget.give(20)
    assert budget.taken_bytes == 0


async def test_a_waiter_that_leaves_frees_its_place():
    budget = ByteBudget(10)
    await budget.take(10)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await budget.take(5)
    budget.give(10)
    await budget.take(10)
    assert budget.taken_bytes == 10
