"""Numbers for names that are taken, and which files count as the same."""

from dataclasses import replace

import pytest

from services.catalog.uploads.conflicts import NewAsset, OnConflict, free_number
from services.core.assets.names import AssetName
from tests.support.catalogs import an_entry

NEW = NewAsset(
    AssetName("DEV", "DEV", "cat.webp", "cat.png"), "image/png", "a" * 64, True, False, {}, OnConflict.SKIP, now=0.0
)


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 7, 8, 9, 100, 12_345])
async def test_the_next_number_is_found_in_few_steps(count: int) -> None:
    steps = 0

    async def are_free(numbers: list[int]) -> list[bool]:
        nonlocal steps
        steps += 1
        return [number > count + 1 for number in numbers]

    assert await free_number(are_free) == count + 2
    assert steps <= 20


async def test_with_gaps_a_number_is_found_that_is_free() -> None:
    taken = {2, 3, 4, 6, 9, 10}

    async def are_free(numbers: list[int]) -> list[bool]:
        return [number not in taken for number in numbers]

    assert await free_number(are_free) == 5


async def test_without_a_free_number_there_is_none() -> None:
    async def are_free(numbers: list[int]) -> list[bool]:
        return [False] * len(numbers)

    assert await free_number(are_free) is None


@pytest.mark.parametrize(
    ("signature", "original_signature", "is_same"),
    [("a", None, True), ("b", None, True), ("c", None, False), ("c", "a", True), ("c", "d", False)],
)
def test_the_bytes_are_the_same_as_received_or_as_stored(
    signature: str, original_signature: str | None, is_same: bool
) -> None:
    there = replace(
        an_entry(),
        signature=signature * 64,
        original_signature=original_signature and original_signature * 64,
    )
    assert NEW.is_same(there, "b" * 64) is is_same
