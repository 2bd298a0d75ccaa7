import asyncio
import random

import pytest

from services.core.storage.s3_upload import Budget


async def test_no_more_is_taken_than_there_is() -> None:
    budget = Budget(100)
    taken = most = 0

    async def use(share: int) -> None:
        nonlocal taken, most
        async with budget.take(share):
            taken += share
            most = max(most, taken)
            await asyncio.sleep(0)
            taken -= share

    dice = random.Random(1)
    await asyncio.gather(*(use(dice.randrange(101)) for _ in range(500)))
    assert most <= 100
    async with asyncio.timeout(1), budget.take(100):
        pass


async def test_a_large_share_is_not_overtaken_for_ever_by_small_ones() -> None:
    budget, order = Budget(100), []

    async def use(name: str, share: int) -> None:
        async with budget.take(share):
            order.append(name)
            await asyncio.sleep(0)

    await asyncio.gather(use("first", 60), use("large", 100), *(use("small", 10) for _ in range(5)))
    assert order == ["first", "large", *["small"] * 5]


async def test_who_is_cancelled_while_waiting_or_using_gives_everything_back() -> None:
    budget = Budget(100)

    async def use() -> None:
        async with budget.take(80):
            await asyncio.sleep(60)

    using = [asyncio.create_task(use()) for _ in range(3)]
    await asyncio.sleep(0)
    for task in using:
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    async with asyncio.timeout(1), budget.take(100):
        pass
