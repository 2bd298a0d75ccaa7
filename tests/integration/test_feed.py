"""The feed in one process, on a real Redis: what a listener is sent if the log, Redis or it itself is not as usual."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing
from dataclasses import replace

import pytest

from services.catalog.feed import feed as feeds
from services.catalog.feed import listener as listeners
from services.catalog.feed.feed import Feed
from services.catalog.feed.history import History
from services.catalog.feed.listener import Listener
from services.catalog.feed.trail import NOW, Trail
from services.catalog.feed.wanted import Wanted
from services.core.errors import Unavailable
from services.core.state import keys
from services.core.state.changes import ChangeLog
from services.core.state.connection import Redis
from services.core.state.entries import Entries
from services.core.state.progress import Reached
from tests.processes.redis_server import RedisServer
from tests.support.catalogs import an_entry

ALL = Wanted()


@pytest.fixture
def feed(client: Redis) -> Feed:
    return Feed(ChangeLog(client))


@pytest.fixture
def entries(client: Redis) -> Entries:
    return Entries(client)


async def create(entries: Entries, *names: str) -> list[int]:
    return [(await entries.create(an_entry(name))).number for name in names]


async def until(said: AsyncIterator[bytes], text: str) -> str:
    """Return what a listener is sent up to a text."""
    found = ""
    async with asyncio.timeout(10):
        while text not in found:
            found += (await anext(said)).decode()
    return found


def ids(said: str) -> list[int]:
    return [int(frame.split("\n")[0][4:]) for frame in said.split("\n\n") if "event: change" in frame]


async def test_a_listener_that_is_far_behind_is_sent_all_without_a_gap(
    feed: Feed, entries: Entries, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feeds, "AT_ONCE", 7)
    monkeypatch.setattr(listeners, "AT_ONCE", 7)
    monkeypatch.setattr(feeds, "_HELD", 10)
    [first, *numbers] = await create(entries, *(f"before-{number}" for number in range(40)))
    listener = Listener(feed, ALL, first)
    async with feed.listening():
        said = (await listener.first()).decode()
        async with aclosing(listener.following()) as rest:
            while len(ids(said)) < 20:
                said += (await anext(rest)).decode()
            numbers += await create(entries, *(f"meanwhile-{number}" for number in range(40)))
            said += await until(rest, f"id: {numbers[-1]}\nevent: change")
            numbers += await create(entries, "last")
            said += await until(rest, f"id: {numbers[-1]}\nevent: change")
    assert ids(said) == numbers
    assert "reset" not in said


async def test_a_listener_that_is_far_behind_is_sent_little_at_a_time(feed: Feed, entries: Entries) -> None:
    numbers = await create(entries, *(str(number) for number in range(250)))
    listener = Listener(feed, ALL, 0)
    async with feed.listening():
        found = [ids((await listener.first()).decode())]
        async with aclosing(listener.following()) as rest:
            while sum(map(len, found)) < len(numbers):
                found.append(ids((await anext(rest)).decode()))
    assert [number for part in found for number in part] == numbers
    assert max(map(len, found)) <= 100, "200 of them that read nothing must fit into the memory of a process"


@pytest.mark.parametrize("what", ["emptied", "trimmed"])
async def test_a_gap_is_told_also_to_who_listens_already(
    what: str, feed: Feed, entries: Entries, client: Redis
) -> None:
    numbers = await create(entries, "one", "two", "three")
    if what == "trimmed":
        await client.xtrim(keys.CHANGES, maxlen=1, approximate=False)
        async with feed.listening():
            listener = Listener(feed, ALL, numbers[0])
            assert f'id: {numbers[-1]}\nevent: reset\ndata: {{"reason":"gap"}}' in (await listener.first()).decode()
            # Who wants all that there is gets it, and is told that it is not all.
            said = (await Listener(feed, ALL, 0).first()).decode()
        assert '\n\nevent: reset\ndata: {"reason":"gap"}' in said
        assert ids(said) == numbers[2:]
        return
    async with feed.listening():
        listener = Listener(feed, ALL, numbers[-1])
        assert b"reset" not in await listener.first()
        async with aclosing(listener.following()) as rest:
            await client.flushall()
            later = await create(entries, "one", "two")
            said = await until(rest, "reset")
            later += await create(entries, "three")
            said += await until(rest, f"id: {later[-1]}\nevent: change")
    assert '{"reason":"gap"}' in said
    since = int(said.split("\nevent: reset")[0].rpartition("id: ")[2])
    assert ids(said) == [number for number in later if number > since]


async def test_while_redis_is_away_the_connection_stays_and_goes_on_without_a_gap(
    server: RedisServer, feed: Feed, entries: Entries, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listeners, "HEARTBEAT_SECONDS", 0.2)
    async with feed.listening():
        listener = Listener(feed, ALL, None)
        await listener.first()
        async with aclosing(listener.following()) as rest:
            numbers = await create(entries, "one")
            said = await until(rest, "event: change")
            server.stop()
            said += await until(rest, ":\n\n")
            server.start()
            numbers += await create(entries, "two")
            said += await until(rest, f"id: {numbers[-1]}\n")
    # The Redis of the tests stores nothing: what it had is lost, and that is told.
    assert ids(said)[0] == numbers[0]
    assert "reset" in said


async def test_a_filter_that_takes_nothing_does_not_let_its_client_fall_behind(
    feed: Feed, entries: Entries, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listeners, "HEARTBEAT_SECONDS", 0.1)
    async with feed.listening():
        listener = Listener(feed, Wanted(folders=("/PROD/",)), None)
        await listener.first()
        async with aclosing(listener.following()) as rest:
            [number] = await create(entries, "of-another-namespace")
            assert await until(rest, f"id: {number}\n\n")


async def test_purged_is_told_when_it_covers_what_the_client_was_sent(feed: Feed, entries: Entries) -> None:
    async with feed.listening():
        listener = Listener(feed, ALL, None)
        await listener.first()
        async with aclosing(listener.following()) as rest:
            [number] = await create(entries, "one")
            await until(rest, f"id: {number}\nevent: change")
            feed.take(Reached(number, number - 1, number))
            told = await until(rest, f'{{"everywhere":"{number - 1}","reachable":"{number}"}}')
            feed.take(Reached(number + 5, number + 5, number + 5))
            told += await until(rest, f'{{"everywhere":"{number}","reachable":"{number}"}}')
    assert told.count("event: purged") == 2


async def test_there_are_as_many_listeners_as_may_be_and_none_after_the_end(
    feed: Feed, entries: Entries, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feeds, "LISTENERS_MAX", 2)
    async with AsyncExitStack() as stack:
        for _ in range(2):
            await stack.enter_async_context(feed.listening())
        with pytest.raises(Unavailable):
            await stack.enter_async_context(feed.listening())
        listener = Listener(feed, ALL, None)
        await listener.first()
        async with aclosing(listener.following()) as rest:
            waiting = asyncio.ensure_future(anext(rest, b"the end"))
            await asyncio.sleep(0)
            feed.close()
            async with asyncio.timeout(1):
                assert await waiting == b"the end"
    assert feed._reader is None, "nothing is read for nobody"
    with pytest.raises(Unavailable):
        async with feed.listening():
            pass


async def test_a_history_says_whether_it_is_whole(client: Redis, entries: Entries) -> None:
    history, entry = History(ChangeLog(client)), an_entry()
    await create(entries, "cat", *(f"dog-{number}" for number in range(600)))
    await entries.change(entry.uuid, lambda old: replace(old, title="A cat"))
    found = await history.read(Trail(NOW, entry.unique_name), 10)
    assert ([event.kind.value for event in found.events], found.is_complete) == (
        ["asset.changed", "asset.created"],
        True,
    )
    nothing = await history.read(Trail(NOW, "/DEV/nobody.webp"), 10)
    assert (nothing.events, nothing.is_complete, nothing.cursor) == ([], True, None)
    await client.xtrim(keys.CHANGES, maxlen=300, approximate=False)
    found = await history.read(Trail(NOW, entry.unique_name), 10)
    assert ([event.kind.value for event in found.events], found.is_complete) == (["asset.changed"], False)
    assert found.since is not None
