"""What every storage promises while it does not work, and once it works again.

What only one backend has is in tests/integration/test_s3.py and test_distant_failures.py.
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest

from services.core.errors import StorageDown
from services.core.storage import NewObject, Outcome, Receipt, ReplacesInPlace, Storage
from tests.contract.conftest import Breakable, Remote
from tests.contract.test_storage import BIG
from tests.support.objects import an_object, listed, new, put, streamed
from tests.support.waits import eventually

CAT, DOG = an_object(), an_object("DEV/dog.webp")
CONTENT = secrets.token_bytes(1_000_000)
Verb = Callable[[Storage], Awaitable[Any]]
VERBS: dict[str, Verb] = {
    "read": lambda storage: storage.read(CAT),
    "stream": lambda storage: streamed(storage, CAT),
    "stream a part": lambda storage: streamed(storage, CAT, 1, 2),
    "stream nothing": lambda storage: streamed(storage, CAT, 0, 0),
    "size": lambda storage: storage.size(CAT),
    "delete": lambda storage: storage.delete([CAT]),
    "delete several": lambda storage: storage.delete([CAT, DOG]),
    "list": listed,
    "check": lambda storage: storage.ready(),
}
HIDDEN = ("127.0.0.1", "secret", "Traceback", "pytest")
"""What is for the operator alone: addresses, what the other end says, folders."""


async def outcomes(verb: Callable[[Sequence[NewObject]], Awaitable[list[Outcome]]], *files: NewObject) -> list[Outcome]:
    """Store files. A breaker raises what has happened to all of them."""
    try:
        return await verb(files)
    except StorageDown as error:
        return [error]


async def everything(storage: Storage, small: NewObject, large: NewObject) -> dict[str, Any]:
    """Ask for everything at once; return what came of each."""
    asked: dict[str, Awaitable[Any]] = {name: verb(storage) for name, verb in VERBS.items()}
    asked["store"] = outcomes(storage.put, small)
    asked["store large"] = outcomes(storage.put, large)
    if isinstance(storage, ReplacesInPlace):
        asked["replace"] = outcomes(storage.replace, small)
    found = await asyncio.gather(*asked.values(), return_exceptions=True)
    return {
        name: outcome
        for name, came in zip(asked, found, strict=True)
        for outcome in (came if isinstance(came, list) else [came])
    }


async def test_whatever_is_asked_of_it_says_that_it_is_down_and_it_works_when_it_is_back(broken: Breakable) -> None:
    storage = broken.storage
    await put(storage, CAT, b"meow")
    small, large = new(storage, DOG, b"woof"), new(storage, an_object("DEV/large.pdf"), secrets.token_bytes(BIG))
    with broken.fault():
        async with asyncio.timeout(30):
            found = await everything(storage, small, large)
    for name, outcome in found.items():
        assert isinstance(outcome, StorageDown), (name, outcome)
        assert (outcome.status, outcome.retry_after) == (503, 2)
        assert outcome.hint
        assert outcome.message.endswith(".")
        for hidden in HIDDEN:
            assert hidden not in outcome.message, (name, outcome.message)

    await storage.ready()
    assert await listed(storage) == {CAT.key: 4}, "nothing was stored, and nothing deleted"
    assert await storage.read(CAT) == b"meow"
    assert [type(outcome) for outcome in await storage.put([small, large])] == [Receipt] * 2
    assert await listed(storage) == {CAT.key: 4, DOG.key: 4, "DEV/large.pdf": BIG}
    await storage.delete([CAT])
    assert CAT.key not in await listed(storage)


@pytest.mark.parametrize("size", [len(CONTENT), BIG])
async def test_an_upload_that_is_cut_in_the_middle_leaves_nothing_and_can_be_sent_again(
    remote: Remote, size: int
) -> None:
    storage, content = remote.storage, secrets.token_bytes(size)
    file = new(storage, CAT, content)
    with remote.way.being("cut"):
        [outcome] = await outcomes(storage.put, file)
        assert isinstance(outcome, StorageDown), outcome

    async def nothing_is_left() -> bool:
        return not remote.unfinished()

    await eventually(nothing_is_left)
    assert await listed(storage) == {}
    assert [type(outcome) for outcome in await storage.put([file])] == [Receipt]
    assert await storage.read(CAT) == content


async def test_a_body_that_is_cut_again_and_again_is_gone_on_with_or_not_given_at_all(remote: Remote) -> None:
    storage = remote.storage
    await put(storage, CAT, CONTENT)
    with remote.way.being("reset"):
        assert await streamed(storage, CAT) == CONTENT
        assert remote.way.requests > 5
        assert await streamed(storage, CAT, 400_000, 300_000) == CONTENT[400_000:700_000]
        with pytest.raises(StorageDown):
            await storage.read(CAT)
    assert await storage.read(CAT) == CONTENT
