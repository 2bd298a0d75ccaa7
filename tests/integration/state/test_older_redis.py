"""The catalog of the older service is found in Redis in each form that it may have there, and nothing is changed."""

from collections.abc import Awaitable, Callable
from typing import Any

import orjson
import pytest
from redis.exceptions import ResponseError

from services.catalog.settings import CatalogSettings
from services.core.assets import reading
from services.core.assets.entries import Entry
from services.core.state import keys, older_redis
from services.core.state.connection import Redis
from tests.support.older_installation import older_entry
from tests.support.service import running
from tests.support.waits import eventually

CAT, DOG = older_entry("/DEV/cat.webp", b"a cat"), older_entry("/DEV/shop/dog.pdf", b"a dog", version=3)


def as_fields(entry: dict[str, Any]) -> dict[str, str]:
    """Return an entry as fields of a hash: it has no types, and no null."""
    words = {"None": "", "False": "false"}
    return {name: words.get(str(value), str(value)) for name, value in entry.items()}


async def found(client: Redis) -> list[Entry]:
    """Return the entries as they are understood: the fields of a hash have no types."""
    values = [one async for one in older_redis.entries(client)]
    return [understood(one) for one in sorted(values, key=lambda value: value["unique_name"])]


def understood(value: dict[str, Any]) -> Entry:
    return reading.read(value, "2026-11-30T00:00:00.000+00:00")


async def as_texts(client: Redis) -> None:
    for entry in (CAT, DOG):
        await client.set(entry["uuid"], orjson.dumps(entry))


async def as_one_list(client: Redis) -> None:
    await client.set("catalog", orjson.dumps([CAT, DOG]))


async def as_one_object(client: Redis) -> None:
    await client.set("catalog", orjson.dumps({CAT["uuid"]: CAT, DOG["uuid"]: DOG}))


async def as_values_of_a_hash(client: Redis) -> None:
    await client.hset("catalog", mapping={entry["uuid"]: orjson.dumps(entry) for entry in (CAT, DOG)})


async def as_hashes(client: Redis) -> None:
    for entry in (CAT, DOG):
        await client.hset(f"media:{entry['uuid']}", mapping=as_fields(entry))


FORMS = (as_texts, as_one_list, as_one_object, as_values_of_a_hash, as_hashes)


class RedisJson(Redis):
    """Stands in for a Redis with RedisJSON, which cannot be installed here.

    The document of a key `document:…` is a text in a plain Redis. TYPE and JSON.GET of it answer as RedisJSON does, and
    it cannot be read as a text.
    """

    async def execute_command(self, *command: Any, **options: Any) -> Any:
        execute: Callable[..., Awaitable[Any]] = super().execute_command
        match command:
            case ("TYPE", bytes(key)) if key.startswith(b"document:"):
                return b"ReJSON-RL"
            case ("GET", bytes(key)) if key.startswith(b"document:"):
                raise ResponseError("WRONGTYPE Operation against a key holding the wrong kind of value")
            case ("JSON.GET", bytes(key)) if key.startswith(b"document:"):
                return await execute("GET", key)
        return await execute(*command, **options)


async def others(client: Redis) -> None:
    """Write what is not an entry: of TADA, and of other programs."""
    await client.set("tada:job:1", orjson.dumps(CAT))
    await client.set("number", 7)
    await client.set("bytes", b"\xff\x00")
    await client.set("json", b'{"uuid": "7", "name": "no entry"}')
    await client.set("deep", orjson.dumps({"a": {"b": CAT}}))
    await client.rpush("list", orjson.dumps(CAT))
    await client.hset("sessions", mapping={"a": "b"})


@pytest.mark.parametrize("write", FORMS)
async def test_each_form_is_read_and_stays_as_it_is(client: Redis, write: Any) -> None:
    await others(client)
    await write(client)
    before = {key: await client.dump(key) for key in await client.keys()}
    assert await found(client) == [understood(CAT), understood(DOG)]
    assert await older_redis.looks_older(client)
    assert {key: await client.dump(key) for key in await client.keys()} == before


async def test_documents_of_redis_json_are_read(client: Redis) -> None:
    await others(client)
    documents = {CAT["uuid"]: CAT, "others": [DOG], "settings": {"a": "b"}}
    for name, document in documents.items():
        await client.set(f"document:{name}", orjson.dumps(document))
    with_documents = RedisJson(connection_pool=client.connection_pool)
    assert await found(with_documents) == [understood(CAT), understood(DOG)]
    assert await older_redis.looks_older(with_documents)


async def test_a_redis_with_other_things_alone_does_not_look_like_that_of_the_older_service(client: Redis) -> None:
    await others(client)
    assert (await found(client), await older_redis.looks_older(client)) == ([], False)


async def test_a_look_reads_little_of_what_is_large(client: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    """Other programs may have anything in the same Redis: a look at the start of a service takes no more of it."""
    monkeypatch.setattr(older_redis, "_LOOKED_AT", 700)
    await client.hset("sessions", mapping={str(number): "x" * 60 for number in range(20_000)})  # type: ignore[misc]
    monkeypatch.setattr(older_redis, "_TEXT_MAX", 1000)
    await client.set("page", orjson.dumps([CAT, "x" * 1000]))
    await client.config_resetstat()
    assert not await older_redis.looks_older(client)
    info = await client.info("stats")
    assert info["total_net_output_bytes"] < 200_000
    assert [one["uuid"] async for one in older_redis.entries(client)] == [CAT["uuid"]], "who wants all reads all"


async def test_a_hash_of_many_entries_is_read_to_its_end_and_a_look_ends_at_the_first(client: Redis) -> None:
    entries = [older_entry(f"/DEV/cat-{number}.webp", b"a cat") for number in range(1200)]
    await client.hset("catalog", mapping={entry["uuid"]: orjson.dumps(entry) for entry in entries})  # type: ignore[misc]
    await client.config_resetstat()
    assert await older_redis.looks_older(client)
    looked = (await client.info("stats"))["total_net_output_bytes"]
    names = {one["unique_name"] async for one in older_redis.entries(client)}
    assert names == {entry["unique_name"] for entry in entries}
    assert looked < sum(len(orjson.dumps(entry)) for entry in entries) / 1.5


async def test_a_service_says_it_once_at_its_start_and_not_when_it_has_a_catalog(
    client: Redis, server: Any, tmp_path: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settings = CatalogSettings(redis_url=server.url, data_folder_path=tmp_path)

    def said() -> list[str]:
        events = [vars(record) for record in caplog.records if record.getMessage() == "redis_of_older_service"]
        return [event["tada"]["advice"] for event in events]

    async def has_said() -> bool:
        return bool(said())

    await as_texts(client)
    async with running(settings, client):
        await eventually(has_said)
    [advice] = said()
    assert "docs/migrating.md" in advice
    await client.set(keys.REVISION, "1")
    assert not await older_redis.looks_older(client)
