"""Consumers that share a stream, on a real Redis: no message is lost, whoever dies, is cancelled or goes away."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError

from services.core.state import cancellation, stream
from services.core.state.connection import Redis, connect
from services.core.state.stream import Consumer, Later, Message
from tests.processes.redis_server import RedisServer
from tests.support.waits import eventually, missed_redis

STREAM, GROUP = "tada:undescribed", "describers"


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """What happens each few seconds happens more often here."""
    monkeypatch.setattr(stream, "LOST_SECONDS", 0.3)
    monkeypatch.setattr(stream, "_RENEW_SECONDS", 0.05)
    monkeypatch.setattr(stream, "_AGAIN_SECONDS", 0.02)
    monkeypatch.setattr(stream, "BLOCK", 0.05)


class Hands:
    """Does what it is told to with each message, and keeps what it has begun and ended."""

    def __init__(self, work: Callable[[Message], Awaitable[None]] | None = None) -> None:
        self._work = work
        self.firsts = 0
        self.begun: list[Message] = []
        self.done: list[str] = []

    async def first(self) -> None:
        self.firsts += 1

    async def ready(self) -> None:
        """There is always time."""

    async def work(self, message: Message) -> None:
        self.begun.append(message)
        if self._work:
            await self._work(message)
        self.done.append(message.fields[b"uuid"].decode())


async def for_ever(message: Message) -> None:
    await asyncio.Event().wait()


@asynccontextmanager
async def consuming(client: Redis, hands: Hands, name: str = "one") -> AsyncIterator["asyncio.Task[None]"]:
    task = asyncio.create_task(Consumer(client, STREAM, GROUP, name, hands).run())
    try:
        yield task
    finally:
        await cancellation.end([task])


async def add(client: Redis, *uuids: str) -> None:
    for uuid in uuids:
        await client.xadd(STREAM, {"uuid": uuid})


async def is_empty(client: Redis) -> bool:
    groups = await client.xinfo_groups(STREAM) if await client.exists(STREAM) else []
    return not await client.xlen(STREAM) and [group["pending"] for group in groups] == [0]


async def emptied(client: Redis) -> None:
    await eventually(lambda: is_empty(client))


async def is_begun(hands: Hands, count: int = 1) -> None:
    async def begun() -> bool:
        return len(hands.begun) >= count

    await eventually(begun)


async def test_what_was_added_before_there_was_a_group_and_since_is_worked_on_in_order_and_leaves_the_stream(
    client: Redis,
) -> None:
    hands = Hands()
    await add(client, "a", "b")
    async with consuming(client, hands):
        await emptied(client)
        await add(client, "c")
        await eventually(lambda: is_empty(client))
    assert hands.done == ["a", "b", "c"]
    assert {message.deliveries for message in hands.begun} == {1}


async def test_the_first_consumer_that_there_has_ever_been_is_told_so_and_no_other(client: Redis) -> None:
    hands = Hands()
    for _ in range(2):
        async with consuming(client, hands):
            await add(client, "a")
            await emptied(client)
    assert hands.firsts == 1


async def test_each_message_is_one_consumers(client: Redis) -> None:
    one, two = Hands(), Hands()
    uuids = [str(number) for number in range(40)]
    async with consuming(client, one, "one"), consuming(client, two, "two"):
        await add(client, *uuids)
        await emptied(client)
    assert sorted([*one.done, *two.done]) == sorted(uuids)


async def test_the_message_of_a_consumer_that_has_died_is_taken_over(server: RedisServer, client: Redis) -> None:
    await add(client, "a", "b")
    await client.xgroup_create(STREAM, GROUP, id="0")
    await client.xreadgroup(GROUP, "dead", {STREAM: ">"}, count=1)
    hands = Hands()
    async with consuming(client, hands):
        await emptied(client)
    assert sorted(hands.done) == ["a", "b"]
    assert {message.fields[b"uuid"]: message.deliveries for message in hands.begun} == {b"a": 2, b"b": 1}


async def test_a_message_is_not_taken_from_a_consumer_that_works_on_it_for_long(client: Redis) -> None:
    go = asyncio.Event()

    async def waits(message: Message) -> None:
        await go.wait()

    slow, other = Hands(waits), Hands()
    async with consuming(client, slow, "slow"):
        await add(client, "a")
        await is_begun(slow)
        async with consuming(client, other, "other"):
            await asyncio.sleep(3 * stream.LOST_SECONDS)
            go.set()
            await emptied(client)
    assert (slow.done, other.begun) == (["a"], [])


async def test_the_deliveries_say_how_many_have_died_of_a_message(client: Redis) -> None:
    await add(client, "a")
    await client.xgroup_create(STREAM, GROUP, id="0")
    [[_, [(number, _)]]] = await client.xreadgroup(GROUP, "dead", {STREAM: ">"})
    await client.xclaim(STREAM, GROUP, "dead too", 0, [number])
    hands = Hands()
    async with consuming(client, hands):
        await emptied(client)
    assert [message.deliveries for message in hands.begun] == [3]


async def test_what_is_put_off_is_done_later_and_nobody_has_died_of_it(client: Redis) -> None:
    tries = 0

    async def later(message: Message) -> None:
        nonlocal tries
        tries += 1
        if tries <= 5:
            raise Later(0.01)

    hands = Hands(later)
    async with consuming(client, hands):
        await add(client, "a")
        await emptied(client)
    assert hands.done == ["a"]
    assert [message.deliveries for message in hands.begun] == [1] * 6


async def test_what_is_put_off_again_and_again_holds_up_neither_what_was_left_nor_what_is_new(client: Redis) -> None:
    async def put_off(message: Message) -> None:
        if message.fields[b"uuid"] == b"later":
            await asyncio.sleep(0.05)
            raise Later(0)

    hands = Hands(put_off)
    await client.xgroup_create(STREAM, GROUP, id="0", mkstream=True)
    await add(client, *["later"] * 15, "left")
    await client.xreadgroup(GROUP, "dead", {STREAM: ">"}, count=16)
    async with consuming(client, hands):
        await is_begun(hands, 10)
        await add(client, "new")
        await eventually(lambda: asyncio.sleep(0, sorted(hands.done) == ["left", "new"]))


async def test_cancelled_in_the_middle_it_leaves_the_message_to_the_next(client: Redis) -> None:
    hands = Hands(for_ever)
    await add(client, "a")
    async with consuming(client, hands) as task:
        await is_begun(hands)
        task.cancel()
        await asyncio.wait([task], timeout=1)
        assert task.done()
    assert hands.done == []
    other = Hands()
    async with consuming(client, other, "other"):
        await emptied(client)
    assert other.done == ["a"]
    assert [message.deliveries for message in other.begun] == [1], "nobody has died of it"
    assert [task for task in asyncio.all_tasks() if "_keep" in repr(task)] == []


@pytest.mark.parametrize("instead", ["an error", "an answer"])
async def test_a_cancellation_that_the_client_swallows_ends_it_all_the_same(
    client: Redis, monkeypatch: pytest.MonkeyPatch, instead: str
) -> None:
    hands, read, reading = Hands(), client.xreadgroup, asyncio.Event()

    async def swallows(*given: object, **how: object) -> object:
        reading.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            if instead == "an error":
                raise RedisConnectionError("Connection closed") from None
        await add(client, "a")
        return await read(*given, **how)  # type: ignore[arg-type]

    monkeypatch.setattr(client, "xreadgroup", swallows)
    task = asyncio.create_task(Consumer(client, STREAM, GROUP, "one", hands).run())
    await reading.wait()
    task.cancel()
    await asyncio.wait([task], timeout=2)
    assert task.done()
    assert hands.begun == []
    monkeypatch.undo()
    monkeypatch.setattr(stream, "LOST_SECONDS", 0.05)
    await add(client, "b")
    other = Hands()
    async with consuming(client, other, "other"):
        await emptied(client)
    assert sorted(other.done) == (["b"] if instead == "an error" else ["a", "b"])


async def test_a_group_that_is_lost_is_made_anew_and_what_is_in_the_stream_is_done(
    client: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    hands = Hands()
    async with consuming(client, hands):
        await add(client, "a")
        await emptied(client)
        await client.xgroup_destroy(STREAM, GROUP)
        await add(client, "b")

        async def is_done() -> bool:
            return "b" in hands.done

        await eventually(is_done)
        await emptied(client)
    assert hands.done == ["a", "b"]
    assert hands.firsts == 2
    assert "redis_down" in caplog.messages


async def test_a_stream_that_is_gone_is_made_anew(client: Redis) -> None:
    hands = Hands()
    async with consuming(client, hands):
        await add(client, "a")
        await emptied(client)
        await client.delete(STREAM)
        await add(client, "b")

        async def is_done() -> bool:
            return "b" in hands.done

        await eventually(is_done)
    assert hands.done == ["a", "b"]


@pytest.mark.parametrize("while_", ["waiting", "working"])
async def test_a_redis_that_is_restarted_is_waited_for(
    server: RedisServer, while_: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(stream, "BLOCK", 1)
    go = asyncio.Event()

    async def waits(message: Message) -> None:
        await go.wait()

    hands = Hands(waits)
    own, client = connect(server.url), connect(server.url)
    await client.flushall()
    async with consuming(own, hands) as task:
        if while_ == "working":
            await add(client, "a")
            await is_begun(hands)
        server.stop()
        go.set()
        await missed_redis(caplog)
        server.start()
        await add(client, "b")

        async def is_done() -> bool:
            return "b" in hands.done

        await eventually(is_done)
        assert not task.done()

        async def nothing_is_left() -> bool:
            with suppress(RedisError):
                return await is_empty(client)
            return False

        await eventually(nothing_is_left)
    await own.aclose()
    await client.aclose()


async def test_without_redis_it_ends_promptly_when_it_is_cancelled(caplog: pytest.LogCaptureFixture) -> None:
    away = connect("redis://127.0.0.1:1")
    task = asyncio.create_task(Consumer(away, STREAM, GROUP, "one", Hands()).run())
    await missed_redis(caplog)
    started = time.monotonic()
    await cancellation.end([task])
    assert time.monotonic() - started < 1
    await away.aclose()
