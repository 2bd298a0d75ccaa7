"""Whatever the order in which the storage, Redis and processes fail, in the end exactly the catalog's bytes are there.

Redis is real; calls to it fail, or lose their answers, where the test says so. The storage is local files behind the
same kind of faults: written once, as local files and S3 are, or replaced in place, as at a distant backend.
"""

import asyncio
import hashlib
import shutil
import tempfile
from collections.abc import Callable, Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test
from redis.exceptions import RedisError

from services.catalog.uploads.moves import Moves
from services.catalog.uploads.spool import SpooledFile
from services.catalog.uploads.uploads import Replacement, Rules, Uploads, Wish
from services.core.assets import identity, moves
from services.core.assets.entries import Entry
from services.core.assets.names import AssetName, unique_name_of
from services.core.assets.retired import NO_UNDO, Retired, Undo
from services.core.errors import AlreadyExists, BadRequest, NotFound, StorageDown, TadaError, Unavailable
from services.core.spool import prepare
from services.core.state import claims as claims_module
from services.core.state import commands, entry_json, keys
from services.core.state.compare_and_set import Commit
from services.core.state.connection import Redis, connect
from services.core.state.doubts import DOUBT_SECONDS
from services.core.state.leftovers import Leftovers
from services.core.state.retired import RetiredObjects, read
from services.core.storage import StoredObject
from services.core.storage.local import LocalStorage
from services.jobs.upkeep.sync import sync
from tests.processes.redis_server import RedisServer
from tests.support.catalogs import CatalogUser
from tests.support.failing_parts import FailingProcess, Fault, Faults, InPlace, Killed, spool_file

PNG = b"\x89PNG\r\n\x1a\n"
RULES = Rules(("DEV",), frozenset({"image/png"}), strip_metadata=False, convert_to_webp=True)
NAMES = ("cat", "dog")
ROUNDS = 3
"""So often may *reap* have to run, once everything works."""
Contents = set[bytes | None]

a_name, a_content = st.sampled_from(NAMES), st.integers(0, 3).map(lambda number: PNG + bytes([number]))
a_catalog = st.integers(0, 1)
a_redis_fault = st.sampled_from([None, Fault.REFUSED, Fault.UNANSWERED, Fault.REPEATED])


def uuid_of(name: str) -> str:
    return identity.asset_uuid(path_of(name))


def path_of(name: str) -> str:
    return f"/DEV/{name}.webp"


ELSEWHERE = "The asset that had this name has been moved, and is found by its old uuid."


def at_its_path(name: str) -> Callable[[Entry], None]:
    """Return a check that refuses an asset that is not at this path any more."""

    def check(entry: Entry) -> None:
        if entry.unique_name != path_of(name):
            raise BadRequest(ELSEWHERE)

    return check


def is_not_there(error: TadaError) -> bool:
    """Say whether a client is told that there is no asset of a name."""
    return isinstance(error, NotFound) or error.message == ELSEWHERE or error.message.endswith(" was moved.")


class Outages(RuleBasedStateMachine):
    """Two catalog services and a jobs worker. `possible` says what each asset may have by what clients were told."""

    redis_url: str
    kind: type[LocalStorage]
    storage_faults = st.sampled_from([Fault.REFUSED, Fault.UNANSWERED, Fault.LATE])
    undo = NO_UNDO

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = Path(tempfile.mkdtemp())
        self.backend = self.kind(self.folder / "data")
        prepare(self.backend.spool)
        self.faults = Faults()
        self.client: Redis = connect(self.redis_url)
        self.runner.run(self.begin())
        self.possible: dict[str, Contents] = {name: {None} for name in NAMES}

    async def begin(self) -> None:
        await self.client.flushall()
        self.catalogs = [await self.started(), await self.started()]
        self.worker = await self.started()

    async def started(self) -> FailingProcess:
        made = FailingProcess(self.redis_url, self.backend, self.faults, self.undo)
        await self.client.set(made.sign_of_life, b"1")
        return made

    # What clients do

    @rule(at=a_catalog, name=a_name, content=a_content)
    def upload(self, at: int, name: str, content: bytes) -> None:
        process = self.catalogs[at]

        async def step() -> None:
            uploads = self.uploads(process)
            [outcome] = await uploads.create([self.spooled(process, name, content)], Wish("DEV", None, None, None, {}))
            if isinstance(outcome, AlreadyExists):
                assert self.possible[name] != {None}
                return
            if isinstance(outcome, TadaError):
                raise outcome
            self.possible[name] = {content}

        self.client_does(process, name, content, step())

    @rule(at=a_catalog, name=a_name, content=a_content)
    def replace(self, at: int, name: str, content: bytes) -> None:
        process = self.catalogs[at]

        async def step() -> None:
            file = self.spooled(process, name, content)
            wanted = Replacement(uuid_of(name), file, False, {}, 0.0, at_its_path(name))
            [outcome] = await self.uploads(process).replace([wanted])
            if isinstance(outcome, TadaError) and is_not_there(outcome):
                assert None in self.possible[name]
                return
            if isinstance(outcome, TadaError):
                raise outcome
            self.possible[name] = {content}
            _, commit = outcome
            assert commit
            await Leftovers(process.reaper).clear([commit], 10)

        self.client_does(process, name, content, step())

    @rule(at=a_catalog, name=a_name)
    def delete(self, at: int, name: str) -> None:
        process = self.catalogs[at]

        async def step() -> None:
            try:
                _, commit = await process.user.entries.delete(uuid_of(name), at_its_path(name))
            except (NotFound, BadRequest) as error:
                if not is_not_there(error):
                    raise
                assert None in self.possible[name]
                return
            self.possible[name] = {None}
            await Leftovers(process.reaper).clear([commit], 10)

        self.client_does(process, name, None, step())

    @rule(at=a_catalog, name=a_name)
    def move(self, at: int, name: str) -> None:
        """Rename an asset to the other name. Whatever fails, it is at one of both paths."""
        [other] = {*NAMES} - {name}
        process, check = self.catalogs[at], at_its_path(name)
        before = self.signatures(name, other)

        def renamed(entry: Entry) -> tuple[Entry, AssetName]:
            check(entry)
            return entry, moves.renamed(entry, None, other)

        async def step() -> None:
            _, commit = await self.moves(process).change(uuid_of(name), renamed)
            assert commit
            await Leftovers(process.reaper).clear([commit], 10)

        with suppress(RedisError, TadaError, Killed):
            self.runner.run(step())
        self.bury()
        after = self.signatures(name, other)
        if after != before:
            assert after == [None, before[0]]
            self.possible[other] = {one for one in self.possible[name] if one and _digest(one) == before[0]}
            self.possible[name] = {None}

    def signatures(self, *names: str) -> list[str | None]:
        """Return those of the entries at some paths, as Redis has them."""

        async def read() -> list[bytes | None]:
            wanted = [identity.entry_key(path_of(name)) for name in names]
            return await commands.hmget(self.client, keys.ENTRIES, wanted)

        return [entry_json.read(raw).signature if raw else None for raw in self.runner.run(read())]

    def client_does(
        self, process: FailingProcess, name: str, wanted: bytes | None, step: Coroutine[Any, Any, None]
    ) -> None:
        before = set(self.possible[name])
        try:
            self.runner.run(step)
        except (RedisError, TadaError):
            self.possible[name] = before | {wanted}
        except Killed:
            self.possible[name] = before | {wanted} if self.possible[name] == before else self.possible[name]
        self.bury()

    # What fails

    @rule(data=st.data(), count=st.integers(1, 8))
    def storage_fails(self, data: st.DataObject, count: int) -> None:
        self.faults.coming += [data.draw(self.storage_faults) for _ in range(count)]

    @rule()
    def storage_is_back(self) -> None:
        self.faults.coming.clear()

    @rule()
    def late_requests_arrive(self) -> None:
        self.runner.run(self.faults.arrive())

    @rule(at=st.integers(0, 2), faults=st.lists(a_redis_fault, min_size=1, max_size=6))
    def redis_fails(self, at: int, faults: list[Fault | None]) -> None:
        [*self.catalogs, self.worker][at].redis_faults.coming = faults

    @rule(at=st.integers(0, 2), after=st.integers(0, 12))
    def a_process_dies_soon(self, at: int, after: int) -> None:
        [*self.catalogs, self.worker][at].dies_after = after

    def bury(self) -> None:
        """Start processes anew that have died."""

        async def anew(process: FailingProcess) -> FailingProcess:
            if process.dies_after != 0:
                return process
            await self.client.delete(process.sign_of_life)
            await process.close()
            return await self.started()

        async def all_anew() -> None:
            self.catalogs = [await anew(process) for process in self.catalogs]
            self.worker = await anew(self.worker)

        self.runner.run(all_anew())

    # What is done about it

    @rule()
    def reap(self) -> None:
        self.upkeep(self.worker.reaper.settle_all())

    @rule(at=a_catalog)
    def tidy(self, at: int) -> None:
        self.upkeep(self.catalogs[at].user.claims.tidy())

    def upkeep(self, step: Coroutine[Any, Any, object]) -> None:
        with suppress(RedisError, StorageDown, Killed):
            self.runner.run(step)
        self.bury()

    # What is there in the end

    def teardown(self) -> None:
        try:
            self.runner.run(self.end())
        finally:
            self.runner.close()
            shutil.rmtree(self.folder)

    async def end(self) -> None:
        self.faults.coming.clear()
        for process in (*self.catalogs, self.worker):
            process.redis_faults.coming.clear()
            process.dies_after = None
        await self.faults.arrive()
        for process in self.catalogs:
            await process.user.claims.tidy()
        for _ in range(ROUNDS):
            await self.worker.reaper.settle_all()
        assert await self.client.hgetall(keys.CLAIMS) == {}  # type: ignore[misc]
        for key, at in await self.client.zrange(keys.DOUBTFUL, 0, -1, withscores=True):
            await self.client.zadd(keys.DOUBTFUL, {key: at - DOUBT_SECONDS})
        user = self.worker.user
        await sync(user.entries, user.claims, user.doubts, self.worker.storage, dry_run=False, max_percent=0)
        await self.look(user)
        for process in (*self.catalogs, self.worker):
            await process.close()
        await self.client.aclose()

    async def look(self, user: CatalogUser) -> None:
        there = {listed.key: await self.backend.read(StoredObject(listed.key)) async for listed in self.backend.list()}
        found: dict[str, Entry | None] = {name: await _entry(user, name) for name in NAMES}
        entries = [entry for entry in found.values() if entry]
        retired = [read(raw).entry for raw in (await commands.hgetall(self.client, keys.RETIRED)).values()]
        assert sorted(there) == sorted(entry.storage_key for entry in [*entries, *retired])
        for entry in [*entries, *retired]:
            assert _digest(there[entry.storage_key]) == entry.signature
            assert unique_name_of(entry.storage_key) == entry.unique_name
        for name, one in found.items():
            assert (there[one.storage_key] if one else None) in self.possible[name]

    def uploads(self, process: FailingProcess) -> Uploads:
        user = process.user
        return Uploads(user.claims, process.reaper, user.entries, process.storage, RULES, user.room)

    def moves(self, process: FailingProcess) -> Moves:
        user = process.user
        return Moves(user.process, user.claims, process.reaper, user.entries, process.storage)

    def spooled(self, process: FailingProcess, name: str, content: bytes) -> SpooledFile:
        path = spool_file(process.storage, name, content)
        return SpooledFile(f"{name}.png", None, "image/png", path, len(content), _digest(content))


async def _entry(user: CatalogUser, name: str) -> Entry | None:
    raw = await user.entries.raw(identity.entry_key(path_of(name)))
    return entry_json.read(raw) if raw else None


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


class InPlaceOutages(Outages):
    # Nothing can be told of a request that arrives late where the next version takes the place of the last one.
    storage_faults = st.sampled_from([Fault.REFUSED, Fault.UNANSWERED])


class UndoneOutages(Outages):
    """Changes are undone, too, and what can be undone is let go."""

    undo = Undo(versions=2, trash_days=1)

    @rule(at=a_catalog, name=a_name, which=st.integers(0, 1))
    def restore_version(self, at: int, name: str, which: int) -> None:
        key = identity.entry_key(path_of(name))
        found = self.runner.run(RetiredObjects(self.client).versions(key))
        if which >= len(found):
            return
        process, wanted = self.catalogs[at], self.content_of(found[which])
        is_copied = unique_name_of(found[which].entry.storage_key) != path_of(name)

        async def restored(process: FailingProcess) -> tuple[Entry, Commit]:
            if is_copied:
                return await self.moves(process).restore(key, found[which], at_its_path(name))
            return await process.user.entries.restore_version(key, found[which], lambda _: None)

        async def step() -> None:
            try:
                _, commit = await restored(process)
            except (NotFound, BadRequest, Unavailable) as error:
                if not is_not_there(error):
                    raise
                assert None in self.possible[name]
                return
            self.possible[name] = {wanted}
            await Leftovers(process.reaper).clear([commit], 10)

        self.client_does(process, name, wanted, step())

    @rule(at=a_catalog, which=st.integers(0, 3))
    def undelete(self, at: int, which: int) -> None:
        found = self.runner.run(RetiredObjects(self.client).trash(4)).found
        if which >= len(found):
            return
        process, wanted = self.catalogs[at], self.content_of(found[which])
        name = found[which].entry.filename.removesuffix(".webp")

        async def step() -> None:
            try:
                await process.user.entries.undelete(found[which])
            except AlreadyExists:
                assert self.possible[name] != {None}
                return
            self.possible[name] = {wanted}

        self.client_does(process, name, wanted, step())

    @rule(which=st.integers(0, 3))
    def let_go(self, which: int) -> None:
        found = self.runner.run(RetiredObjects(self.client).trash(4)).found
        if which >= len(found):
            return
        trashed, objects = found[which], RetiredObjects(self.worker.user.client)

        async def step() -> None:
            left = await objects.let_go(trashed.entry.storage_key, trashed.number, trashed.group)
            await self.worker.reaper.settle_leftovers(left)

        self.upkeep(step())

    def content_of(self, retired: Retired) -> bytes:
        """Return the bytes: a retired object is there, whatever has failed."""
        return self.runner.run(self.backend.read(StoredObject(retired.entry.storage_key)))


@pytest.mark.parametrize(
    ("machine", "kind"), [(Outages, LocalStorage), (InPlaceOutages, InPlace), (UndoneOutages, LocalStorage)]
)
def test_in_the_end_exactly_the_bytes_of_the_catalog_are_there(
    server: RedisServer, monkeypatch: pytest.MonkeyPatch, machine: type[Outages], kind: type[LocalStorage]
) -> None:
    monkeypatch.setattr(claims_module, "CLAIM_SECONDS", 0.03)
    made = type(machine.__name__, (machine,), {"redis_url": server.url, "kind": kind})
    run_state_machine_as_test(
        made,
        settings=settings(
            max_examples=60, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
