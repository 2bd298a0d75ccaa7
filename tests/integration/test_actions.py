"""Actions on many entries with a real Redis: the lists, the job, and the requests that ask for it."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from arq.connections import ArqRedis
from pydantic import SecretStr
from redis.exceptions import ConnectionError as RedisConnectionError

from services.catalog.routes import actions as route
from services.catalog.search.search import Search
from services.catalog.settings import CatalogSettings
from services.core.assets.actions import Change
from services.core.assets.descriptions import TAGS_MAX
from services.core.assets.entries import Entry, milliseconds
from services.core.assets.retired import Undo
from services.core.errors import BadRequest, NotFound, TooManyRequests
from services.core.jobs import action_lists
from services.core.jobs.action_lists import ENTRIES_MAX, LISTS_MAX, ActionLists, Item, Progress
from services.core.jobs.kinds import ACT, ActArguments, parse
from services.core.jobs.log import JobLog, Record
from services.core.state import keys
from services.core.state.changes import ChangeLog, EntryDeleted, EntryWritten
from services.core.state.compare_and_set import Commit
from services.core.state.connection import Redis
from services.core.state.entries import Entries
from services.core.state.leases import Leases
from services.core.state.leftovers import Leftovers
from services.core.storage.local import LocalStorage
from services.jobs import act as module
from services.jobs.act import CHANGED, GONE, Act
from tests.processes.redis_server import RedisServer
from tests.support.catalogs import CatalogUser, an_entry
from tests.support.objects import listed, put
from tests.support.problems import problem
from tests.support.service import running
from tests.support.waits import eventually

PHOTO = b"\xff\xd8\xff\xe0 a photograph"
WRITER, OTHER, READER, LIMITED_ADMIN = "wr1ter", "0ther", "r3ader", "l1mited"
Run = Callable[..., Act]


@pytest.fixture
async def catalog(client: Redis) -> AsyncIterator[CatalogUser]:
    made = CatalogUser(client)
    async with made.process.alive():
        yield made


@pytest.fixture
def lists(client: Redis) -> ActionLists:
    return ActionLists(client)


@pytest.fixture
def run(client: Redis, catalog: CatalogUser, storage: LocalStorage, lists: ActionLists) -> Run:
    def make(list_id: str, change: Change | None = None, entries: Entries | None = None) -> Act:
        leftovers = Leftovers(catalog.reaper(storage))
        return Act(entries or catalog.entries, ChangeLog(client), leftovers, lists, list_id, change)

    return make


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BATCH", 10)


async def uploaded(catalog: CatalogUser, storage: LocalStorage, count: int, **changes: Any) -> list[Entry]:
    made = []
    for at in range(count):
        entry = an_entry(f"cat-{at}", size=len(PHOTO), **changes)
        await put(storage, entry.stored, PHOTO)
        await catalog.entries.create(entry, None)
        made.append(entry)
    return made


def found(entries: Sequence[Entry]) -> list[Item]:
    return [Item(entry.unique_name, milliseconds(entry.updated_date)) for entry in entries]


def named(entries: Sequence[Entry]) -> list[Item]:
    return [Item(entry.unique_name, uploaded=milliseconds(entry.uploaded_date)) for entry in entries]


async def changes_of(client: Redis, kind: type[EntryDeleted] | type[EntryWritten]) -> list[str]:
    return [one.unique_name for one in await ChangeLog(client).from_(0, 10_000) if isinstance(one, kind)]


# The lists


async def test_a_list_is_kept_for_a_day_and_gone_when_its_action_has_ended(client: Redis, lists: ActionLists) -> None:
    items = [Item(f"/DEV/cat-{at}.webp", at or None) for at in range(7000)]
    made = await lists.make(items)
    assert await lists.items(made, 0, 10_000) == items
    assert await lists.items(made, 6_998, 10) == items[6_998:]
    assert await lists.progress(made) == Progress(7000)
    day = 24 * 3600
    for key in (keys.action(made), keys.action_progress(made)):
        assert day - 60 < await client.ttl(key) <= day
    await lists.end(made)
    assert await lists.items(made, 0, 10) == []
    assert await client.zcard(keys.ACTIONS) == 0
    assert 0 < await client.ttl(keys.action_progress(made)) <= 3600


async def test_the_number_and_the_size_of_lists_are_bounded(
    client: Redis, lists: ActionLists, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = [await lists.make([Item("/DEV/a.webp")]) for _ in range(LISTS_MAX)]
    with pytest.raises(TooManyRequests):
        await lists.make([])
    await lists.end(made[0])
    await lists.make([])
    # A list that has ended by itself does not count.
    await client.zadd(keys.ACTIONS, {made[1]: 1})
    await lists.make([])
    with pytest.raises(BadRequest, match=str(ENTRIES_MAX)):
        await lists.make([Item("/DEV/a.webp")] * (ENTRIES_MAX + 1))
    monkeypatch.setattr(action_lists, "BYTES_MAX", 20)
    with pytest.raises(BadRequest):
        await lists.make([Item("/DEV/a.webp")] * 2)


def test_progress_names_some_and_counts_all() -> None:
    told = action_lists.Told("/DEV/a.webp", "why")
    progress = Progress(1000).further(3, [told] * 70, [told]).further(1, [told] * 70, [told])
    assert (progress.at, progress.done_count, progress.skipped_count, progress.failed_count) == (146, 4, 140, 2)
    assert len(progress.skipped) == action_lists.NAMED_MAX
    assert Progress.from_json(progress.to_json()) == progress


# The job


async def test_what_is_found_is_deleted_with_its_bytes_and_nothing_else(
    client: Redis, catalog: CatalogUser, storage: LocalStorage, lists: ActionLists, run: Run
) -> None:
    entries = await uploaded(catalog, storage, 30)
    list_id = await lists.make(found(entries[:25]))
    progress = await run(list_id).run()
    assert (progress.count, progress.done_count, progress.skipped, progress.failed) == (25, 25, (), ())
    assert await catalog.entries.count() == 5
    assert set(await listed(storage)) == {entry.storage_key for entry in entries[25:]}
    assert await client.hlen(keys.CLAIMS) == 0  # type: ignore[misc]
    assert sorted(await changes_of(client, EntryDeleted)) == sorted(entry.unique_name for entry in entries[:25])
    # A worker that dies before the job has its result asks again.
    assert await run(list_id).run() == progress


async def test_a_deletion_can_be_undone_as_any_other(
    client: Redis, catalog: CatalogUser, storage: LocalStorage, lists: ActionLists, run: Run
) -> None:
    entries = await uploaded(catalog, storage, 3)
    with_trash = Entries(client, Undo(versions=0, trash_days=30))
    await run(await lists.make(found(entries)), entries=with_trash).run()
    assert await catalog.entries.count() == 0
    assert set(await listed(storage)) == {entry.storage_key for entry in entries}
    assert await client.zcard(keys.TRASH) == 3


async def test_fields_are_changed_and_what_has_them_already_is_not_written(
    client: Redis, catalog: CatalogUser, storage: LocalStorage, lists: ActionLists, run: Run
) -> None:
    entries = await uploaded(catalog, storage, 3, tags=["a"])
    await catalog.entries.change(entries[0].uuid, lambda entry: replace(entry, tags=["a", "b"]))
    before = await changes_of(client, EntryWritten)
    progress = await run(await lists.make(found(entries)), Change.parse({"add_tags": ["b"]})).run()
    assert (progress.done_count, progress.skipped_count) == (3, 0)
    assert [(await catalog.entries.get(entry.uuid)).tags for entry in entries] == [["a", "b"]] * 3
    assert len(await changes_of(client, EntryWritten)) == len(before) + 2


@pytest.mark.parametrize("change", [None, Change.parse({"caption": "new"})])
async def test_what_is_gone_or_has_changed_since_it_was_found_is_left_alone(
    catalog: CatalogUser, storage: LocalStorage, lists: ActionLists, run: Run, change: Change | None
) -> None:
    gone, changed, again, same = await uploaded(catalog, storage, 4)
    list_id = await lists.make(found([gone, changed, again, same]))
    await asyncio.sleep(0.002)  # Dates have milliseconds.
    await catalog.entries.delete(gone.uuid, lambda entry: None)
    await catalog.entries.change(changed.uuid, lambda entry: Change({"credit": "x"}).applied(entry, 0))
    await catalog.entries.delete(again.uuid, lambda entry: None, keep_bytes=True)
    await catalog.entries.create(an_entry("cat-2"), None)
    progress = await run(list_id, change).run()
    told = {one.unique_name: one.reason for one in progress.skipped}
    assert told == {gone.unique_name: GONE, changed.unique_name: CHANGED, again.unique_name: CHANGED}
    assert (progress.done_count, progress.skipped_count) == (1, 3)
    assert (await catalog.entries.get(changed.uuid)).caption is None
    assert (await catalog.entries.get(again.uuid)).caption is None


async def test_entries_that_were_named_are_changed_whatever_they_are_by_now(
    catalog: CatalogUser, storage: LocalStorage, lists: ActionLists, run: Run
) -> None:
    [entry] = await uploaded(catalog, storage, 1)
    list_id = await lists.make(named([entry]))
    await asyncio.sleep(0.002)
    await catalog.entries.change(entry.uuid, lambda old: Change({"credit": "x"}).applied(old, 0))
    assert (await run(list_id).run()).done_count == 1
    assert await catalog.entries.count() == 0


@pytest.mark.parametrize("change", [None, Change.parse({"caption": "new"})])
async def test_a_later_asset_at_the_path_of_a_named_one_is_left_alone(
    catalog: CatalogUser, storage: LocalStorage, lists: ActionLists, run: Run, change: Change | None
) -> None:
    [entry] = await uploaded(catalog, storage, 1, uploaded_date="2026-01-01T00:00:00.000+00:00")
    list_id = await lists.make(named([entry]))
    await catalog.entries.delete(entry.uuid, lambda entry: None, keep_bytes=True)
    later = replace(entry, uploaded_date="2026-01-01T00:00:00.001+00:00")  # Its uuid is the MD5 of its path again.
    await catalog.entries.create(later, None)
    progress = await run(list_id, change).run()
    assert (progress.done_count, [one.reason for one in progress.skipped]) == (0, [GONE])
    assert await catalog.entries.get(later.uuid) == later


async def test_a_list_is_never_without_an_end(server: RedisServer, client: Redis, lists: ActionLists) -> None:
    """Between two commands a process can be killed."""
    async with client.monitor() as monitor:
        made = await lists.make([Item(f"/DEV/{at}.webp") for at in range(7000)])
        said = []
        while keys.action_progress(made) not in (line := (await monitor.next_command())["command"]):
            said.append(line.split()[0].upper())
    first = said.index("RPUSH")
    assert said[first - 1 : first + 3] == ["MULTI", "RPUSH", "EXPIRE", "EXEC"]


async def test_an_entry_that_cannot_be_changed_fails_alone(
    catalog: CatalogUser, storage: LocalStorage, lists: ActionLists, run: Run
) -> None:
    entries = await uploaded(catalog, storage, 3)
    full = [str(number) for number in range(TAGS_MAX)]
    await catalog.entries.change(entries[1].uuid, lambda entry: replace(entry, tags=full))
    progress = await run(await lists.make(named(entries)), Change.parse({"add_tags": ["b"]})).run()
    assert (progress.done_count, progress.failed_count) == (2, 1)
    assert progress.failed[0].unique_name == entries[1].unique_name
    assert "65 tags" in progress.failed[0].reason


class Failing(Entries):
    """Entries of which Redis goes away after some changes, with or without the last one done."""

    left = 0

    async def delete(self, *args: Any, **more: Any) -> tuple[Entry, Commit]:
        self._count()
        return await super().delete(*args, **more)

    async def change(self, *args: Any, **more: Any) -> tuple[Entry, Commit | None]:
        changed = await super().change(*args, **more)
        self._count()
        return changed

    def _count(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise RedisConnectionError


@pytest.mark.usefixtures("small_batches")
@pytest.mark.parametrize("change", [None, Change.parse({"caption": "new"})])
async def test_a_run_that_breaks_off_is_continued_and_every_entry_is_done_once(
    client: Redis, catalog: CatalogUser, storage: LocalStorage, lists: ActionLists, run: Run, change: Change | None
) -> None:
    entries = await uploaded(catalog, storage, 43)
    list_id = await lists.make(found(entries))
    failing = Failing(client)
    broken_off = 0
    while True:
        failing.left = 13
        try:
            progress = await run(list_id, change, failing).run()
        except RedisConnectionError:
            broken_off += 1
            continue
        break
    assert broken_off >= 3
    assert (progress.count, progress.done_count, progress.skipped, progress.failed) == (43, 43, (), ())
    kind = EntryDeleted if change is None else EntryWritten
    times = [(await changes_of(client, kind)).count(entry.unique_name) for entry in entries]
    assert times == [1 if change is None else 2] * 43, "each was created once, and changed once"
    assert await catalog.entries.count() == (0 if change is None else 43)


async def test_a_list_that_is_gone_fails_the_job_for_good(client: Redis, lists: ActionLists, run: Run) -> None:
    with pytest.raises(NotFound):
        await run("0" * 16).run()
    list_id = await lists.make([Item("/DEV/a.webp")])
    await client.delete(keys.action(list_id))
    with pytest.raises(NotFound):
        await run(list_id).run()


async def test_an_action_for_no_entries_is_done(lists: ActionLists, run: Run) -> None:
    assert await run(await lists.make([])).run() == Progress(0, begun=True)


# The requests


def line(name: str, role: str, namespaces: str, token: str) -> str:
    return f"{name}:{role}:{namespaces}:{hashlib.sha256(token.encode()).hexdigest()}"


@pytest.fixture
async def http(tmp_path: Path, server: RedisServer, client: Redis) -> AsyncIterator[httpx.AsyncClient]:
    tokens = ";".join(
        (
            line("writer", "write", "DEV", WRITER),
            line("other", "write", "PROD", OTHER),
            line("reader", "read", "*", READER),
            line("limited", "admin", "DEV", LIMITED_ADMIN),
        )
    )
    settings = CatalogSettings(
        redis_url=SecretStr(server.url),
        data_folder_path=tmp_path,
        namespaces_allowed=("DEV", "PROD"),
        media_token=SecretStr("m4ster"),
        media_tokens=SecretStr(tokens),
    )
    async with running(settings, client, WRITER) as made:

        async def is_answered() -> bool:
            return (await made.get("/catalog/search")).status_code != 503

        await eventually(is_answered)
        yield made


async def asked(http: httpx.AsyncClient, method: str, path: str, **more: Any) -> dict[str, Any]:
    answer = await http.request(method, path, **more)
    assert answer.status_code in (200, 202), answer.text
    body: dict[str, Any] = answer.json()
    assert body["dry_run"] is (answer.status_code == 200)
    assert body["errors"] == body["problems"] == []
    if answer.status_code == 202:
        assert answer.headers["location"] == f"/jobs/{body['data'][0]['id']}"
        assert answer.headers["retry-after"]
    return body


async def create(client: Redis, *bases: str, **changes: Any) -> list[Entry]:
    made = [an_entry(base, **changes) for base in bases]
    for entry in made:
        await Entries(client).create(entry, None)
    return made


def in_prod(entry: Entry) -> Entry:
    name = entry.unique_name.replace("/DEV/", "/PROD/")
    return replace(entry, uuid="", namespace="PROD", unique_name=name, destination="PROD")


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("DELETE", "/catalog/search?q=cat", None),
        ("PATCH", "/catalog/search?q=cat", {"add_tags": ["new"]}),
        ("POST", "/catalog/actions", {"action": "delete", "search": {"q": "cat"}}),
    ],
)
async def test_three_ways_to_ask_make_the_same_list(
    client: Redis, http: httpx.AsyncClient, lists: ActionLists, method: str, path: str, body: Any
) -> None:
    cats = await create(client, "cat-1", "cat-2")
    await create(client, "dog")
    given = {"json": body} if body else {}
    dry = {"json": {**body, "dry_run": True}} if method == "POST" else given
    told = await asked(http, method, path if method == "POST" else f"{path}&dry_run=true", **dry)
    assert (told["count"], told["not_found"]) == (2, [])
    assert sorted(entry["unique_name"] for entry in told["data"]) == [cat.unique_name for cat in cats]
    assert await client.zcard(keys.ACTIONS) == await client.zcard(keys.QUEUE) == 0
    body = await asked(http, method, path, **given)
    [job] = body["data"]
    assert (body["count"], job["name"], job["status"], job["asked_by"]) == (2, ACT, "queued", "writer")
    arguments = parse(ACT, job["arguments"])
    assert isinstance(arguments, ActArguments)
    assert arguments.action == ("change" if method == "PATCH" else "delete")
    assert arguments.search in ({"q": ["cat"]}, {"q": "cat"})
    items = await lists.items(arguments.list_id, 0, 10)
    assert sorted(items, key=lambda item: item.unique_name) == found(cats)
    assert await client.zcard(keys.QUEUE) == 1


async def test_what_was_just_written_is_found(client: Redis, http: httpx.AsyncClient) -> None:
    for at in range(5):
        await create(client, f"cat-{at}")
        assert (await asked(http, "DELETE", "/catalog/search?q=cat&dry_run=1"))["count"] == at + 1


async def test_a_token_finds_nothing_where_it_may_not_write(client: Redis, http: httpx.AsyncClient) -> None:
    [mine] = await create(client, "cat-1")
    theirs = in_prod(mine)
    theirs = replace(theirs, uuid="9" * 32)
    await Entries(client).create(theirs, None)
    unknown = "0" * 32
    for token, own, not_found in ((WRITER, mine, theirs), (OTHER, theirs, mine)):
        headers = {"authorization": f"Bearer {token}"}
        told = await asked(http, "DELETE", "/catalog/search?q=cat&dry_run=true", headers=headers)
        assert [entry["unique_name"] for entry in told["data"]] == [own.unique_name]
        given = {"action": "delete", "uuids": [own.uuid, not_found.uuid, unknown], "dry_run": True}
        told = await asked(http, "POST", "/catalog/actions", json=given, headers=headers)
        assert (told["count"], len(told["not_found"])) == (1, 2)
        assert [entry["unique_name"] for entry in told["data"]] == [own.unique_name]
    for method, path in (("DELETE", "/catalog/search?q=cat"), ("POST", "/catalog/actions")):
        answer = await http.request(method, path, headers={"authorization": f"Bearer {READER}"})
        assert answer.status_code == 403


async def test_entries_with_two_uuids_are_one_and_are_taken_as_they_are(
    client: Redis, http: httpx.AsyncClient, lists: ActionLists
) -> None:
    [cat] = await create(client, "cat")
    given = {"action": "delete", "uuids": [cat.uuid.upper(), cat.key]}
    body = await asked(http, "POST", "/catalog/actions", json=given)
    assert body["count"] == 1
    [job] = body["data"]
    assert await lists.items(job["arguments"]["list_id"], 0, 10) == named([cat])


async def test_more_than_a_hundred_are_deleted_only_with_their_number(client: Redis, http: httpx.AsyncClient) -> None:
    await create(client, *(f"cat-{at}" for at in range(101)))
    for confirm in ("", "&confirm=100", "&confirm=102"):
        answer = await http.delete(f"/catalog/search?q=cat{confirm}")
        assert answer.status_code == 400
        assert "confirm=101" in problem(answer)["hint"]
    assert await client.zcard(keys.QUEUE) == 0
    assert (await asked(http, "DELETE", "/catalog/search?q=cat&confirm=101"))["count"] == 101
    assert (await asked(http, "PATCH", "/catalog/search?q=cat", json={"caption": "a"}))["count"] == 101


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("DELETE", "/catalog/search", None),
        ("DELETE", "/catalog/search?recursive=true", None),
        ("DELETE", "/catalog/search?q=", None),
        ("DELETE", "/catalog/search?tag=&namespace=DEV", None),
        ("DELETE", "/catalog/search?q=cat&limit=5", None),
        ("DELETE", "/catalog/search?q=cat&cursor=x", None),
        ("DELETE", "/catalog/search?q=cat&q=dog", None),
        ("DELETE", "/catalog/search?filterByKey=tags", None),
        ("DELETE", "/catalog/search?q=cat&dry_run=perhaps", None),
        ("DELETE", "/catalog/search?q=cat&confirm=all", None),
        ("DELETE", "/catalog/search?q=cat", {"q": "dog"}),
        ("PATCH", "/catalog/search?q=cat", {}),
        ("PATCH", "/catalog/search?q=cat", {"filename": "a"}),
        ("PATCH", "/catalog/search?q=cat", []),
        ("PATCH", "/catalog/search?q=cat&confirm=1", {"caption": "a"}),
        ("PATCH", "/catalog/search", {"caption": "a"}),
        ("POST", "/catalog/actions?dry_run=true", {"action": "delete", "search": {"q": "cat"}}),
        ("POST", "/catalog/actions", {"action": "delete", "search": {}}),
    ],
)
async def test_what_could_mean_more_than_it_says_is_refused_and_does_nothing(
    client: Redis, http: httpx.AsyncClient, method: str, path: str, body: Any
) -> None:
    await create(client, "cat")
    answer = await http.request(method, path, **({"json": body} if body is not None else {}))
    assert answer.status_code == 400, answer.text
    assert problem(answer)["hint"]
    assert await client.zcard(keys.QUEUE) == await client.zcard(keys.ACTIONS) == 0


async def test_more_entries_than_an_action_may_have_are_refused(
    client: Redis, http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    await create(client, "cat-1", "cat-2", "cat-3")
    monkeypatch.setattr(route, "ENTRIES_MAX", 2)
    answer = await http.delete("/catalog/search?q=cat&dry_run=true")
    assert answer.status_code == 400
    assert "uploaded_after" in problem(answer)["hint"]


async def test_entries_where_the_token_may_not_write_do_not_count(
    client: Redis, http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = await create(client, "cat-1", "cat-2")
    for at, entry in enumerate(mine):
        await Entries(client).create(replace(in_prod(entry), uuid=f"{at}" * 32), None)
    monkeypatch.setattr(route, "ENTRIES_MAX", 2)
    assert (await asked(http, "DELETE", "/catalog/search?q=cat&dry_run=true"))["count"] == 2


async def test_one_action_at_a_time_finds_its_entries_and_searches_go_on(
    client: Redis, http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    await create(client, "cat")
    named, at_once, most = Search.named, 0, 0
    has_begun, may_end = asyncio.Event(), asyncio.Event()

    async def slow(*args: Any) -> list[Item]:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        has_begun.set()
        await may_end.wait()
        at_once -= 1
        return await named(*args)

    monkeypatch.setattr(Search, "named", slow)
    async with asyncio.TaskGroup() as group:
        for _ in range(3):
            group.create_task(asked(http, "DELETE", "/catalog/search?q=cat&dry_run=true"))
        await has_begun.wait()
        for _ in range(5):
            assert (await http.get("/catalog/search?q=cat")).status_code == 200
        may_end.set()
    assert most == 1


async def test_an_index_that_is_behind_is_not_acted_on(
    client: Redis, http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(route, "CURRENT_SECONDS", 0.05)
    await create(client, "cat")
    await client.set(keys.REVISION, "9" * 16)
    answer = await http.delete("/catalog/search?q=cat")
    assert (answer.status_code, problem(answer)["code"]) == (503, "behind")
    assert await client.zcard(keys.QUEUE) == 0


async def test_a_token_sees_its_own_actions_and_their_progress(
    client: Redis, http: httpx.AsyncClient, lists: ActionLists
) -> None:
    await create(client, "cat")
    [job] = (await asked(http, "DELETE", "/catalog/search?q=cat"))["data"]
    path = f"/jobs/{job['id']}"
    assert (await http.get(path)).json()["data"][0]["result"]["count"] == 1
    await lists.note(job["arguments"]["list_id"], Progress(1, begun=True).further(1, [], []))
    for token in (WRITER, "m4ster"):
        [shown] = (await http.get(path, headers={"authorization": f"Bearer {token}"})).json()["data"]
        assert (shown["status"], shown["result"]["done_count"]) == ("queued", 1)
    failed = Record(job["id"], ACT, "writer", job["arguments"], "failed", job["queued_at"])
    await Leases(client).take(job["id"], "a worker")
    assert await JobLog(client).note(failed, "a worker")
    [shown] = (await http.get(path)).json()["data"]
    assert (shown["status"], shown["result"]["done_count"]) == ("failed", 1)
    for token, status in ((OTHER, 404), (LIMITED_ADMIN, 404), (READER, 403)):
        assert (await http.get(path, headers={"authorization": f"Bearer {token}"})).status_code == status
    master = {"authorization": "Bearer m4ster"}
    [expire] = (await http.post("/jobs/expire", headers=master)).json()["data"]
    assert (await http.get(f"/jobs/{expire['id']}")).status_code == 404
    answer = await http.post(f"/jobs/{ACT}", headers=master, json=job["arguments"])
    assert (answer.status_code, "POST /catalog/actions" in problem(answer)["hint"]) == (404, True)


async def test_too_many_actions_at_once_are_told_to_wait(client: Redis, http: httpx.AsyncClient) -> None:
    for _ in range(LISTS_MAX):
        await asked(http, "DELETE", "/catalog/search?q=cat")
    answer = await http.delete("/catalog/search?q=cat")
    assert (answer.status_code, bool(answer.headers["retry-after"])) == (429, True)


@pytest.mark.parametrize(("broken", "kept"), [((ArqRedis, "enqueue_job"), 0), ((JobLog, "note"), 1)])
async def test_a_list_without_a_job_keeps_no_place(
    client: Redis, http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, broken: tuple[type, str], kept: int
) -> None:
    async def fail(*args: Any, **more: Any) -> None:
        raise RedisConnectionError

    await create(client, "cat")
    monkeypatch.setattr(*broken, fail)
    assert (await http.delete("/catalog/search?q=cat")).status_code == 503
    assert await client.zcard(keys.QUEUE) == await client.zcard(keys.ACTIONS) == kept
