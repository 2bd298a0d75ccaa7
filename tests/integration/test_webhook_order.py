"""What waits for a webhook, in a real Redis: the order of an asset's events, whatever fails in between."""

import random
import time

import pytest

from services.core.state import keys
from services.core.state.connection import Redis
from services.core.webhooks import waiting as waiting_module
from services.core.webhooks.held import Attempt, Held
from services.core.webhooks.registry import Registry
from services.core.webhooks.waiting import Waiting
from services.core.webhooks.webhook import Webhook

FIRST = 1_764_530_000_000_000
ATTEMPT = Attempt("2026-03-01T09:30:00.000+00:00", "1", 500, "no")
PATHS = [f"/DEV/{letter}.pdf" for letter in "abcdef"]


@pytest.fixture
async def waiting(client: Redis) -> Waiting:
    registry = Registry(client)
    webhook = await registry.add(Webhook("", "https://cms.example.com/"))
    return registry.waiting(webhook.id)


def event(number: int, *paths: str) -> Held:
    return Held(FIRST + number, paths, b"{}")


async def numbers_due(waiting: Waiting, at: float | None = None) -> list[int]:
    found, _ = await waiting.due(time.time() if at is None else at, 100)
    return [held.number - FIRST for held in found]


async def left(client: Redis) -> set[str]:
    """Return which parts there still are of the only webhook."""
    return {key.decode().rpartition(":")[2] for key in await client.keys("tada:webhook:*")}


@pytest.mark.parametrize("seed", range(6))
async def test_the_events_of_an_asset_are_sent_in_their_order_also_across_moves(
    client: Redis, waiting: Waiting, seed: int
) -> None:
    chance, now, position = random.Random(seed), time.time(), 0
    made: list[Held] = []
    sent: list[Held] = []
    for _ in range(60):
        # Take some more. A third of them are moves, from one path to another.
        news = [
            event(len(made) + at, *chance.sample(PATHS, 2 if chance.random() < 0.3 else 1))
            for at in range(chance.randint(0, 3) if len(made) < 80 else 0)
        ]
        if news:
            assert await waiting.take(position, news[-1].number, news, now)
            made, position = [*made, *news], news[-1].number
        # Several are in the air at the same time, and end in any order.
        found, _ = await waiting.due(now, 4)
        chance.shuffle(found)
        for held in found:
            if chance.random() < 0.5:
                await waiting.settle(held, "again", ATTEMPT, now, at=now + chance.choice((0, 1)))
            else:
                sent.append(held)
                await waiting.settle(held, "delivered", ATTEMPT, now)
        now += 0.5
    while found := (await waiting.due(now + 10, 100))[0]:
        for held in found:
            sent.append(held)
            await waiting.settle(held, "delivered", ATTEMPT, now)
    assert sorted(held.number for held in sent) == [held.number for held in made]
    for path in PATHS:
        of_path = [held.number for held in sent if path in held.paths]
        assert of_path == sorted(of_path)
    assert await left(client) == {"state"}


async def test_an_event_waits_behind_those_of_each_of_its_paths_and_behind_no_other(waiting: Waiting) -> None:
    a, b, c = PATHS[:3]
    await waiting.take(0, FIRST + 5, [event(1, a), event(2, b), event(3, b, a), event(4, c), event(5, b)], time.time())
    assert await numbers_due(waiting) == [1, 4]
    now = time.time()
    await waiting.settle(event(1, a), "again", ATTEMPT, now, at=now + 60)
    assert await numbers_due(waiting) == [4]
    assert await numbers_due(waiting, now + 61) == [4, 1]
    await waiting.settle(event(1, a), "dead", ATTEMPT, now)
    await waiting.settle(event(4, c), "delivered", ATTEMPT, now)
    assert await numbers_due(waiting) == [2], "what waits behind a dead letter goes on"


async def test_events_are_taken_once_and_together_with_the_position(client: Redis, waiting: Waiting) -> None:
    now = time.time()
    assert await waiting.take(0, FIRST + 1, [event(1, "/DEV/a.pdf")], now)
    assert not await waiting.take(0, FIRST + 1, [event(1, "/DEV/a.pdf")], now), "a worker that was frozen"
    assert (await waiting.position(), await waiting.count()) == (FIRST + 1, 1)
    [(webhook, _)] = (await client.hgetall(keys.WEBHOOKS)).items()  # type: ignore[misc]
    await Registry(client).remove(webhook.decode())
    assert not await waiting.take(FIRST + 1, FIRST + 2, [event(2, "/DEV/a.pdf")], now)
    await waiting.settle(event(1, "/DEV/a.pdf"), "again", ATTEMPT, now, at=now)
    assert await left(client) == set(), "of a deleted webhook nothing comes back"


async def test_dead_letters_are_listed_replayed_before_later_events_and_bounded(
    waiting: Waiting, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, path = time.time(), "/DEV/a.pdf"
    await waiting.take(0, FIRST + 3, [event(number, path) for number in (1, 2, 3)], now)
    await waiting.settle(Held(FIRST + 1, (path,), b"{}", 13, now, ATTEMPT, "given up"), "dead", ATTEMPT, now)
    [letter] = await waiting.letters(10)
    assert (letter.held.attempts, letter.held.reason, letter.held.last) == (13, "given up", ATTEMPT)
    assert await waiting.letters(10, letter.id) == []
    assert await waiting.letter(letter.id) == letter
    assert await waiting.replay([letter], now) == 1
    assert await waiting.replay([letter], now) == 0, "it is there no more"
    [again], _ = await waiting.due(now, 10)
    assert (again.number, again.attempts, again.first, again.reason) == (FIRST + 1, 0, 0.0, "")

    monkeypatch.setattr(waiting_module, "DEAD_MAX", 2)
    small = Waiting(waiting._redis, waiting._keys["state"].split(":")[2])
    late = [Held(FIRST + number, (path,), b"{}", reason="full") for number in range(4, 9)]
    assert await small.take(FIRST + 3, FIRST + 8, late, now)
    state = await small.state()
    assert (state.dead_letters, state.dropped, state.waiting) == (2, 3, 3)
    assert [letter.held.number - FIRST for letter in await small.letters(10)] == [7, 8]
    assert (await small.remove_letters(), (await small.state()).dead_letters) == (2, 0)
